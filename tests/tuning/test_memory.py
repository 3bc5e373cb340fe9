"""An actor that has run many trials holds no more memory than one that has run none."""

import threading
from pathlib import Path

import numpy as np

from study.tuning.memory import give_back_memory

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
