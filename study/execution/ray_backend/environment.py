"""What Ray and the processes that it starts read from the environment; this module therefore imports nothing of it."""

import os
from collections.abc import Mapping

_VALUES: Mapping[str, str] = {
    # `uv run` would make Ray start each worker through `uv run` again, in a copy of the folder.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # Ray Tune's own loggers and snapshots repeat what the event log holds, and grow with the number of trials.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",
    # The reports of a trial have no metric that Ray Tune would have to know.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    # A reused actor waits for the thread of its last trial to end; an epoch may still be under way.
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",
    # The searcher itself deals no more trials than there are slots. With Ray Tune's own limit of one pending trial, a
    # free actor takes that trial from the actor that is still starting for it, which is thrown away; where trials are
    # shorter than an actor's start, all slots but one stay empty for the whole study.
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",
    # Ctrl-C is ours to answer.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # Ray Tune's newer console output prints a banner even at verbosity 0.
    "RAY_AIR_NEW_OUTPUT": "0",
    # A trial without a GPU must not lose sight of CUDA_VISIBLE_DEVICES; Ray warns until this is decided.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A training step takes the memory that the one before it has freed. By itself glibc gives large blocks back at once
    # and gets them anew, page by page, each zeroed: on a CPU training is slower for it by a few per cent, with
    # activations of more than 32 MB by a fourth (`bench/train.py --allocator`). Between two trials, see `memory`.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    # A trial runs on a thread of its own, and those with arenas of their own can't keep large blocks.
    "MALLOC_ARENA_MAX": "1",
}


def apply() -> None:
    """Sets them. To be called before anything imports Ray, study files included."""
    os.environ.update(_VALUES)
