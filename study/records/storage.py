"""Files on a file system that several machines share: a folder, or a bucket of S3 and what else pyarrow can open."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pyarrow import ArrowInvalid, fs

from study.errors import StorageError
from study.records.folder import written_whole

_PIECE_BYTES = 8 * 2**20
# Most of the time of a small file is waiting for the answer.
_NUM_CONNECTIONS = 16


class Storage:
    """A folder on a shared file system. Creating the object writes nothing; a file is there whole, or not at all.

    Args:
        uri: of the folder, "s3://bucket/folder" or a path. What S3 needs to know more (region, endpoint) stands in the
            URI as pyarrow wants it, "s3://bucket/folder?region=eu-central-1", or in AWS's own variables and files.

    Raises:
        StorageError: the URI isn't one that pyarrow can open, or holds a key: URIs are recorded and printed. Or AWS,
            which is asked for the bucket's region where the URI doesn't name it, can't be reached.
    """

    def __init__(self, uri: str) -> None:
        if "@" in uri.partition("://")[2].partition("/")[0]:
            raise StorageError(
                "A storage's URI is recorded and printed, so it must hold no keys, but this one does. Give them as "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in ~/.aws, or by the machines' role."
            )
        # Absolute, since the processes of a trial have folders of their own in which they work.
        self.uri = uri if "://" in uri else str(Path(uri).resolve())
        try:
            self._files, self._root = fs.FileSystem.from_uri(self.uri)
        except OSError as error:
            raise StorageError(f"The storage must be reachable, but {uri} is not: {_first_line(error)}.") from error
        except (ArrowInvalid, NotImplementedError) as error:
            raise StorageError(
                f"A storage is a folder or a URI such as s3://bucket/folder, but {uri!r} is not: {error}."
            ) from error

    def within(self, folder: str) -> "Storage":
        """A folder in this one."""
        before, question, query = self.uri.partition("?")
        return Storage(f"{before.rstrip('/')}/{folder}{question}{query}")

    def put(self, path: Path, name: str) -> None:
        """Copies a file there; one of that name is replaced.

        Raises:
            StorageError: it can't be written.
        """
        with self._said(f"write {name} to"), path.open("rb") as source:
            if isinstance(self._files, fs.LocalFileSystem):
                with written_whole(Path(self._path(name))) as target:
                    shutil.copyfileobj(source, target, _PIECE_BYTES)
                return
            # An object of S3 is there when its stream is closed, not before. Where reading fails in between a part of
            # it may come to be there, which its size or its hash gives away.
            stream = self._files.open_output_stream(self._path(name))
            while piece := source.read(_PIECE_BYTES):
                stream.write(piece)
            stream.close()

    def put_bytes(self, content: bytes, name: str) -> None:
        """Writes a small file there."""
        with self._said(f"write {name} to"):
            if isinstance(self._files, fs.LocalFileSystem):
                with written_whole(Path(self._path(name))) as target:
                    target.write(content)
                return
            with self._files.open_output_stream(self._path(name)) as stream:
                stream.write(content)

    def get(self, name: str, path: Path) -> bool:
        """Copies a file from there, if it is there.

        Raises:
            StorageError: it can't be read.
        """
        with self._said(f"read {name} from"):
            if self._files.get_file_info(self._path(name)).type != fs.FileType.File:
                return False
            with self._files.open_input_stream(self._path(name)) as source, written_whole(path) as target:
                shutil.copyfileobj(source, target, _PIECE_BYTES)
        return True

    def read(self, name: str) -> bytes:
        """The content of a small file that is there."""
        with self._said(f"read {name} from"), self._files.open_input_stream(self._path(name)) as source:
            content: bytes = source.read()
        return content

    def sizes(self, folder: str = "") -> dict[str, int]:
        """The files in a folder, not in folders of it: name within the storage -> bytes, sorted. None of no folder."""
        with self._said("list"):
            selector = fs.FileSelector(self._path(folder), allow_not_found=True)
            found = [each for each in self._files.get_file_info(selector) if each.type == fs.FileType.File]
        prefix = f"{folder}/" if folder else ""
        return {f"{prefix}{each.base_name}": int(each.size) for each in sorted(found, key=lambda each: each.base_name)}

    def mirror(self, folder: Path, *, progress: Callable[[Iterator[None], int], Iterable[None]]) -> None:
        """Makes a folder of this machine what this one is, with all its folders; what is there already stays.

        Args:
            folder: of this machine; what isn't in the storage is removed from it.
            progress: shows how far it is: gets an item for each file that is fetched, and their number.

        Raises:
            StorageError: it can't be read.
        """
        with self._said("list"):
            found = self._files.get_file_info(fs.FileSelector(self._root, allow_not_found=True, recursive=True))
        there = {each.path.removeprefix(f"{self._root}/"): each for each in found if each.type == fs.FileType.File}
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            # Another process may be fetching the same.
            if path.relative_to(folder).as_posix() not in there and path.suffix != ".partial":
                path.unlink(missing_ok=True)

        def fetch(name: str) -> None:
            path = folder / name
            self.get(name, path)
            os.utime(path, ns=(there[name].mtime_ns, there[name].mtime_ns))

        missing = [name for name, each in there.items() if not _is_copy(folder / name, each)]
        with ThreadPoolExecutor(_NUM_CONNECTIONS) as pool:
            for _ in progress(pool.map(fetch, missing), len(missing)):
                pass

    def delete(self, name: str) -> None:
        """Removes a file, if it is there."""
        with self._said(f"delete {name} in"):
            if self._files.get_file_info(self._path(name)).type == fs.FileType.File:
                self._files.delete_file(self._path(name))

    def delete_folder(self, folder: str = "") -> None:
        """Removes a folder with all that is in it, if it is there."""
        with self._said(f"delete {folder or 'all'} in"):
            if self._files.get_file_info(self._path(folder)).type == fs.FileType.Directory:
                self._files.delete_dir(self._path(folder))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Errors of the file system in our words."""
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"The storage must be reachable, but this could not {what} {self.uri}: {_first_line(error)}"
            ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _is_copy(path: Path, original: fs.FileInfo) -> bool:
    if not path.is_file():
        return False
    own = path.stat()
    return (own.st_size, own.st_mtime_ns) == (original.size, original.mtime_ns)
