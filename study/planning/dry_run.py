"""What `--dry-run` tells of a plan: a batch of each network is trained, and from that follow memory and time."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import torch

from study.errors import DeclarationError
from study.planning.plan import Plan
from study.planning.resources import Slots
from study.planning.workload import Running, Workload
from study.records import SEARCH, SEED, TRAIN, VAL
from study.spec import FLOAT32
from study.training import failures
from study.training.data import Images, SplitRows
from study.training.failures import Failure
from study.training.precision import fastest
from study.training.trainer import Metrics, Training
from study.training.training_run import Run
from study.wording import clock

# The first batch pays for what is made once; of the others the fastest is taken, for other programs run too.
_NUM_BATCHES = 3
_MOST_VAL_IMAGES = 256
_GIB = 2**30
# Linux's word for it: the peak begins anew.
_CLEAR_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass(frozen=True)
class Rehearsed:
    """A pair of which some batches were trained.

    Attributes:
        pair: architecture.
        num_parameters: of its network.
        batch_size: of the document's recipe.
        micro_batch: images that were in memory at a time, where a batch was too many; else 0.
        step_s: seconds of a batch.
        epoch_s: seconds of an epoch, val included.
        memory_bytes: the most that the process, or the GPU, held; 0 where that isn't known.
        epochs: fewest and most that all that is left of the pair's trials and seed runs may take.
        longest: epochs that must follow one another: the first trial's, then a seed run's.
        why_not: why it could not be trained; "" where it could.
    """

    pair: str
    num_parameters: int
    batch_size: int
    micro_batch: int = 0
    step_s: float = 0.0
    epoch_s: float = 0.0
    memory_bytes: int = 0
    epochs: tuple[float, float] = (0.0, 0.0)
    longest: int = 0
    why_not: str = ""


def rehearse(plan: Plan, slots: Slots) -> Iterator[Rehearsed]:
    """Trains a few batches of the document's recipe of each pair, as a trial would, and forgets them.

    Args:
        plan: of the study.
        slots: what one trial has on this machine.

    Raises:
        DeclarationError: trials are to have a GPU, but this machine has none.
    """
    if slots.gpus and not torch.cuda.is_available():
        raise DeclarationError(
            f"A rehearsal runs here, but {slots.gpus:g} GPUs are asked for and this machine has none. Leave out "
            "--gpus-per-trial, or give the command on a machine that has one."
        )
    workload = plan.workload(slots, Running())
    # Pairs of one size share them.
    images_in = cache(lambda path: Images(path, torch.device(workload.device)))
    before = torch.get_num_threads()
    torch.set_num_threads(slots.num_threads)
    try:
        for pair in plan.study.pairs:
            yield _rehearsed(plan, workload, images_in(workload.pair_pixels[pair].path), pair)
    finally:
        torch.set_num_threads(before)


def _rehearsed(plan: Plan, workload: Workload, images: Images, pair: str) -> Rehearsed:
    recipe = plan.study.pairs[pair].without_provenance()
    if recipe.freeze_epochs:
        # The stage in which all is trained takes longer, and holds more.
        recipe = replace(recipe, freeze_epochs=0, lr=recipe.fine_tune_lr)
    train, val = workload.rows_of(TRAIN), workload.rows_of(VAL)
    batch_size = min(recipe.batch_size, len(train))
    some_val = _some(val, _MOST_VAL_IMAGES)
    run = Run(
        architecture=pair,
        recipe=recipe,
        num_classes=len(workload.classes),
        modality=workload.modality,
        train=_some(train, batch_size),
        val=some_val,
        epochs=plan.budget.epochs + _NUM_BATCHES,
        seed=plan.seed,
        objective=workload.objective,
        precision=workload.precision or fastest(workload.device) or FLOAT32,
        standardization=workload.pair_pixels[pair].standardization,
        pretrained=plan.pretrained.get(pair),
    )
    found = Rehearsed(
        pair,
        plan.manifest.pairs[pair].num_parameters or 0,
        batch_size,
        epochs=_epochs(plan, pair),
        longest=2 * plan.budget.epochs,
    )
    memory, outcome = _Memory(workload.device), _some_epochs(run, images)
    while isinstance(outcome, Failure):
        smaller = (run.micro_batch or batch_size) // 2
        if outcome.kind != failures.OUT_OF_MEMORY or not smaller:
            return replace(found, why_not=outcome.reason)
        # As a trial would.
        run = replace(run, micro_batch=smaller)
        memory, outcome = _Memory(workload.device), _some_epochs(run, images)
    step_s = min(epoch["seconds_train"] for epoch in outcome)
    val_s = min(epoch["seconds_val"] for epoch in outcome) * len(val) / len(some_val)
    return replace(
        found,
        micro_batch=run.micro_batch,
        step_s=step_s,
        epoch_s=step_s * len(train) / batch_size + val_s,
        memory_bytes=memory.most_bytes(),
    )


def _some_epochs(run: Run, images: Images) -> list[Metrics] | Failure:
    try:
        training = Training(run, images)
        return [training.run_epoch() for _ in range(_NUM_BATCHES)][1:]
    except Exception as error:  # noqa: BLE001
        # Whatever a trial of this recipe would fail for: that is what a rehearsal is for.
        return failures.of_exception(error)


def _epochs(plan: Plan, pair: str) -> tuple[float, float]:
    """What is left: if each rung stops half of the trials and the document's recipe wins, and if none of it is so."""
    budget, full = plan.budget, plan.budget.epochs
    fewest, most = epochs_of(
        trials=budget.trials,
        epochs=full,
        seeds=budget.seeds,
        audit=budget.audit,
        rungs=plan.manifest.pairs[pair].rungs,
        reduction_factor=plan.manifest.reduction_factor,
    )
    state = plan.previous
    done = sum(len(t.epochs) for kind in (SEARCH, SEED) for t in state.of_kind(kind, pair)) if state else 0
    finished = state is not None and state.finished
    return (0.0, 0.0) if finished else (max(0.0, fewest - done), max(0.0, most - done))


