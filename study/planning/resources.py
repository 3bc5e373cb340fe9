"""How many trials run side by side, and what each gets: chosen from what the machine or the cluster has."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.errors import DeclarationError

# Small networks leave most of a GPU idle; four share one.
_TRIALS_PER_GPU = 4


@dataclass(frozen=True, kw_only=True)
class Slots:
    """The shares of a machine that trials run in.

    Attributes:
        num: trials at a time.
        cpus: of one trial, or of each of its workers.
        gpus: of one trial, or of each of its workers; fractions share a device.
    """

    num: int
    cpus: float
    gpus: float

    @property
    def device(self) -> str:
        return "cuda" if self.gpus else "cpu"

    @property
    def num_threads(self) -> int:
        """CPU threads of one trial, or of each of its workers."""
        return max(1, int(self.cpus))

    def __str__(self) -> str:
        share = f"{self.cpus:g} CPU{'s' if self.cpus != 1 else ''}"
        share += f" and {self.gpus:g} GPU{'s' if self.gpus != 1 else ''}" if self.gpus else ""
        return f"{self.num} trial{'s' if self.num != 1 else ''} at a time, {share} each"

    def of_trial_actor(self, num_workers: int) -> dict[str, float]:
        """What Ray Tune reserves for a trial's actor; with a worker group, its workers hold the rest.

        Ray Tune refuses an actor that needs nothing, and a share of a CPU could be the one that the last worker
        waits for: so it needs one byte of memory.
        """
        return {"memory": 1} if num_workers else {"cpu": self.cpus, "gpu": self.gpus}


def choose_slots(
    *,
    num_cpus: float,
    num_gpus: float,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    num_workers: int = 0,
    num: int | None = None,
    cpus_per_gpu: float = math.inf,
) -> Slots:
    """The slots for these resources; what the user asked for comes first.

    Args:
        num_cpus: that there are.
        num_gpus: that there are.
        cpus_per_trial: asked for; of each worker where a trial has several.
        gpus_per_trial: asked for; of each worker where a trial has several.
        num_workers: of a trial, 0 for those that need none.
        cpus_per_gpu: of the machine that has the fewest, where machines differ.
        num: slots asked for; the cluster may grow to them, so nothing is checked.

    On a CPU each trial has one thread, and there are as many trials as cores: small networks on small images gain
    little from a second thread and always from a second trial.

    Raises:
        DeclarationError: a trial asks for more than there is.
    """
    num_processes = max(1, num_workers)
    # Processes that share a device gain nothing from one another, and can't talk to each other through it either.
    share = 1.0 if num_processes > 1 else 1 / _TRIALS_PER_GPU
    gpus = gpus_per_trial if gpus_per_trial is not None else (share if num_gpus else 0.0)
    default_cpus = max(1.0, min(num_cpus / num_gpus, cpus_per_gpu) * share // 1) if num_gpus and gpus else 1.0
    cpus = cpus_per_trial if cpus_per_trial is not None else default_cpus
    if not 0 < cpus < math.inf or not 0 <= gpus < math.inf:
        raise DeclarationError(
            f"A trial needs more than 0 CPUs and no negative share of a GPU, but it has {cpus:g} and {gpus:g}."
        )
    if num is not None:
        return Slots(num=num, cpus=cpus, gpus=gpus)
    for name, asked, there in (("CPUs", cpus * num_processes, num_cpus), ("GPUs", gpus * num_processes, num_gpus)):
        if asked > there:
            raise DeclarationError(
                f"A trial can have no more {name} than there are, but it asks for {asked:g} of {there:g}. "
                f"Lower --{name.lower()}-per-trial{' or --workers-per-trial' if num_workers > 1 else ''}; on a cluster "
                "that starts machines as they are needed, say with --slots N how many trials it may run at a time, and "
                "with --gpus-per-trial what each gets."
            )
    # The epsilon absorbs the rounding of fractions: 1 / (1 / 3) must be 3 slots.
    per_process = [num_cpus / cpus, *([num_gpus / gpus] if gpus else [])]
    limits = [num / num_processes + 1e-9 for num in per_process]
    return Slots(num=int(min(limits)), cpus=cpus, gpus=gpus)


@dataclass(frozen=True)
class Resources:
    """What trials can have.

    Attributes:
        cpus: of all machines.
        gpus: of all machines.
        cpus_per_gpu: of the machine with GPUs that has the fewest; infinite without any.
    """

    cpus: float
    gpus: float
    cpus_per_gpu: float

    @classmethod
    def of(cls, cpus: float, gpus: float, machines: Iterable[Mapping[str, float]]) -> "Resources":
        """Args: totals, and resource -> amount of each machine, or each kind of machine."""
        ratios = [each.get("CPU", 0) / each["GPU"] for each in machines if each.get("GPU")]
        return cls(float(cpus), float(gpus), min(ratios, default=math.inf))


def may_grow_to(launched: Mapping[str, Any]) -> Resources:
    """All machines together that the autoscaler may run at once, the largest it can be of each resource.

    Args:
        launched: what `ray up` was given, with the resources of each node type filled in.
    """
    found: dict[str, float] = {}
    types = launched.get("available_node_types", {}).items()
    workers = [kind for title, kind in types if title != launched.get("head_node_type")]
    for name in ("CPU", "GPU"):
        left = int(launched.get("max_workers", 0))
        total = 0.0
        # The largest first: as much as could be there at best, since Ray takes what is asked for.
        for kind in sorted(workers, key=lambda kind: -float(kind.get("resources", {}).get(name, 0))):
            number = min(left, int(kind.get("max_workers", left)))
            total += number * float(kind.get("resources", {}).get(name, 0))
            left -= number
        found[name] = total
    return Resources.of(found["CPU"], found["GPU"], [kind.get("resources", {}) for kind in workers])


def num_always_there(launched: Mapping[str, Any]) -> int:
    """Machines beside the head that `ray up` starts at once, whatever is asked for."""
    kinds = launched.get("available_node_types", {}).values()
    return max(int(launched.get("min_workers", 0)), sum(int(kind.get("min_workers", 0)) for kind in kinds))


def usable_cpus() -> int:
    """Cores that this process may use: those it is bound to, and no more than a container's quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        microseconds, period, *_ = quota.read_text().split()
        if microseconds != "max":
            return max(1, min(bound, int(microseconds) // int(period)))
    return bound
