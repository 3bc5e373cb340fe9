"""What is recorded of single images and of the time that networks take: `explanations.json`.

A report shows images and maps without the data set and without a network, so both are kept here: small, as PNG files
within the JSON text. The file is known by its hash in the log.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class ImageMap:
    """Where in one test image a network found what speaks for its answer (Grad-CAM).

    Attributes:
        path: of the image.
        chosen_as: "right", "wrong" or "random".
        target: index of its class.
        answer: index of the class that the network answered, which the map is for.
        probability: of the answer, in [0, 1].
        heat: uint8 (h, w) at the feature map's own size, 255 at its maximum; None where there is no map.
        why_none: why there is none; "" where there is one.
        untrained: rank correlation with the map of each untrained network, None where it is undefined.
        other_seed: with that of another seed run.
        other_images: with this network's maps of the other images, each.
    """

    path: str
    chosen_as: str
    target: int
    answer: int
    probability: float
    heat: Pixels | None
    why_none: str = ""
    untrained: tuple[float | None, ...] = ()
    other_seed: float | None = None
    other_images: tuple[float | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is recorded of one architecture's tuned recipe.

    Attributes:
        seed_run: number of the seed run whose maps these are.
        other_seed_run: number of the one that it is compared with, None where it is the only one.
        layer: name of the module whose output Grad-CAM looks at.
        maps: one an image.
        latency_ms: images at a time -> milliseconds an image, median.
    """

    seed_run: int
    other_seed_run: int | None
    layer: str
    maps: tuple[ImageMap, ...]
    latency_ms: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Explanations:
    """What is recorded of a run.

    Attributes:
        networks: architecture -> its explanation.
        thumbnails: path of an image -> uint8 (s, s, 3), as a network sees it.
        machine: "cpu" its model, "num_threads" that were used, "torch" and "captum" their versions.
    """

    networks: Mapping[str, Explanation]
    thumbnails: Mapping[str, Pixels]
    machine: Mapping[str, Any]

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), default=_png) + "\n"


def read_explanations(path: Path) -> Explanations:
    """Reads what `Explanations.to_json` made."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return Explanations(
        networks={name: _explanation(values) for name, values in read["networks"].items()},
        thumbnails={name: _pixels(png) for name, png in read["thumbnails"].items()},
        machine=read["machine"],
    )


def _explanation(values: dict[str, Any]) -> Explanation:
    latency_ms = {int(size): float(milliseconds) for size, milliseconds in values["latency_ms"].items()}
    maps = tuple(_image_map(each) for each in values["maps"])
    return Explanation(**values | {"maps": maps, "latency_ms": latency_ms})


def _image_map(values: dict[str, Any]) -> ImageMap:
    heat = None if values["heat"] is None else _pixels(values["heat"])
    correlations = {name: tuple(values[name]) for name in ("untrained", "other_images")}
    return ImageMap(**values | correlations | {"heat": heat})


def _png(pixels: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _pixels(png: str) -> Pixels:
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        return np.asarray(picture)
