"""An actor that has run many trials holds no more memory than one that has run none, and within one uses it again."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from study.execution.worker.memory import give_back_memory

_BLOCK_BYTES, _NUM_BLOCKS = 100_000, 3_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_a_trials_thread_has_freed_goes_back_to_the_system() -> None:
    give_back_memory()
    before = resident_bytes()
    kept = []

    def trial() -> None:
        blocks = [np.ones(_BLOCK_BYTES, np.uint8) for _ in range(_NUM_BLOCKS)]
        # The last block that is still in use keeps glibc from giving back what lies below it.
        kept.append(blocks[-1])

    thread = threading.Thread(target=trial)
    thread.start()
    thread.join()
    assert resident_bytes() > before + 0.8 * _BLOCK_BYTES * _NUM_BLOCKS
    give_back_memory()
    assert resident_bytes() < before + 0.2 * _BLOCK_BYTES * _NUM_BLOCKS


# On a thread of its own, as trials run.
_STEPS = """
import resource, threading
import torch

def steps():
    for _ in range(50):
        torch.ones(80_000_000, dtype=torch.uint8)

thread = threading.Thread(target=steps)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_taken() -> int:
    """By a process that Ray would start, for 50 blocks of 80 MB in turn."""
    process = subprocess.run([sys.executable, "-c", _STEPS], capture_output=True, text=True, check=True)
    return int(process.stdout)


def test_a_step_takes_the_memory_that_the_one_before_it_has_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ours = pages_taken()
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    assert with_ours < pages_taken() / 5
