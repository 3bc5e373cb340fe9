"""A study of one's own images, of which nothing is declared: what is sensible follows from how they look."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from study import architectures
from study.datasets import Sample
from study.datasets.custom.look import Look
from study.planning.image_sizes import AskedSizes
from study.spec import OwnImages, Recipe, Study, Table, ray_domains

# A plain network, a deeper one that needs no weights, and one that starts from ImageNet.
ARCHITECTURES = ("baseline_cnn", "eight_conv_cnn", "resnet18")
_SIZES_PX = (32, 48, 64, 96, 128)
# On a CPU larger images make a study a matter of days.
_LARGEST_ON_CPU_PX = 64
_USUAL_POS_WEIGHTS = (0.2, 5.0)
_LINE_WIDTH = 120


@dataclass(frozen=True)
class Range:
    """A search domain in plain words, to be made and to be written down: "loguniform", "uniform" or "choice"."""

    kind: str
    values: tuple[Any, ...]

    def domain(self) -> Any:
        return ray_domains.domain(self.kind, self.values)

    def source(self) -> str:
        inside = ", ".join(_literal(v) if self.kind == "choice" else f"{v:g}" for v in self.values)
        inside = f"[{inside}]" if self.kind == "choice" else inside
        return f"tune.{self.kind}({inside})"


@dataclass(frozen=True)
class Derived:
    """A study that was derived, with what it searches in a form that can be written down."""

    own: OwnImages
    title: str
    image_size: int
    image_sizes: Mapping[str, int]
    pairs: Mapping[str, Recipe]
    space: Mapping[str, Range]
    pair_space: Mapping[str, Mapping[str, Range]]
    notes: tuple[str, ...] = ()

    def study(self) -> Study:
        return Study(
            title=self.title,
            dataset=self.own,
            image_size=self.image_size,
            image_sizes=self.image_sizes,
            pairs=self.pairs,
            space={name: each.domain() for name, each in self.space.items()},
            pair_space={
                pair: {name: each.domain() for name, each in of.items()} for pair, of in self.pair_space.items()
            },
            allow_from_scratch=True,
            notes=self.notes,
        )


def derive(
    own: OwnImages, look: Look, samples: Sequence[Sample], *, names: Sequence[str], sizes: AskedSizes
) -> Derived:
    """A study of these images.

    Args:
        own: what they are.
        look: how they look.
        samples: all of them.
        names: architectures that were asked for; none leaves it to networks that suit any images.
        sizes: sides that were asked for; what isn't is left to the images.
    """
    pairs = {name: architectures.find(name).recipe for name in names or ARCHITECTURES}
    space = {
        "lr": Range("loguniform", (1e-4, 1e-2)),
        "dropout": Range("uniform", (0.0, 0.7)),
        "batchnorm": Range("choice", (False, True)),
        "augmentation": Range("choice", ("none", "light", "strong")),
    }
    if len(own.classes) == 2:
        pairs = {name: recipe.with_values({"pos_weight": "balanced"}) for name, recipe in pairs.items()}
        space["pos_weight"] = Range("loguniform", _pos_weights(samples))
    else:
        space["class_weight_power"] = Range("uniform", (0.0, 1.0))
    transfer = {
        "freeze_epochs": Range("choice", (0, 1)),
        "fine_tune_lr": Range("loguniform", (1e-5, 1e-3)),
    }
    of_all = {name: domain for name, domain in space.items() if all(_has(pair, name) for pair in pairs)}
    own_spaces = {
        pair: {name: domain for name, domain in space.items() if name not in of_all and _has(pair, name)}
        | (transfer if recipe.pretrained else {})
        for pair, recipe in pairs.items()
    }
    return Derived(
        own=own,
        title=f"{own.name}: {len(own.classes)} classes",
        image_size=sizes.of_all or image_size(look.side_px, gpu=torch.cuda.is_available()),
        image_sizes=sizes.of_each,
        pairs=pairs,
        space=of_all,
        pair_space={pair: ranges for pair, ranges in own_spaces.items() if ranges},
    )


def _has(pair: str, hyperparameter: str) -> bool:
    """Whether a network can be trained with different values of it."""
    known = architectures.find(pair).hyperparameters
    return hyperparameter not in architectures.NETWORK_HYPERPARAMETERS or hyperparameter in known


def image_size(side_px: int, *, gpu: bool) -> int:
    """The largest usual size that enlarges no more than half of the images; on a CPU at most 64 px."""
    largest = _SIZES_PX[-1] if gpu else _LARGEST_ON_CPU_PX
    return max((size for size in _SIZES_PX if size <= min(side_px, largest)), default=_SIZES_PX[0])


def source(derived: Derived) -> str:
    """The study file that declares the same: Python, to be edited."""
    own = derived.own
    declared = {f.name: getattr(own, f.name) for f in fields(own)}
    defaults = {f.name: getattr(OwnImages(name="x", folder="x", classes=("a", "b")), f.name) for f in fields(own)}
    images = []
    for name, value in declared.items():
        if name in ("name", "folder", "classes", "modality") or value != defaults[name]:
            if name == "classes" and len(own.classes) == 2:
                images.append("        # The second one is the positive one.")
            images += _lines(f"{name}=", value, indent=8)
    names = ["OwnImages", "Recipe", "Study", *(["Table"] if own.table else [])]
    lines = [
        f'"""{derived.title}.',
        "",
        "Derived from the images by `study.run --images`, to be edited. `python -m study.run THIS_FILE.py` runs it.",
        '"""',
        "",
        "from ray import tune",
        "",
        f"from study.spec import {', '.join(names)}",
        "",
        "STUDY = Study(",
        f"    title={_literal(derived.title)},",
        "    dataset=OwnImages(",
        *images,
        "    ),",
        f"    image_size={derived.image_size},",
        *(_lines("image_sizes=", derived.image_sizes, indent=4) if derived.image_sizes else []),
        "    pairs={",
        *(line for pair, recipe in derived.pairs.items() for line in _lines(f'"{pair}": ', recipe, indent=8)),
        "    },",
        *_space("space", {"": derived.space}),
        *_space("pair_space", derived.pair_space),
        "    # A pretrained network whose weights can't be had is trained from scratch, and the report says so.",
        "    allow_from_scratch=True,",
        *(_lines("notes=", derived.notes, indent=4) if derived.notes else []),
        ")",
    ]
    return "\n".join(lines) + "\n"


