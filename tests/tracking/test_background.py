"""Work beside the trials is done in order, and what goes wrong with it is not lost."""

import threading

import pytest

from study.tracking.background import Background


def test_it_is_done_in_order_on_another_thread() -> None:
    background, seen = Background("test"), []
    for number in range(50):
        background.add(lambda number: seen.append((number, threading.current_thread())), number)
    background.close()
    assert [number for number, _ in seen] == list(range(50))
    assert {thread for _, thread in seen} != {threading.current_thread()}


def fail() -> None:
    raise OSError("No space left on device")


def test_what_fails_is_raised_when_more_is_handed_over_or_at_the_end() -> None:
    background = Background("test")
    background.add(fail)
    with pytest.raises(OSError, match="No space left"):
        background.close()
    background = Background("test")
    background.add(fail)
    # The same thread: it comes after.
    background._pool.submit(int).result()
    with pytest.raises(OSError, match="No space left"):
        background.add(int)
    background.close()
