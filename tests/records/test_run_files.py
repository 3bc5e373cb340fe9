import shutil
import time

import pytest

from study import records
from study.errors import ResultsError, StorageError
from study.records import EventLog, RunFolder
from study.records.run_files import LogMirror, RunFiles


@pytest.fixture
def make(tmp_path):
    """(machine) -> the run's files on it; all share one storage."""

    def made(machine, uri=None):
        folder = RunFolder(tmp_path / machine / "run")
        folder.root.mkdir(parents=True, exist_ok=True)
        return RunFiles(folder, str(tmp_path / "shared") if uri is None else uri)

    return made


def append(files, *epochs):
    """A session that logs some epochs."""
    log = EventLog(files.folder.events)
    with LogMirror(files) as mirror:
        for epoch in epochs:
            log.append("epoch", trial="a", epoch=epoch)
            mirror.flush()
    log.close()


def epochs_of(files):
    return [event["epoch"] for event in records.read_events(files.folder.events)]


def test_another_machine_gets_the_log_and_goes_on_with_it(make):
    for machine, epochs in (("a", [1, 2]), ("b", [3]), ("a", [4, 5])):
        files = make(machine)
        files.fetch_log()
        append(files, *epochs)
    files = make("c")
    files.fetch_log()
    assert epochs_of(files) == [1, 2, 3, 4, 5]
    assert files.folder.events.read_bytes() == make("a").folder.events.read_bytes()


def test_the_log_is_stored_in_the_background(make):
    files = make("a")
    log = EventLog(files.folder.events)
    with LogMirror(files):
        log.append("epoch", trial="a", epoch=1)
        for _ in range(200):
            if files.storage.sizes("events"):
                break
            time.sleep(0.05)
        assert len(files.storage.sizes("events")) == 1
    log.close()


def test_pieces_are_put_together_and_a_session_that_ended_in_the_middle_of_it_does_no_harm(make):
    append(make("a"), 1, 2, 3)
    pieces = list(make("a").storage.sizes("events"))
    assert len(pieces) == 3
    second = make("a").storage.read(pieces[1])
    other = make("b")
    other.fetch_log()
    # Reading changes nothing: another session may be at work.
    assert list(make("a").storage.sizes("events")) == pieces
    append(other)
    assert list(make("a").storage.sizes("events")) == pieces[:1]
    # Not deleted before that session ended.
    make("a").storage.put_bytes(second, pieces[1])
    files = make("c")
    files.fetch_log()
    assert epochs_of(files) == [1, 2, 3]


def test_what_a_machine_logged_and_could_not_store_is_stored_later(make):
    files = make("a")
    append(files, 1)
    log = EventLog(files.folder.events)
    log.append("epoch", trial="a", epoch=2)
    log.close()
    files.fetch_log()
    append(files, 3)
    other = make("b")
    other.fetch_log()
    assert epochs_of(other) == [1, 2, 3]


def test_two_histories_are_an_error_and_neither_is_lost(make):
    append(make("a"), 1)
    log = EventLog(make("b").folder.events)
    log.append("epoch", trial="a", epoch=7)
    log.close()
    with pytest.raises(ResultsError, match="one history"):
        make("b").fetch_log()
    assert epochs_of(make("b")) == [7]
    other = make("c")
    other.fetch_log()
    assert epochs_of(other) == [1]


def test_a_missing_piece_is_an_error(make):
    append(make("a"), 1, 2, 3)
    storage = make("a").storage
    storage.delete(list(storage.sizes("events"))[1])
    with pytest.raises(ResultsError, match="must follow one another"):
        make("b").fetch_log()


def test_checkpoints_move_to_another_machine(make):
    one, two = make("a"), make("b")
    for number in (1, 2):
        path = one.folder.checkpoints("t") / f"epoch-{number:05d}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
        one.keep(path)
    two.fetch_checkpoints("t")
    assert sorted(p.read_text() for p in two.folder.checkpoints("t").iterdir()) == ["1", "2"]
    two.drop_folder("checkpoints/t")
    shutil.rmtree(two.folder.checkpoints("t"))
    two.fetch_checkpoints("t")
    assert not two.folder.checkpoints("t").exists()


def test_without_a_storage_nothing_is_copied(make):
    files = make("a", uri="")
    path = files.folder.root / "file"
    path.write_text("x")
    files.keep(path)
    files.fetch(files.folder.root / "other")
    files.drop(path)
    files.drop_folder("checkpoints")
    files.forget()
    append(files, 1)
    files.fetch_log()
    assert path.read_text() == "x"
    assert epochs_of(files) == [1]


def test_a_file_is_got_again_where_another_machine_has_written_it_anew(make):
    one, two = make("a"), make("b")
    for files, text in ((one, "old"), (two, "new")):
        files.folder.weights("t").parent.mkdir(parents=True, exist_ok=True)
        files.folder.weights("t").write_text(text)
        files.keep(files.folder.weights("t"))
    one.fetch(one.folder.weights("t"))
    assert one.folder.weights("t").read_text() == "old"
    one.fetch(one.folder.weights("t"), anew=True)
    assert one.folder.weights("t").read_text() == "new"


def test_a_session_whose_storage_is_lost_says_so_at_its_end(make, tmp_path):
    files = make("a")
    log = EventLog(files.folder.events)
    (tmp_path / "shared").write_text("a file, where a folder must be")
    with pytest.raises(StorageError, match="must be reachable"), LogMirror(files):
        log.append("epoch", trial="a", epoch=1)
    log.close()


def test_what_a_run_has_kept_before_it_got_a_storage_is_put_there(make):
    files = make("a", uri="")
    log = EventLog(files.folder.events)
    started = {"pair": "lenet", "kind": records.SEED, "number": 1, "recipe_name": "best", "recipe": {}, "seed": 1}
    log.append("started", trial="lenet-seed1", **started)
    path = files.folder.weights("lenet-seed1")
    path.parent.mkdir(parents=True)
    path.write_text("weights")
    names = {path.relative_to(files.folder.root).as_posix(): records.sha256_of(path)}
    log.append("completed", trial="lenet-seed1", epochs=1, best_epoch=1, best_score=1.0, best_loss=0.1, files=names)
    log.close()
    state = records.replay(records.read_events(files.folder.events))
    files = make("a")
    files.keep_kept(state)
    assert {name: files.storage.read(name) for name in names} == dict.fromkeys(names, b"weights")
    other = make("b")
    other.fetch_kept(state)
    assert other.folder.weights("lenet-seed1").read_text() == "weights"


def test_nothing_is_written_over_what_another_session_has_added(make):
    append(make("a"), 1)
    one, two = make("a"), make("b")
    two.fetch_log()
    log = EventLog(one.folder.events)

    def work():
        with LogMirror(one):
            append(two, 2)
            log.append("epoch", trial="a", epoch=7)

    with pytest.raises(ResultsError, match="another one has"):
        work()
    log.close()
    other = make("c")
    other.fetch_log()
    assert epochs_of(other) == [1, 2]
    assert epochs_of(one) == [1, 7]
