"""Fields of stained blood smears, drawn: a stand-in for Blood Cell Cancer (ALL).

Hematogones, the benign precursors, are small, of varied size and regular, with condensed chromatin in blocks,
hardly a nucleolus and a narrow rim of cytoplasm. Lymphoblasts follow the usual descriptions of B-lineage acute
lymphoblastic leukemia (Bennett et al. 1976 for L1 and L2; Bain, "Leukaemia Diagnosis"): larger, with finer
chromatin, nucleoli, indented nuclei, and scanty to moderate, basophilic, at times vacuolated cytoplasm. That
early pre-B, pre-B and pro-B blasts look unlike each other is the drawing's own convention: in a patient,
immunophenotyping tells them apart, not the microscope. All ranges overlap, any field may look like that of a
neighbouring class and may hold normal lymphocytes, and neither colour nor the number of cells gives a class away.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from study.datasets.synthetic.blood_cells import (
    HEMOGLOBIN,
    METHYLENE_BLUE,
    PURPLE,
    Film,
    Lymphoid,
    draw_lymphoid,
    draw_platelet,
    draw_red_cell,
)
from study.datasets.synthetic.camera import photograph
from study.datasets.synthetic.outlines import Place, scatter
from study.datasets.synthetic.stains import Dyes
from study.errors import UnknownNameError

TITLE = "Blood cell Cancer [ALL]"
FOLDERS: Mapping[str, str] = {
    "Benign": "benign",
    "[Malignant] early Pre-B": "early_pre_b",
    "[Malignant] Pre-B": "pre_b",
    "[Malignant] Pro-B": "pro_b",
}
KINDS = tuple(FOLDERS.values())

# The share of fields that look like those of a neighbouring class, in the order of KINDS. It and the ranges
# below were chosen so that small networks reach an AUC of 0.75 to 0.85 within minutes, the mean colour about 0.6.
_ATYPICAL = 0.08
_NORMAL_LYMPHOCYTES = 0.1


@dataclass(frozen=True)
class _Look:
    """What the lymphoid cells of one field have in common; ranges from which each field draws its own.

    Attributes:
        radius: of the nucleus, in units (a red cell has about 11).
        spread: standard deviation of the logarithm of the radius within a field.
        nuclear_share: radius of the nucleus relative to that of the cell.
        clumping: contrast of condensed chromatin.
        chromatin: mean amount of purple in a nucleus, in optical density.
        nucleoli: mean number in a nucleus.
        indentation: mean depth of a nucleus' cleft, relative to its radius.
        basophilia: methylene blue in the cytoplasm, in optical density.
        vacuoles: mean number in a cell.
    """

    radius: tuple[float, float]
    spread: tuple[float, float]
    nuclear_share: tuple[float, float]
    clumping: tuple[float, float]
    chromatin: tuple[float, float]
    nucleoli: tuple[float, float]
    indentation: tuple[float, float]
    basophilia: tuple[float, float]
    vacuoles: tuple[float, float]


_LOOKS: Mapping[str, _Look] = {
    "benign": _Look(
        radius=(10.5, 14.5),
        spread=(0.10, 0.22),
        nuclear_share=(0.84, 0.95),
        clumping=(0.4, 0.75),
        chromatin=(1.0, 1.45),
        nucleoli=(0.0, 0.2),
        indentation=(0.0, 0.1),
        basophilia=(0.2, 0.5),
        vacuoles=(0.0, 0.1),
    ),
    "early_pre_b": _Look(
        radius=(12.5, 17.0),
        spread=(0.04, 0.12),
        nuclear_share=(0.80, 0.90),
        clumping=(0.18, 0.38),
        chromatin=(1.0, 1.45),
        nucleoli=(0.2, 1.0),
        indentation=(0.0, 0.15),
        basophilia=(0.20, 0.55),
        vacuoles=(0.0, 0.4),
    ),
    "pre_b": _Look(
        radius=(13.5, 18.0),
        spread=(0.06, 0.16),
        nuclear_share=(0.60, 0.73),
        clumping=(0.15, 0.45),
        chromatin=(1.0, 1.45),
        nucleoli=(0.4, 1.6),
        indentation=(0.25, 0.6),
        basophilia=(0.12, 0.4),
        vacuoles=(0.3, 2.5),
    ),
    "pro_b": _Look(
        radius=(16.0, 21.5),
        spread=(0.05, 0.15),
        nuclear_share=(0.86, 0.96),
        clumping=(0.0, 0.2),
        chromatin=(1.0, 1.45),
        nucleoli=(2.0, 4.0),
        indentation=(0.05, 0.35),
        basophilia=(0.2, 0.65),
        vacuoles=(0.0, 0.6),
    ),
}


def draw_field(kind: str, *, size_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One photograph of a smear.

    Args:
        kind: "benign", "early_pre_b", "pre_b" or "pro_b".
        size_px: side of the photograph; the field of view is about the same for every size.
        rng: where everything else comes from, stain and lamp included.

    Returns:
        uint8 (size_px, size_px, 3), RGB.

    Raises:
        UnknownNameError: there is no such kind.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of smear", kind, KINDS)
    shown = KINDS.index(kind)
    if rng.random() < _ATYPICAL:
        shown = int(np.clip(shown + rng.choice((-1, 1)), 0, len(KINDS) - 1))
    unit = size_px / 110 * float(np.exp(rng.normal(0, 0.06)))
    film = Film.empty(size_px, unit, rng)
    cells = _lymphoid_cells(_LOOKS[KINDS[shown]], unit, rng)
    places = scatter([cell.cell_radius_px for cell in cells], (), size_px=size_px, overlap=0.02, rng=rng, outside=-0.3)
    taken = [place for place in places if place]
    _draw_red_cells(film, taken, rng)
    for place, cell in zip(places, cells, strict=True):
        if place:
            draw_lymphoid(film, place.at_px, cell, rng)
    platelets = [4 * unit] * int(rng.poisson(2.5))
    for place in scatter(platelets, taken, size_px=size_px, overlap=0, rng=rng):
        if place:
            draw_platelet(film, place.at_px, rng)
    dyes = Dyes.sample((HEMOGLOBIN, PURPLE, METHYLENE_BLUE), strength=0.22, angle=0.045, rng=rng)
    return photograph(dyes.transmit((film.hemoglobin, film.purple, film.blue)), blur_px=0.7 * unit, rng=rng)


def _lymphoid_cells(look: _Look, unit: float, rng: np.random.Generator) -> list[Lymphoid]:
    """The lymphoid cells of a field, the larger the fewer, so that their area tells little."""
    limits = _LOOKS["benign"]
    typical = {field.name: float(rng.uniform(*getattr(look, field.name))) for field in fields(look)}
    radius, indentation = typical["radius"], typical["indentation"]
    number = max(2, round(float(rng.uniform(1.8, 5.6)) * 16 / radius))
    cells = []
    for _ in range(number):
        normal = rng.random() < _NORMAL_LYMPHOCYTES
        size = float(rng.uniform(*limits.radius) if normal else radius * np.exp(rng.normal(0, typical["spread"])))
        cells.append(
            Lymphoid(
                radius_px=size * unit,
                nuclear_share=float(np.clip(rng.normal(typical["nuclear_share"], 0.03), 0.55, 0.97)),
                clumping=float(rng.uniform(*limits.clumping)) if normal else typical["clumping"],
                nucleoli=0 if normal else int(rng.poisson(typical["nucleoli"])),
                indentation=float(np.clip(rng.gamma(1.5, indentation / 1.5), 0, 0.65)) * (not normal),
                waves=0.02 + 0.15 * indentation * (not normal),
                basophilia=typical["basophilia"] * float(rng.uniform(0.8, 1.2)),
                vacuoles=int(rng.poisson(typical["vacuoles"])),
                chromatin=typical["chromatin"] * float(rng.uniform(0.9, 1.1)),
            )
        )
    return cells


def _draw_red_cells(film: Film, taken: Sequence[Place], rng: np.random.Generator) -> None:
    """Red cells where the lymphoid ones leave room, side by side or on each other."""
    size_px, unit = len(film.blue), film.unit
    typical, variety = float(rng.uniform(10, 12)) * unit, float(rng.uniform(0.03, 0.1))
    number = int(rng.uniform(7, 19) * np.square(size_px / (110 * unit)))
    radii = [typical * float(np.exp(rng.normal(0, variety))) for _ in range(number)]
    amount, pallor = float(rng.uniform(0.28, 0.5)), float(rng.uniform(0.15, 0.75))
    overlap = float(rng.uniform(0.0, 0.4))
    for place in scatter(radii, taken, size_px=size_px, overlap=overlap, rng=rng):
        strength, paler = amount * float(rng.uniform(0.85, 1.15)), float(np.clip(rng.normal(pallor, 0.12), 0, 0.9))
        if place:
            draw_red_cell(film, place.at_px, place.radius_px, amount=strength, pallor=paler, rng=rng)


def draw_blood_cell_all(root: Path, *, counts: Mapping[str, int], seed: int, size_px: int = 160) -> None:
    """Writes a stand-in in the dataset's layout: `Blood cell Cancer [ALL]/[Malignant] Pre-B/Snap_001.jpg`.

    Every field comes from a smear of its own, since the real file names don't tell whose blood it is.

    Args:
        root: folder to write into; it is created.
        counts: class folder ("Benign", "[Malignant] Pre-B", ...) -> number of fields.
        seed: the same seed draws the same bytes.
        size_px: side of the photographs; the real ones are 1024 x 768.

    Raises:
        UnknownNameError: `counts` names a class folder that does not exist.
    """
    jobs = []
    for folder, number in counts.items():
        if folder not in FOLDERS:
            raise UnknownNameError("class folder", folder, FOLDERS)
        (root / TITLE / folder).mkdir(parents=True, exist_ok=True)
        jobs += [(folder, n) for n in range(1, number + 1)]
    write = partial(_write_field, root=root / TITLE, seed=seed, size_px=size_px)
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(write, jobs))


def _write_field(job: tuple[str, int], *, root: Path, seed: int, size_px: int) -> None:
    """Draws and writes one field, `job` being its class folder and running number."""
    folder, number = job
    kind = FOLDERS[folder]
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    pixels = draw_field(kind, size_px=size_px, rng=rng)
    Image.fromarray(pixels).save(root / folder / f"Snap_{number:03d}.jpg", quality=int(rng.integers(82, 96)))
