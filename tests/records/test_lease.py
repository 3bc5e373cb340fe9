import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from study.errors import ResultsError
from study.records.lease import Lease
from study.records.storage import Storage


@pytest.fixture
def storage(bucket: str) -> Storage:
    return Storage(bucket)


def test_one_process_at_a_time_has_a_run(storage: Storage) -> None:
    with (
        Lease(storage, silence_s=0.6),
        pytest.raises(ResultsError, match="is at work in s3://"),
        Lease(storage, silence_s=0.6),
    ):
        raise AssertionError("two have it")
    assert storage.sizes() == {}


def test_a_process_that_died_keeps_nobody_away(storage: Storage) -> None:
    dead = Lease(storage, silence_s=0.3)
    dead._say(storage)
    with Lease(storage, silence_s=0.3):
        assert list(storage.sizes()) == ["owner.json"]
    assert storage.sizes() == {}


def test_without_a_storage_there_is_nothing_to_be_had() -> None:
    with Lease(None), Lease(None):
        pass


def test_of_several_that_come_at_once_one_has_it(storage: Storage) -> None:
    num, entered, over = 4, [], threading.Event()
    begin = threading.Barrier(num)

    def enter(number: int) -> bool:
        begin.wait()
        try:
            with Lease(storage, silence_s=4):
                entered.append(number)
                over.wait(5)
        except ResultsError:
            return False
        return True

    with ThreadPoolExecutor(num) as pool:
        assert sum(pool.map(enter, range(num))) == len(entered) == 1


def test_a_process_from_which_another_one_has_taken_over_is_interrupted(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Lease(storage, silence_s=0.3)

    def work() -> None:
        with Lease(storage, silence_s=0.3):
            other._say(storage)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert "is in use by process" in capsys.readouterr().err
    # It is the other one's, and stays so.
    assert other._is_own(storage)
    assert list(storage.sizes()) == ["owner.json"]
