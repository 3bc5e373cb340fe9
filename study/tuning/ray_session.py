"""Starts Ray, quietly, for this process alone or from a cluster that runs already."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Before `import ray`. `uv run` makes Ray start each worker through `uv run` again, in a copy of the folder.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
# Ray Tune's own loggers and snapshots repeat what the event log holds, and grow with the number of trials.
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "100000"
# The reports of a trial have no metric that Ray Tune would have to know.
os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"
# A reused actor waits for the thread of its last trial to end; an epoch may still be under way.
os.environ["TUNE_FUNCTION_THREAD_TIMEOUT_S"] = "60"
# Ray Tune's newer console output prints a banner even at verbosity 0.
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
# A trial without a GPU must not lose sight of CUDA_VISIBLE_DEVICES; Ray warns until this is decided.
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

import ray

from study.tuning.resources import usable_cpus


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
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **local)  # type: ignore[arg-type]
    try:
        yield
    finally:
        if started_here:
            ray.shutdown()


def cluster_resources() -> tuple[float, float]:
    """CPUs and GPUs that Ray knows of."""
    resources = ray.cluster_resources()
    return resources.get("CPU", 0.0), resources.get("GPU", 0.0)
