"""A reader that is no part of the package, in a file of its own, is used wherever images are read."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study import registry
from study.datasets import readers
from study.datasets.images.pixel_cache import ImageStore, prepare
from study.datasets.layouts.class_folders import image_files
from study.datasets.readers import Readers
from study.errors import DeclarationError

# Arrays of NumPy, one image each.
NPY = """
import io
import numpy as np
from study.datasets.readers import ImageReader, ReadImage

def _can_read(head, name):
    return head.startswith(b"\\x93NUMPY") or name.lower().endswith(".npy")

def _read(content):
    return ReadImage(np.load(io.BytesIO(content)))

READER = ImageReader(title="arrays of NumPy", suffixes=(".npy",), can_read=_can_read, read=_read)
"""
# PNG files, with black and white exchanged.
NEGATIVE = """
from study.datasets.readers import ImageReader, ReadImage, pillow

READER = ImageReader(
    title="negatives",
    suffixes=(".png",),
    can_read=lambda head, name: head.startswith(b"\\x89PNG"),
    read=lambda content: ReadImage(255 - pillow.READER.read(content).pixels),
)
"""
SIDE_PX = 12
Give = Callable[[str, str], None]


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Give:
    """Makes readers known, beside those that are shipped, until the test ends."""
    kind = registry.Kind(name="image reader", package="study.datasets.readers", attribute="READER")
    monkeypatch.setattr(readers, "KIND", kind)
    return lambda name, source: kind.give(name, source, f"{name}.py")


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Leaves only the readers that are shipped."""
    kind = registry.Kind(name="image reader", package="study.datasets.readers", attribute="READER")
    return lambda: monkeypatch.setattr(readers, "KIND", kind)


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (SIDE_PX, SIDE_PX)).astype(np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two PNG files."""
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in (0, 1):
        Image.fromarray(noise(seed)).save(folder / f"{seed}.png")
    return folder


def store_of(root: Path, window: tuple[int, int] | None = None) -> ImageStore:
    paths = sorted(path.name for path in root.iterdir())
    cache = root.parent / "cache"
    return prepare(root, paths, size_px=SIDE_PX, cache=cache, window=window, show_progress=False)


def grey(store: ImageStore) -> list[NDArray[np.uint8]]:
    return [np.array(image[..., 0]) for image in store.open()]


@pytest.fixture
def read_none(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on it fails to read an image."""

    def read(_readers: Readers, _content: bytes, path: str) -> None:
        raise AssertionError(f"{path} was read")

    return lambda: monkeypatch.setattr(Readers, "read", read)


def test_a_format_of_ones_own_is_read_into_the_store_beside_others(
    root: Path, give: Give, read_none: Callable[[], None]
) -> None:
    np.save(root / "2.npy", noise(2))
    np.save(root / "3.npy", np.repeat(noise(3)[..., None], 3, axis=2))
    give("npy", NPY)
    first = store_of(root)
    assert first.read_by == {"npy": 2, "pillow": 2}
    assert [mode for mode, _, _ in first.formats] == ["L", "L", "L", "RGB"]
    for image, seed in zip(grey(first), range(4), strict=True):
        assert np.array_equal(image, noise(seed))
    read_none()
    assert store_of(root) == first


def test_its_files_are_images_in_folders_too(root: Path, give: Give) -> None:
    np.save(root / "2.npy", noise(2))
    assert [path.name for path in image_files(root, readers.known())] == ["0.png", "1.png"]
    give("npy", NPY)
    assert [path.name for path in image_files(root, readers.known())] == ["0.png", "1.png", "2.npy"]


def test_its_levels_of_more_than_8_bits_are_seen_through_the_window(root: Path, give: Give) -> None:
    np.save(root / "2.npy", np.array([[-100, 0, 50, 100, 900]], np.int16))
    give("npy", NPY)
    assert store_of(root).unreadable == {
        "2.npy": "grey levels of more than 8 bits (colour mode int16), and no window says which of them are black and "
        "white"
    }
    np.save(root / "2.npy", np.repeat(np.array([[-100, 0, 50, 100, 900, 999]], np.int16), 2, axis=1))
    shown = grey(store_of(root, window=(0, 100)))[2][0]
    assert shown.tolist() == [0, 0, 0, 0, 128, 128, 255, 255, 255, 255, 255, 255]


def test_another_reader_of_the_same_files_gets_pixels_of_its_own(
    root: Path, give: Give, forget: Callable[[], None]
) -> None:
    first = store_of(root)
    give("negative", NEGATIVE)
    second = store_of(root)
    assert (first.read_by, second.read_by) == ({"pillow": 2}, {"negative": 2})
    assert np.array_equal(second.open(), 255 - first.open())
    # What the files are called is a matter of their content, and what they are read as isn't.
    assert second.data_hash == first.data_hash
    assert second.pixels_sha256 != first.pixels_sha256
    forget()
    assert store_of(root) == first
    assert np.array_equal(grey(first), [noise(0), noise(1)])


def test_a_copy_of_a_folder_does_not_get_the_pixels_of_another_reader(
    root: Path, give: Give, forget: Callable[[], None]
) -> None:
    first = store_of(root)
    copy = root.parent / "copy"
    copy.mkdir()
    for path in root.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    give("negative", NEGATIVE)
    store_of(copy)
    forget()
    assert store_of(root) == first
    assert np.array_equal(grey(first), [noise(0), noise(1)])


def test_a_reader_that_was_changed_reads_again(root: Path, give: Give) -> None:
    give("negative", NEGATIVE)
    negative = grey(store_of(root))
    give("negative", NEGATIVE.replace("255 - ", ""))
    assert np.array_equal(grey(store_of(root)), [255 - image for image in negative])


def test_a_reader_that_has_nothing_to_read_leaves_a_cache_as_it_is(
    root: Path, give: Give, read_none: Callable[[], None]
) -> None:
    first = store_of(root)
    give("npy", NPY)
    read_none()
    assert store_of(root) == first


def test_a_cache_that_does_not_say_what_has_read_it_was_read_by_pillow(
    root: Path, give: Give, read_none: Callable[[], None]
) -> None:
    first = store_of(root)
    (index,) = first.path.parent.glob("index-*.json")
    old = {name: value for name, value in json.loads(index.read_text()).items() if name not in ("readers", "read_by")}
    index.write_text(json.dumps(old))
    give("npy", NPY)
    read_none()
    assert store_of(root) == first
    assert first.read_by == {"pillow": 2}


def test_the_content_of_a_file_counts_more_than_its_name(root: Path, give: Give) -> None:
    file = io.BytesIO()
    np.save(file, noise(2))
    (root / "2.png").write_bytes(file.getvalue())
    give("npy", NPY)
    assert store_of(root).read_by == {"npy": 1, "pillow": 2}


def test_what_no_reader_reads_is_refused_with_all_that_were_asked(root: Path, give: Give) -> None:
    (root / "2.xyz").write_bytes(b"foreign")
    give("npy", NPY)
    (why,) = store_of(root).unreadable.values()
    assert why == (
        "cannot identify the image's format, which no reader knows (npy: arrays of NumPy; pillow: PNG, JPEG, TIFF and "
        "BMP)"
    )


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        ("{}[0]", r"0.png the reader mine raises KeyError: 0 \(mine.py, line 6\)"),
        ("np.zeros((4, 4), np.float32)", r"0.png the reader mine gives float32 \(4, 4\)"),
        ("np.zeros((4, 4, 4), np.uint8)", r"0.png the reader mine gives uint8 \(4, 4, 4\)"),
        ("[[1.5, 2.5]]", r"0.png the reader mine gives a list"),
        ("np.zeros((0, 4), np.uint8)", r"0.png the reader mine gives uint8 \(0, 4\)"),
    ],
)
def test_a_reader_that_breaks_its_promise_is_named_rather_than_the_file(
    root: Path, give: Give, reads: str, said: str
) -> None:
    lines = [
        "import numpy as np",
        "from study.datasets.readers import ImageReader, ReadImage",
        "READER = ImageReader(",
        "    title='mine', suffixes=('.png',), can_read=lambda head, name: True,",
        "    read=lambda content: ReadImage(",
        f"        {reads}",
        "    ),",
        ")",
    ]
    give("mine", "\n".join(lines))
    with pytest.raises(DeclarationError, match=said):
        store_of(root)
