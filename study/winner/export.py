"""A winner as files that other programs can use: safetensors, ONNX, and a card in JSON that says what they are."""

import importlib
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image

from study import records
from study.datasets.images import decoding
from study.errors import ResultsError, StudyError
from study.winner.graph import Graph
from study.winner.winner import Pixels, Winner

CARD, GRAPH, WEIGHTS = "card.json", "model.onnx", "weights"
USE = "For research; no medical device."
# What single precision leaves of two ways to the same probability.
TOLERANCE = 1e-5
_PACKAGES = ("safetensors", "onnx", "onnxscript", "onnxruntime")
_NUM_DRAWN = 16


def export(winner: Winner, out: Path, examples: Pixels) -> dict[str, Any]:
    """Writes `card.json`, `model.onnx` and `weights/<seed run>.safetensors` into a new folder; returns the card.

    Args:
        winner: on the CPU.
        out: must not exist, or be empty.
        examples: uint8 (N, size_px, size_px, 3) images, for which the ONNX graph is checked against torch.

    Raises:
        StudyError: a package is missing, or `out` holds something.
        ResultsError: the graph answers otherwise than torch.
    """
    for name in _PACKAGES:
        _package(name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StudyError(f"An export needs a folder of its own, but there is something in {out}. Give a new one.")
    out.parent.mkdir(parents=True, exist_ok=True)
    # It takes its name once all of it is right.
    with tempfile.TemporaryDirectory(prefix=f"{out.name}.", suffix=".partial", dir=out.parent) as partial:
        folder = Path(partial) / "export"
        folder.mkdir()
        for member in winner.members:
            state = {name: value.contiguous() for name, value in member.model.state_dict().items()}
            content = _package("safetensors.torch").save(state)
            records.write_atomically(folder / WEIGHTS / f"{member.trial}.safetensors", content)
        _write_graph(winner, folder / GRAPH)
        difference = _difference(winner, folder / GRAPH, examples)
        if not difference <= TOLERANCE:
            raise ResultsError(
                f"ONNX must answer as torch does, to {TOLERANCE:g}, but for {winner.run} one of {len(examples)} images "
                f"has probabilities that differ by {difference:.2g}. Nothing was written; use the seed runs' weights "
                "with torch."
            )
        card = _card(winner, folder, difference, len(examples))
        records.write_atomically(folder / CARD, json.dumps(card, indent=2, allow_nan=False) + "\n")
        folder.replace(out)
    return card


def examples_of(winner: Winner, folder: records.RunFolder) -> Pixels:
    """Images on which an export is checked: what the run has recorded of its test images, and drawn ones."""
    rng = np.random.default_rng(0)
    contrast = np.linspace(0, 1, _NUM_DRAWN)[:, None, None, None]
    drawn = 128 + contrast * rng.integers(-128, 128, (_NUM_DRAWN, winner.size_px, winner.size_px, 3))
    if not folder.explanations.exists():
        return drawn.astype(np.uint8)
    thumbnails = records.read_explanations(folder.explanations).thumbnails.values()
    return np.stack(
        [
            *(decoding.resize(Image.fromarray(each), size_px=winner.size_px) for each in thumbnails),
            *drawn.astype(np.uint8),
        ]
    )


def _write_graph(winner: Winner, path: Path) -> None:
    size = winner.size_px
    with _quiet():
        program = torch.onnx.export(
            Graph(winner),
            (torch.zeros((2, size, size, 3), dtype=torch.uint8),),
            input_names=["pixels"],
            output_names=["probabilities", "each"],
            dynamic_shapes={"pixels": {0: torch.export.Dim("images")}},
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.save(path, external_data=False)


def _difference(winner: Winner, graph: Path, pixels: Pixels) -> float:
    """The largest difference of a probability between ONNX Runtime and torch."""
    session = _package("onnxruntime").InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    probabilities, each = session.run(None, {"pixels": pixels})
    expected = winner.each(pixels)
    differences = (each.transpose(1, 0, 2) - expected, probabilities - winner.ensemble(expected))
    # Not Python's max, which may lose a NaN.
    return float(np.max([np.abs(values).max() for values in differences]))


def _card(winner: Winner, folder: Path, difference: float, num_checked: int) -> dict[str, Any]:
    manifest, binary = winner.manifest, len(winner.classes) == 2
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "run": winner.run,
        "architecture": winner.architecture,
        "classes": list(winner.classes),
        "input": {
            "name": "pixels",
            "type": "uint8",
            "shape": ["images", winner.size_px, winner.size_px, 3],
            "colour": "RGB, 0 to 255; grey images three times the same",
            "size_px": winner.size_px,
            "resize": "to a square, Pillow's Image.resize with BILINEAR, which averages where it shrinks",
            "dark_margins_cut_away_first": winner.trimmed,
            "window_of_more_than_8_bits": list(winner.window) if winner.window else None,
            "code": "study.datasets.images.decoding: load, trim, resize",
        },
        "output": {
            "probabilities": "float32 (images, classes): mean of the seed runs, class weights undone, temperature "
            "scaled",
            "each": "float32 (images, seed runs, classes): what each seed run answers, as trained",
        },
        "decision": {"positive": winner.classes[1], "threshold": winner.threshold, "chosen": "Youden, on val"}
        if binary
        else {"rule": "the most probable class"},
        "seed_runs": [
            {
                "file": f"{WEIGHTS}/{member.trial}.safetensors",
                "recipe": dict(member.recipe),
                "mean": list(member.standardization.mean),
                "std": list(member.standardization.std),
                "class_weights": list(member.correction.weights),
                "temperature": member.correction.temperature,
            }
            for member in winner.members
        ],
        "appearance": winner.appearance.record() if winner.appearance else None,
        "made_from": {
            name: manifest.get(name)
            for name in ("title", "dataset", "stand_in", "counts", "seed", "commit", "versions")
        },
        "checked": {"images": num_checked, "largest_difference": difference}
        | {name: metadata.version(name) for name in ("torch", *_PACKAGES)},
        "sha256": {path.relative_to(folder).as_posix(): records.sha256_of(path) for path in files},
        "use": USE,
    }


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise StudyError(
            f"An export needs the package {name}, but it is not installed. Install it (uv sync --extra export)."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter has to say of its own future."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
