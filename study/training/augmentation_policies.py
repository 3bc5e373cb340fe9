"""What augmentation may do with the images of a modality.

A brain slice has an up and a down, and grey values that mean nothing absolute: contrast, brightness and small rotations
vary, hue and the vertical axis don't. A tissue patch or a smear has no orientation: flips and quarter turns are free.
Where the strength of the DAB stain is the label (IHC), DAB stays; where colour is the laboratory's habit (hematoxylin
and eosin, blood stains), it varies. What a patch of lymph node is labelled by lies in its middle, so a crop keeps that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from study.errors import UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Ranges of random changes; each image draws its own.

    Attributes:
        horizontal_flip: with probability 1/2.
        dihedral: one of the 8 flips and quarter turns, evenly.
        rotation_deg: rotation by up to this many degrees either way.
        scale: zoom by a factor in [1 - scale, 1 + scale].
        shift: translation by up to this fraction of the side, each axis.
        crop: a square of a side in [1 - crop, 1] of the image's, anywhere in it, is enlarged to the whole.
        centre: fraction of the side about the middle that a crop never loses.
        brightness: added, in [-brightness, brightness] of the full range.
        contrast: distance from the image's mean times a factor in [1 - contrast, 1 + contrast].
        saturation: distance from grey times a factor in [1 - saturation, 1 + saturation].
        gamma: exponent in [1 / (1 + gamma), 1 + gamma], log-uniform.
        noise: standard deviation of Gaussian noise, drawn in [0, noise] for each image.
        stains: relative change of the optical density of (hematoxylin, eosin, DAB).
    """

    horizontal_flip: bool = False
    dihedral: bool = False
    rotation_deg: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    crop: float = 0.0
    centre: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    gamma: float = 0.0
    noise: float = 0.0
    stains: tuple[float, float, float] | None = None


POLICIES: Mapping[str, Mapping[str, Policy]] = {
    # Of unknown images nothing says that they may be flipped: of digits, or of a chest with its heart, they may not.
    "grey": {
        "none": Policy(),
        "light": Policy(rotation_deg=10, scale=0.05, shift=0.03),
        "strong": Policy(
            rotation_deg=10,
            scale=0.05,
            shift=0.03,
            brightness=0.15,
            contrast=0.4,
            gamma=0.6,
            noise=0.06,
        ),
    },
    "colour": {
        "none": Policy(),
        "light": Policy(rotation_deg=10, scale=0.05, shift=0.03),
        "strong": Policy(
            rotation_deg=15,
            scale=0.1,
            shift=0.05,
            brightness=0.08,
            contrast=0.2,
            saturation=0.2,
        ),
    },
    "mri": {
        "none": Policy(),
        "light": Policy(horizontal_flip=True, rotation_deg=10, scale=0.05, shift=0.03),
        # The geometry of "light", and grey values that vary as they do between scanners and exports: on slices from
        # other sources that is what helped, and more geometry did harm (bench/README.md).
        "strong": Policy(
            horizontal_flip=True,
            rotation_deg=10,
            scale=0.05,
            shift=0.03,
            brightness=0.15,
            contrast=0.4,
            gamma=0.6,
            noise=0.06,
        ),
    },
    "ihc": {
        "none": Policy(),
        "light": Policy(dihedral=True),
        "strong": Policy(
            dihedral=True,
            rotation_deg=15,
            scale=0.1,
            # Added light changes every density: 0.03 would change a weak DAB by 16 %, 0.01 changes it by half of that.
            brightness=0.01,
            # DAB strength is what the score is read from; hematoxylin strength is the laboratory's habit.
            stains=(0.25, 0.05, 0.03),
        ),
    },
    "he": {
        "none": Policy(),
        "light": Policy(dihedral=True),
        "strong": Policy(
            dihedral=True,
            rotation_deg=15,
            crop=0.35,
            # The label of a 96 px patch of PCam is that of its middle 32 px (Veeling et al. 2018).
            centre=1 / 3,
            brightness=0.08,
            contrast=0.2,
            saturation=0.2,
            stains=(0.15, 0.15, 0.0),
        ),
    },
    "blood": {
        "none": Policy(),
        "light": Policy(dihedral=True),
        "strong": Policy(
            dihedral=True,
            rotation_deg=20,
            scale=0.15,
            shift=0.05,
            brightness=0.08,
            contrast=0.2,
            saturation=0.2,
        ),
    },
}


def policy(modality: str, level: str) -> Policy:
    """The policy of a modality in `POLICIES` at a level ("none", "light", "strong")."""
    if modality not in POLICIES:
        raise UnknownNameError("modality", modality, POLICIES)
    return POLICIES[modality][level]