def _space(name: str, spaces: Mapping[str, Mapping[str, Range]]) -> list[str]:
    if not spaces:
        return []
    lines = [f"    {name}={{"]
    for pair, ranges in spaces.items():
        indent = " " * (12 if pair else 8)
        entries = [f'{indent}"{key}": {each.source()},' for key, each in ranges.items()]
        lines += [f'        "{pair}": {{', *entries, "        },"] if pair else entries
    return [*lines, "    },"]


def _lines(begin: str, value: Any, *, indent: int) -> list[str]:
    """Python that makes a value, on one line, or a line for each of its parts."""
    margin = " " * indent
    opening, parts, closing = _parts(value)
    # A tuple of one needs a comma.
    line = f"{margin}{begin}{opening}{', '.join(parts)}{',' * (opening == '(' and len(parts) == 1)}{closing},"
    if len(line) <= _LINE_WIDTH or len(parts) == 1:
        return [line]
    return [f"{margin}{begin}{opening}", *(f"{margin}    {part}," for part in parts), f"{margin}{closing},"]


def _parts(value: Any) -> tuple[str, list[str], str]:
    if isinstance(value, Mapping):
        return "{", [f"{_literal(key)}: {_literal(each)}" for key, each in value.items()], "}"
    if isinstance(value, tuple):
        return "(", [_literal(each) for each in value], ")"
    if isinstance(value, Table):
        given = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name)}
        return "Table(", [f"{name}={_literal(each)}" for name, each in given.items()], ")"
    if isinstance(value, Recipe):
        default = Recipe().hyperparameters()
        changed = {name: each for name, each in value.hyperparameters().items() if each != default[name]}
        return "Recipe(", [f"{name}={_literal(each)}" for name, each in changed.items()], ")"
    return "", [_literal(value)], ""


def _literal(value: Any) -> str:
    """Text with double quotes; numbers and the like as Python has them."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _pos_weights(samples: Sequence[Sample]) -> tuple[float, float]:
    """The usual range, made wide enough for the weight that balances the classes."""
    counts = Counter(sample.target for sample in samples)
    balanced = counts[0] / counts[1]
    low, high = _USUAL_POS_WEIGHTS
    return min(low, float(f"{balanced / 2:.2g}")), max(high, float(f"{balanced * 2:.2g}"))
