"""A winner as files that other programs can use: safetensors, ONNX, and a card in JSON that says what they are."""

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
from study.command import package
from study.datasets.images import picture
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
        difference = _largest_difference(winner, folder / GRAPH, examples)
        card = _card(winner, folder, difference, len(examples))
        records.write_atomically(folder / CARD, json.dumps(card, indent=2, allow_nan=False) + "\n")
        folder.replace(out)
    return card


def examples_of(winner: Winner, folder: records.RunFolder) -> Pixels:
    """Images on which an export is checked: what the run has recorded of its test images, and drawn ones."""
    rng = np.random.default_rng(0)
    contrast = np.linspace(0, 1, _NUM_DRAWN)[:, None, None, None]
    drawn = 128 + contrast * rng.integers(-128, 128, (_NUM_DRAWN, winner.size_px, winner.size_px, 3))
    explained = records.load_run(folder).explained
    files = explained.result.get("files", {}) if explained else {}
    if not files or folder.damaged(files):
        return drawn.astype(np.uint8)
    thumbnails = records.read_explanations(folder.explanations).thumbnails.values()
    return np.stack(
        [
            *(picture.resize(Image.fromarray(each), size_px=winner.size_px) for each in thumbnails),
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
    model = program.model_proto
    _package("onnx").save(_anonymous(model), path)


def _anonymous(model: Any) -> Any:
    """Without what the exporter notes of each node: paths and lines of the code on this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
    for function in model.functions:
        for part in (function, *function.node, *function.value_info):
            del part.metadata_props[:]
    return model


def _largest_difference(winner: Winner, graph: Path, pixels: Pixels) -> float:
    """The largest difference of a probability between ONNX Runtime and torch.

    Raises:
        ResultsError: it is more than rounding.
    """
    session = _package("onnxruntime").InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    probabilities, each = session.run(None, {"pixels": pixels})
    expected = winner.each(pixels)
    # A temperature below 1 multiplies what rounding leaves of the log odds.
    coldest = min(1.0, *(member.correction.temperature for member in winner.members))
    checks = (
        (each.transpose(1, 0, 2) - expected, TOLERANCE),
        (probabilities - winner.ensemble(expected), TOLERANCE / coldest),
    )
    for differences, most in checks:
        largest = float(np.abs(differences).max())
        if not largest <= most:
            raise ResultsError(
                f"ONNX must answer as torch does, to {most:.2g}, but for {winner.run} one of {len(pixels)} images has "
                f"probabilities that differ by {largest:.3g}. Nothing was written; use the seed runs' weights with "
                "torch."
            )
    return max(float(np.abs(differences).max()) for differences, _ in checks)


def _card(winner: Winner, folder: Path, difference: float, num_checked: int) -> dict[str, Any]:
    made_from, binary = winner.manifest.to_json(), len(winner.classes) == 2
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
            "orientation": "as the EXIF tag says",
            "size_px": winner.size_px,
            "resize": "to a square, Pillow's Image.resize with BILINEAR, which averages where it shrinks",
            "dark_margins_cut_away_first": winner.trimmed,
            "window_of_more_than_8_bits": list(winner.window) if winner.window else None,
            "window_rule": "round(255 * clip((level - black) / (white - black), 0, 1)), window = [black, white]",
            "code": "study.datasets.readers and study.datasets.images.picture (in_8_bits, trim, resize) of the project "
            "do exactly this",
        },
        "output": {
            "probabilities": "float32 (images, classes): mean of the seed runs, class weights undone, temperature "
            "scaled",
            "each": "float32 (images, seed runs, classes): what each seed run answers, as trained",
            "precision": "the corrections are computed in double precision within the graph",
        },
        "decision": {
            "positive": winner.classes[1],
            "rule": "probability >= threshold",
            # In the graph's own precision, rounded down: the val image on which it was chosen stays positive.
            "threshold": float(np.nextafter(np.float32(winner.threshold), np.float32(0))),
            "chosen": winner.rule,
        }
        if binary
        else {"rule": "the most probable class"},
        "seed_runs": [
            {
                "file": f"{WEIGHTS}/{member.trial}.safetensors",
                "recipe": member.recipe.hyperparameters(),
                "mean": list(member.standardization.mean),
                "std": list(member.standardization.std),
                "class_weights": list(member.correction.weights),
                "temperature": member.correction.temperature,
            }
            for member in winner.members
        ],
        "appearance": winner.appearance.record() if winner.appearance else None,
        "study_finished": winner.finished,
        "best_of_the_study": winner.best,
        "made_from": {
            name: made_from.get(name)
            for name in ("title", "dataset", "stand_in", "counts", "seed", "commit", "versions")
        },
        "checked": {"images": num_checked, "largest_difference": difference}
        | {name: metadata.version(name) for name in ("torch", *_PACKAGES)},
        "sha256": {path.relative_to(folder).as_posix(): records.sha256_of(path) for path in files},
        "use": USE,
    }


def _package(name: str) -> ModuleType:
    return package(name, extra="export", what="An export")


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
