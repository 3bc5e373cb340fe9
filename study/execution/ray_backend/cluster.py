"""Starts Ray, quietly, for this process alone or from a cluster that runs already."""

import logging
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import yaml

from study.errors import EngineLostError
from study.execution.ray_backend import environment

environment.apply()

import ray  # noqa: E402  (reads its environment when it is imported)

from study.planning.resources import Resources, may_grow_to, num_always_there, usable_cpus  # noqa: E402

# Where `ray up` leaves its file on the head; Ray itself tells nobody what it may grow to.
_LAUNCHED = Path.home() / "ray_bootstrap_config.yaml"
# Setting a machine up means installing torch on it.
_PATIENCE_S = 300.0


@contextmanager
def ray_session(address: str | None = None, *, verbose: bool = False) -> Iterator[None]:
    """Connects to Ray, or starts it on this machine, and leaves it as it was.

    Args:
        address: of a running cluster ("auto" for the one this machine belongs to); None starts Ray here.
        verbose: Ray's own messages and those of its workers are shown.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"ray\b")
    started_here = not ray.is_initialized()
    if started_here:
        local = {} if address else {"num_cpus": usable_cpus(), "include_dashboard": False}
        with nullcontext() if address else _on_loopback(), _our_sigterm():
            level = logging.INFO if verbose else logging.ERROR
            ray.init(address=address, logging_level=level, log_to_driver=verbose, **local)  # type: ignore[arg-type]
    try:
        yield
    finally:
        if started_here:
            ray.shutdown()


@contextmanager
def _our_sigterm() -> Iterator[None]:
    """What answers SIGTERM stays what it was: Ray ends the process, later on with its own stack on the screen."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGTERM, before)


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
    if not launched or not _LAUNCHED.exists():
        return _present_resources()
    config = yaml.safe_load(_LAUNCHED.read_text())
    _wait_for_machines(num_always_there(config))
    now, most = _present_resources(), may_grow_to(config)
    fewest = min(now.cpus_per_gpu, most.cpus_per_gpu)
    return Resources(max(now.cpus, most.cpus), max(now.gpus, most.gpus), fewest)


def _present_resources() -> Resources:
    total = ray.cluster_resources()
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Resources.of(total.get("CPU", 0), total.get("GPU", 0), machines)


def _wait_for_machines(num: int) -> None:
    """`ray up` returns when the head is ready; the others are being set up, and the slots are those of all."""
    until_s, said = time.monotonic() + _PATIENCE_S, False
    # The head is one more.
    while (missing := num + 1 - sum(node["Alive"] for node in ray.nodes())) > 0 and time.monotonic() < until_s:
        if not said:
            minutes = _PATIENCE_S / 60
            print(f"Waiting up to {minutes:.0f} minutes for {missing} of {num} machines to join ...", file=sys.stderr)
            said = True
        time.sleep(1)
    if missing > 0:
        print(f"Going on without {missing} of {num} machines.", file=sys.stderr)
