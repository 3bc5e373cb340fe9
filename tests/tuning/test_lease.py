import pytest

from study.errors import ResultsError
from study.records.storage import Storage
from study.tuning.lease import Lease


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
