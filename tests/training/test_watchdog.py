"""A process that hangs ends itself and says where."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from study.training.watchdog import Watchdog

HANGS = """
import ctypes, sys, time
from pathlib import Path
from study.training.watchdog import Watchdog

def hangs_here():
    {how}

with Watchdog(Path(sys.argv[1]), 1.0) as watchdog:
    watchdog.beat()
    hangs_here()
"""


@pytest.mark.parametrize(
    "how",
    ["time.sleep(60)", "ctypes.PyDLL(None).sleep(60)", "while True: pass"],
    ids=["asleep", "asleep with the interpreter's lock", "busy"],
)
def test_a_process_that_hangs_ends_and_leaves_where(tmp_path: Path, how: str) -> None:
    note = tmp_path / "trial" / "hung.txt"
    started_s = time.monotonic()
    code = subprocess.run([sys.executable, "-c", HANGS.format(how=how), str(note)], check=False).returncode
    assert code != 0
    assert time.monotonic() - started_s < 30
    assert "hangs_here" in note.read_text()
    assert "Timeout (0:00:01" in note.read_text().splitlines()[0]


def test_a_process_that_goes_on_leaves_nothing(tmp_path: Path) -> None:
    note = tmp_path / "hung.txt"
    with Watchdog(note, 0.3) as watchdog:
        for _ in range(6):
            time.sleep(0.1)
            watchdog.beat()
        watchdog.pause()
        time.sleep(0.6)
        watchdog.beat()
    assert not note.exists()
