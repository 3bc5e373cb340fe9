"""What `--dry-run` tells of a plan: a batch of each pair is trained, and from that follow memory and time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch

from study.records import TRAIN, VAL
from study.spec import FLOAT32
from study.training.data import Images, SplitRows
from study.training.loop import Training
from study.training.precision import fastest
from study.training.run import Run
from study.tuning import failures
from study.tuning.plan import Plan
from study.tuning.progress import clock
from study.tuning.resources import Slots
from study.tuning.task import Running, Workload

# The first batch pays for what is made once; of the others the fastest is taken, for other programs run too.
_NUM_BATCHES = 3
_MOST_VAL_IMAGES = 256
_GIB = 2**30


@dataclass(frozen=True)
class Rehearsed:
    """A pair of which some batches were trained.

    Attributes:
        pair: architecture.
        num_parameters: of its network.
        batch_size: of the document's recipe.
        step_s: seconds of a batch.
        epoch_s: seconds of an epoch, val included.
        memory_bytes: the most that the process, or the GPU, held; 0 where that isn't known.
        epochs: fewest and most that all trials and seed runs of the pair may take.
        why_not: why it could not be trained; "" where it could.
    """

    pair: str
    num_parameters: int
    batch_size: int
    step_s: float = 0.0
    epoch_s: float = 0.0
    memory_bytes: int = 0
    epochs: tuple[float, int] = (0.0, 0)
    why_not: str = ""


def rehearse(plan: Plan, slots: Slots) -> Iterator[Rehearsed]:
    """Trains a few batches of the document's recipe of each pair, as a trial would, and forgets them.

    Args:
        plan: of the study.
        slots: what one trial has on this machine.
    """
    workload = plan.workload(slots, Running())
    images = Images(workload.pixels, torch.device(workload.device))
    before = torch.get_num_threads()
    torch.set_num_threads(slots.num_threads)
    try:
        for pair in plan.study.pairs:
            yield _rehearsed(plan, workload, images, pair)
    finally:
        torch.set_num_threads(before)


def _rehearsed(plan: Plan, workload: Workload, images: Images, pair: str) -> Rehearsed:
    # Stages in which most of the network is frozen are faster, and hold less.
    recipe = plan.study.pairs[pair].hyperparameters() | {"freeze_epochs": 0}
    train, val = workload.rows_of(TRAIN), workload.rows_of(VAL)
    batch_size = min(recipe["batch_size"], len(train))
    found = Rehearsed(pair, plan.manifest["pairs"][pair]["num_parameters"], batch_size)
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
        precision=workload.precision or fastest(workload.device) or FLOAT32,
        standardization=workload.standardization,
        pretrained=plan.pretrained.get(pair),
    )
    memory = _Memory(workload.device)
    try:
        training = Training(run, images)
        epochs = [training.run_epoch() for _ in range(_NUM_BATCHES)][1:]
    except Exception as error:  # noqa: BLE001
        # Whatever a trial of this recipe would fail for: that is what a rehearsal is for.
        return replace(found, why_not=failures.of_exception(error).reason)
    step_s = min(epoch["seconds_train"] for epoch in epochs)
    val_s = min(epoch["seconds_val"] for epoch in epochs) * len(val) / len(some_val)
    return replace(
        found,
        step_s=step_s,
        epoch_s=step_s * len(train) / batch_size + val_s,
        memory_bytes=memory.most_bytes(),
        epochs=_epochs(plan, pair),
    )


def _epochs(plan: Plan, pair: str) -> tuple[float, int]:
    """Of all trials and seed runs: if each rung stops half of the trials, and if it stops none."""
    budget, full = plan.budget, plan.budget.epochs
    rungs = [*plan.manifest["pairs"][pair]["rungs"], full]
    factor = plan.manifest["reduction_factor"]
    steps = [rungs[0], *(end - begin for begin, end in pairwise(rungs))]
    of_a_trial = sum(step / factor**number for number, step in enumerate(steps))
    never_stopped = 1 + budget.audit
    seed_runs = 2 * budget.seeds * full
    fewest = min(never_stopped, budget.trials) * full + max(0, budget.trials - never_stopped) * of_a_trial + seed_runs
    return fewest, budget.trials * full + seed_runs


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
        elif _CLEAR_REFS.exists():
            # Linux's word for it: the peak begins anew.
            _CLEAR_REFS.write_text("5")

    def most_bytes(self) -> int:
        """0 where it isn't known."""
        if self.device == "cuda":
            return int(torch.cuda.max_memory_allocated())
        if not _STATUS.exists():
            return 0
        (kib,) = (line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kib) * 1024


_CLEAR_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def table(rehearsed: Sequence[Rehearsed], slots: Slots) -> str:
    """What was found, a line a pair, and how long the study may take."""
    lines = [f"{'network':<18}{'parameters':>12}{'memory':>10}{'a batch':>18}{'an epoch':>12}{'all of it':>20}"]
    for each in rehearsed:
        if each.why_not:
            lines.append(f"{each.pair:<18}{each.num_parameters:>12,}  can't be trained: {each.why_not}")
            continue
        memory = f"{each.memory_bytes / _GIB:.1f} GiB" if each.memory_bytes else "unknown"
        batch = f"{each.step_s * 1000:.0f} ms of {each.batch_size}"
        span = _span([each], slots)
        lines.append(
            f"{each.pair:<18}{each.num_parameters:>12,}{memory:>10}{batch:>18}{each.epoch_s:>10.1f} s{span:>20}"
        )
    where = f"{slots.num} trials at a time, {slots.cpus:g} CPUs and {slots.gpus:g} GPUs each"
    lines.append(
        f"About {_span(rehearsed, slots)} on this machine once Ray has started, with {where}: the shorter time if "
        "every rung stops half of the trials, the longer one if none is stopped. Nothing was recorded."
    )
    return "\n".join(lines)


def _span(rehearsed: Sequence[Rehearsed], slots: Slots) -> str:
    low, high = (sum(each.epochs[bound] * each.epoch_s for each in rehearsed) / slots.num for bound in (0, 1))
    return f"{clock(low)} to {clock(high)}"
