"""Long work that is silent says a line now and then, and only then."""

import io
import sys
import threading
import time
from contextlib import redirect_stderr

import pytest
from tqdm import tqdm

from study.tracking.heartbeat import heartbeat


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


def test_work_that_is_silent_says_what_it_is_doing(capsys: pytest.CaptureFixture[str]) -> None:
    with heartbeat("drawing the report", period_s=0.2):
        time.sleep(0.7)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 3
    assert set(lines) == {"still drawing the report, 0:00"}


def test_nothing_is_said_while_something_else_is_nor_after_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    before, stream = threading.active_count(), sys.stderr
    # Each is well within the period, all of them are not.
    with heartbeat("training", period_s=1.0):
        for number in range(10):
            print(f"trial {number}", file=sys.stderr)
            time.sleep(0.15)
    assert threading.active_count() == before
    assert sys.stderr is stream
    assert capsys.readouterr().err.splitlines() == [f"trial {number}" for number in range(10)]


def test_it_ends_with_what_fails(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), heartbeat("training", period_s=0.1):
        raise ZeroDivisionError
    assert threading.active_count() == before


def test_a_bar_that_moves_is_left_alone() -> None:
    terminal = Terminal()
    with redirect_stderr(terminal), heartbeat("reading", period_s=1.0):
        for _ in tqdm(range(10), mininterval=0.05):
            time.sleep(0.15)
    assert "10/10" in terminal.getvalue()
    assert "still" not in terminal.getvalue()


def test_a_status_line_that_stands_still_makes_room() -> None:
    terminal = Terminal()
    with redirect_stderr(terminal), heartbeat("training", period_s=0.2):
        sys.stderr.write("search 1/10")
        time.sleep(0.3)
    assert terminal.getvalue().startswith("search 1/10\r\033[Kstill training, 0:00\n")


def test_in_a_file_a_bar_that_stands_still_keeps_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with heartbeat("reading", period_s=0.2):
        sys.stderr.write("1/10 images")
        time.sleep(0.3)
    assert capsys.readouterr().err.startswith("1/10 images\nstill reading, 0:00\n")
