"""What a report shows of single images, recorded once the test split has been scored: images, maps, time per image.

It looks at test images, but scores nothing and decides nothing: which images it looks at follows from the predictions
that are recorded already, so the test split is not opened a second time.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from study import architectures, records, selection
from study.evaluation.saliency_maps import heat, rank_correlation
from study.execution.task import ExplainTask
from study.execution.worker.machine import files_of
from study.execution.worker.scoring import Send
from study.planning.manifest import cpu_model
from study.planning.workload import Workload
from study.records import TEST, TRAIN, TUNED, Explanation, Explanations, ImageMap, Trial
from study.selection import Example
from study.training import checkpoint
from study.training.data import Images, Standardization
from study.training.grad_cam import NoMapError, grad_cam, untrained
from study.training.latency import latency_ms
from study.training.prediction import Beat

_THUMBNAIL_PX = 96
_NUM_UNTRAINED = 5
_NUM_FOR_STATISTICS = 32
_LATENCY_BATCH_SIZES = (1, 32)
# The same on each machine; trials of other studies may have the other cores.
_NUM_THREADS = 1

Chosen = Sequence[tuple[str, Example]]


def explain(task: ExplainTask, workload: Workload, send: Send, beat: Beat) -> None:
    """Records thumbnails of the images that a report shows, Grad-CAM of one seed run of each pair, and latencies.

    All is done on the CPU: there are few images, and every machine has one.
    """
    started_s = time.perf_counter()
    torch.set_num_threads(_NUM_THREADS)
    files = files_of(workload)
    folder = files.folder
    files.fetch_log()
    state = records.load_run(folder)
    files.fetch_kept(state)
    predictions = records.read_predictions(folder, state)
    networks = {}
    paths = [
        example.path for shown in selection.listed(predictions, state.objective.name).values() for example in shown
    ]
    for pair, test in selection.answers_to_test(predictions).items():
        pair_started_s = time.perf_counter()
        trials = [trial for trial in state.seed_runs(pair, TUNED) if trial.number in test.numbers]
        chosen = selection.looked_at(TEST, test, number=trials[0].number, seed=task.seed)
        networks[pair] = _Explainer(task, workload, pair, beat).explanation(trials, chosen)
        paths += [example.path for _, example in chosen]
        # The driver takes a worker that says nothing for long for a frozen one.
        send({"event": "explained", "pair": pair, "seconds": time.perf_counter() - pair_started_s})
    machine = {"cpu": cpu_model(), "num_threads": _NUM_THREADS}
    machine |= {name: metadata.version(name) for name in ("torch", "captum")}
    found = Explanations(networks=networks, thumbnails=_thumbnails(workload, paths), machine=machine)
    records.write_atomically(folder.explanations, found.to_json())
    files.keep(folder.explanations)
    seconds = time.perf_counter() - started_s
    send({"event": "completed", "epochs": 0, "seconds": seconds, "files": folder.hashes([folder.explanations])})


def _thumbnails(workload: Workload, paths: Sequence[str]) -> dict[str, npt.NDArray[np.uint8]]:
    pixels = np.load(workload.pixels, mmap_mode="r")
    row_of = _rows(workload)
    found = {}
    for path in dict.fromkeys(paths):
        picture = Image.fromarray(pixels[row_of[path]])
        picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
        found[path] = np.asarray(picture)
    return found


def _rows(workload: Workload) -> dict[str, int]:
    """Path of an image -> its row in the pixel array."""
    return dict(zip(workload.table["path"], workload.table["row"], strict=True))


@dataclass(frozen=True)
class _Map:
    """The map of one image, float32 (h, w), or why there is none."""

    values: npt.NDArray[np.float32] | None
    why_none: str = ""

    def heat(self) -> tuple[npt.NDArray[np.uint8] | None, str]:
        """What speaks for the answer, uint8 (h, w), or None and the reason."""
        if self.values is None:
            return None, self.why_none
        found = heat(self.values)
        if found is not None:
            return found, ""
        return None, "nothing in it speaks for the answer" if self.values.any() else "it is zero everywhere"

    def likeness(self, other: "_Map") -> float | None:
        """The rank correlation with another one, None where it is undefined."""
        if self.values is None or other.values is None:
            return None
        return rank_correlation(self.values, other.values)


class _Explainer:
    """Looks at the seed runs of a pair."""

    def __init__(self, task: ExplainTask, workload: Workload, pair: str, beat: Beat) -> None:
        self.task, self.workload, self.beat = task, workload, beat
        self.cam_layer = architectures.find(pair).cam_layer
        self.images = Images(workload.pair_pixels[pair].path, torch.device("cpu"))
        self.row_of = _rows(workload)

    def explanation(self, trials: Sequence[Trial], chosen: Chosen) -> Explanation:
        """Of the first of the pair's tuned seed runs; the second one is what its maps are compared with."""
        first, *others = trials
        model, standardization = self._trained(first)
        own = self._maps(model, standardization, chosen)
        of_untrained = [self._maps(each, standardization, chosen) for each in self._untrained(first, standardization)]
        of_other = self._maps(*self._trained(others[0]), chosen) if others else []
        maps = []
        for index, (why, example) in enumerate(chosen):
            shown, why_none = own[index].heat()
            elsewhere = [m for m, (_, each) in zip(own, chosen, strict=True) if each.path != example.path]
            maps.append(
                ImageMap(
                    path=example.path,
                    chosen_as=why,
                    target=example.target,
                    answer=example.answer,
                    probability=example.of_answer,
                    heat=shown,
                    why_none=why_none,
                    untrained=tuple(own[index].likeness(each[index]) for each in of_untrained),
                    other_seed=own[index].likeness(of_other[index]) if of_other else None,
                    other_images=tuple(own[index].likeness(each) for each in elsewhere),
                )
            )
        return Explanation(
            seed_run=first.number,
            other_seed_run=others[0].number if others else None,
            layer=self.cam_layer,
            maps=tuple(maps),
            latency_ms=self._latency_ms(model),
        )

    def _trained(self, trial: Trial) -> tuple[nn.Module, Standardization]:
        path = records.RunFolder(self.workload.folder).weights(trial.id)
        return checkpoint.load_outcome(path, trial.pair, trial.recipe, self.workload.num_logits, self.images.size_px)

    def _untrained(self, trial: Trial, standardization: Standardization) -> Iterator[nn.Module]:
        rows = self.workload.rows_of(TRAIN).rows
        # Of all classes: they stand one after the other.
        some = rows[:: max(1, len(rows) // _NUM_FOR_STATISTICS)][:_NUM_FOR_STATISTICS]
        images = standardization(self.images.batch(torch.from_numpy(some)))
        for seed in range(_NUM_UNTRAINED):
            self.beat()
            yield untrained(trial.pair, trial.recipe, self.workload.num_logits, images, self.task.seed + seed)

    def _maps(self, model: nn.Module, standardization: Standardization, chosen: Chosen) -> list[_Map]:
        found = []
        for _, example in chosen:
            self.beat()
            try:
                values = grad_cam(model, self.cam_layer, standardization(self._image(example.path)), example.answer)
                found.append(_Map(values.numpy()))
            except NoMapError as error:
                found.append(_Map(None, str(error)))
        return found

    def _image(self, path: str) -> Tensor:
        return self.images.batch(torch.tensor([self.row_of[path]]))

    def _latency_ms(self, model: nn.Module) -> dict[int, float]:
        # Where memory has run out before, a batch is smaller.
        sizes = {min(size, self.task.micro_batch or size) for size in _LATENCY_BATCH_SIZES}
        size_px = self.images.size_px
        return {size: latency_ms(model, size_px=size_px, batch_size=size, beat=self.beat) for size in sorted(sizes)}
