import pytest

from study.errors import StorageError
from study.records.storage import Storage


@pytest.fixture(params=["folder", "s3"])
def storage(request, tmp_path):
    if request.param == "folder":
        return Storage(str(tmp_path / "shared"))
    return Storage(request.getfixturevalue("bucket"))


def test_a_file_comes_back_as_it_was_and_replaces_one_of_its_name(storage, tmp_path):
    path = tmp_path / "own" / "weights.pt"
    path.parent.mkdir()
    for content in (b"old", bytes(range(256)) * 70_000):
        path.write_bytes(content)
        storage.put(path, "weights/a.pt")
        assert storage.get("weights/a.pt", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content == storage.read("weights/a.pt")
    assert storage.sizes("weights") == {"weights/a.pt": 256 * 70_000}


def test_what_is_not_there_is_not_got_and_its_removal_is_no_error(storage, tmp_path):
    assert not storage.get("none", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert storage.sizes() == storage.sizes("none") == {}
    storage.delete("none")
    storage.delete_folder("none")
    storage.delete_folder()


def test_the_files_of_a_folder_are_listed_by_name_without_those_of_its_folders(storage):
    for name in ("log/b", "log/a", "log/deeper/c", "other"):
        storage.put_bytes(b"x", name)
    assert list(storage.sizes("log")) == ["log/a", "log/b"]
    assert list(storage.sizes()) == ["other"]
    assert list(storage.within("log").sizes()) == ["a", "b"]
    storage.delete("log/a")
    assert list(storage.sizes("log")) == ["log/b"]
    storage.within("log").delete_folder("deeper")
    assert storage.within("log/deeper").sizes() == {}
    assert storage.within("log").sizes() == {"b": 1}
    storage.delete_folder()
    assert storage.sizes() == {}


def test_a_uri_that_nothing_can_open_is_an_error_of_the_user():
    with pytest.raises(StorageError, match="but 'ftp://x/y' is not"):
        Storage("ftp://x/y")


def test_keys_in_a_uri_are_refused_and_not_repeated():
    with pytest.raises(StorageError) as error:
        Storage("s3://someone:secret@bucket/folder")
    assert "AWS_SECRET_ACCESS_KEY" in str(error.value)
    assert "someone" not in str(error.value)


def test_a_bucket_that_does_not_exist_is_named(bucket, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    missing = Storage(bucket.replace("study-bucket", "no-such-bucket"))
    with pytest.raises(StorageError, match=r"could not write file to s3://no-such-bucket"):
        missing.put(path, "file")


def test_a_mirror_has_all_files_and_fetches_only_what_is_new(storage, tmp_path):
    own, fetched = tmp_path / "own", []

    def mirror():
        fetched.clear()
        storage.mirror(own, progress=lambda files, total: fetched.append(total) or files)
        return {path.relative_to(own).as_posix(): path.read_bytes() for path in own.rglob("*") if path.is_file()}

    storage.put_bytes(b"1", "Training/a b.png")
    storage.put_bytes(b"2", "Testing/deeper/c.png")
    assert mirror() == {"Training/a b.png": b"1", "Testing/deeper/c.png": b"2"}
    assert fetched == [2]
    mirror()
    assert fetched == [0]
    storage.delete("Training/a b.png")
    storage.put_bytes(b"other", "Testing/deeper/c.png")
    assert mirror() == {"Testing/deeper/c.png": b"other"}
    assert fetched == [1]


def test_a_relative_path_is_that_of_the_folder_in_which_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = Storage("shared")
    storage.put_bytes(b"x", "file")
    monkeypatch.chdir("/")
    assert storage.read("file") == b"x" == Storage(storage.uri).read("file") == (tmp_path / "shared/file").read_bytes()
