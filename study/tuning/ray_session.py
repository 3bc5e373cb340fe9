"""Starts Ray, quietly, for this process alone or from a cluster that runs already."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import yaml

from study.errors import EngineLostError
from study.tuning import ray_environment

ray_environment.apply()

import ray  # noqa: E402  (reads its environment when it is imported)

from study.tuning.resources import Resources, may_grow_to, usable_cpus  # noqa: E402

# Where `ray up` leaves its file on the head; Ray itself tells nobody what it may grow to.
_LAUNCHED = Path.home() / "ray_bootstrap_config.yaml"


@contextmanager
def ray_session(address: str | None = None) -> Iterator[None]:
    """Connects to Ray, or starts it on this machine, and leaves it as it was.

    Args:
        address: of a running cluster ("auto" for the one this machine belongs to); None starts Ray here.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"ray\b")
    started_here = not ray.is_initialized()
    if started_here:
        local = {} if address else {"num_cpus": usable_cpus(), "include_dashboard": False}
        with nullcontext() if address else _on_loopback():
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **local)  # type: ignore[arg-type]
    try:
        yield
    finally:
        if started_here:
            ray.shutdown()


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Ray that is started meanwhile listens on loopback alone.

    It listens on all addresses unless its own is loopback, and takes another one wherever it finds it; there is no
    option for that.
    """
    named: tuple[Any, ...] = (ray._private.services, ray.util)
    before = [module.get_node_ip_address for module in named]
    for module in named:
        module.get_node_ip_address = lambda *_, **__: "127.0.0.1"
    try:
        yield
    finally:
        for module, function in zip(named, before, strict=True):
            module.get_node_ip_address = function


def require_alive(*, for_s: float = 0.0) -> None:
    """Raises EngineLostError if one of the processes that Ray started here has ended, or does so within `for_s`.

    Ray itself would find out after some seconds, take every trial for lost, and end this process without a word.
    """
    node: Any = ray._private.worker._global_node
    until_s = time.monotonic() + for_s
    # Where Ray runs elsewhere (--address) there are none of ours.
    while not (dead := [name for name, _ in node.dead_processes()] if node else []) and time.monotonic() < until_s:
        time.sleep(0.1)
    if dead:
        raise EngineLostError(
            f"Ray's own processes must outlive a study, but its {', '.join(dead)} ended. All that was recorded is "
            "kept; the same command goes on."
        )


def cluster_resources(*, launched: bool) -> Resources:
    """What Ray has, or may grow to where `ray up` lets it start machines as they are needed.

    Where a cluster begins with a head that runs no trials, what it has now would be nothing, and nothing would ever be
    asked for.

    Args:
        launched: whether this is a cluster, that `ray up` may have started; a Ray of one's own can't grow.
    """
    total = ray.cluster_resources()
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    now = Resources.of(total.get("CPU", 0), total.get("GPU", 0), machines)
    if not launched or not _LAUNCHED.exists():
        return now
    most = may_grow_to(yaml.safe_load(_LAUNCHED.read_text()))
    fewest = min(now.cpus_per_gpu, most.cpus_per_gpu)
    return Resources(max(now.cpus, most.cpus), max(now.gpus, most.gpus), fewest)