def epochs_of(
    *, trials: int, epochs: int, seeds: int, audit: int, rungs: Sequence[int], reduction_factor: int
) -> tuple[float, int]:
    """Fewest and most epochs of a pair.

    Fewest: each rung stops all but one in `reduction_factor` of the trials that may be stopped, and the finalist is the
    document's recipe, so that there is one recipe's seed runs. Most: nothing is stopped, and there are two.
    """
    steps = [rungs[0], *(end - begin for begin, end in pairwise([*rungs, epochs]))] if rungs else [epochs]
    of_a_trial = sum(step / reduction_factor**number for number, step in enumerate(steps))
    never_stopped = min(trials, 1 + audit)
    fewest = never_stopped * epochs + (trials - never_stopped) * of_a_trial + seeds * epochs
    return fewest, (trials + 2 * seeds) * epochs


def _some(split: SplitRows, num: int) -> SplitRows:
    """So many images of a split, of all classes: they stand one after the other."""
    picked = torch.linspace(0, len(split) - 1, min(num, len(split))).round().long().numpy()
    return SplitRows(rows=split.rows[picked], targets=split.targets[picked])


class _Memory:
    """The most memory that is held from now on, by this process or on the GPU."""

    def __init__(self, device: str) -> None:
        self.device = device
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            return
        with suppress(OSError):
            # Elsewhere than on Linux it isn't known.
            _CLEAR_REFS.write_text("5")

    def most_bytes(self) -> int:
        """0 where it isn't known."""
        if self.device == "cuda":
            return int(torch.cuda.max_memory_allocated())
        lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def table(rehearsed: Sequence[Rehearsed], slots: Slots, *, num_workers: int = 0) -> str:
    """What was found, a line a pair, and how long the study may take.

    Args:
        rehearsed: pairs.
        slots: what runs side by side.
        num_workers: that share each batch of a trial.
    """
    lines = [f"{'network':<18}{'parameters':>12}{'memory':>10}{'a batch':>18}{'an epoch':>12}{'all of it':>20}"]
    for each in rehearsed:
        if each.why_not:
            lines.append(f"{each.pair:<18}{each.num_parameters:>12,}  can't be trained: {each.why_not}")
            continue
        memory = f"{each.memory_bytes / _GIB:.1f} GiB" if each.memory_bytes else "unknown"
        batch = f"{each.step_s * 1000:.0f} ms of {each.batch_size}"
        batch += f", {each.micro_batch} at once" if each.micro_batch else ""
        span = _span([each], slots, num_workers)
        lines.append(
            f"{each.pair:<18}{each.num_parameters:>12,}{memory:>10}{batch:>18}{each.epoch_s:>10.1f} s{span:>20}"
        )
    trained = [each for each in rehearsed if not each.why_not]
    if trained:
        without = ", ".join(each.pair for each in rehearsed if each.why_not)
        left_out = f", without {without}" if without else ""
        workers = f", each of {num_workers} workers" if num_workers else ""
        lines.append(
            f"About {_span(trained, slots, num_workers)} of training{left_out}, "
            f"at the speed of this machine: {slots}{workers}, if they don't slow one another. The shorter time is if "
            "every rung stops half of the trials, the longer one if none is stopped. The start and the report take a "
            "minute more."
        )
    lines.append("Nothing was recorded.")
    return "\n".join(lines)


def _span(rehearsed: Sequence[Rehearsed], slots: Slots, num_workers: int) -> str:
    def seconds(bound: int) -> float:
        shared = sum(each.epochs[bound] * each.epoch_s for each in rehearsed) / slots.num
        # However many slots there are, some things come one after the other.
        one_by_one = max(min(each.longest, each.epochs[bound]) * each.epoch_s for each in rehearsed)
        return max(shared, one_by_one) / max(1, num_workers)

    return f"{clock(seconds(0))} to {clock(seconds(1))}"
