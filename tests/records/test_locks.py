"""Locks between processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from study.errors import ResultsError
from study.records import RunFolder, exclusive

HOLDER = """
import sys
from pathlib import Path
from study.records import RunFolder, exclusive
with exclusive(RunFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_free_again_once_the_process_that_has_it_is_killed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ResultsError, match="is in use"), exclusive(folder):
            pass
        holder.kill()
        holder.wait()
        with exclusive(folder):
            pass


def test_a_folder_is_free_again_after_an_error(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), exclusive(folder):
        raise ZeroDivisionError
    with exclusive(folder), pytest.raises(ResultsError, match="is in use"), exclusive(folder):
        pass
