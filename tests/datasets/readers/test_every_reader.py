"""What every image reader must do: these run over all that are found, so a new one is tested without a new test."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from study.datasets import readers
from study.datasets.readers import HEAD_BYTES, UNREADABLE, ImageReader

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 17)).astype(np.uint8)
FOREIGN = {
    "nothing": b"",
    "one byte": b"\0",
    "zeros": bytes(HEAD_BYTES),
    "a page": b"<html>Sign in to download</html>",
    "a table": b"image,label\na.png,1\n",
}
NUM_DAMAGED = 200


@pytest.fixture(params=readers.KIND.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reader(name: str) -> ImageReader:
    return readers.known().by_name[name]


def example(reader: ImageReader, pixels: NDArray[np.uint8] = PIXELS) -> bytes:
    assert reader.example is not None, "a reader that is shipped brings an example, or nothing here can be tested"
    return reader.example(pixels)


def test_it_says_what_it_reads(reader: ImageReader) -> None:
    assert reader.title
    assert reader.suffixes
    for suffix in reader.suffixes:
        assert suffix.startswith(".")
        assert suffix == suffix.lower()


def test_it_is_the_one_that_is_picked_by_the_bytes_of_its_files_whatever_they_are_called(
    name: str, reader: ImageReader
) -> None:
    others = [suffix for other in readers.known().by_name.values() for suffix in other.suffixes]
    for suffix in ("", ".txt", *others):
        image, by = readers.known().read(example(reader), f"folder/x{suffix}")
        assert by == name
        assert np.array_equal(image.pixels, PIXELS)


def test_it_is_picked_by_the_names_of_its_files_where_the_bytes_tell_nothing(name: str, reader: ImageReader) -> None:
    for suffix in reader.suffixes:
        assert readers.known().reader_of(b"", f"a/b{suffix.upper()}") == name


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_it_takes_no_foreign_bytes_for_an_image(reader: ImageReader, content: bytes) -> None:
    assert not reader.can_read(content, "")
    assert not reader.can_read(content, "notes.txt")
    with pytest.raises(UNREADABLE, match=r"\w"):
        reader.read(content)


def test_the_same_bytes_give_the_same_image_in_any_thread(reader: ImageReader) -> None:
    content = example(reader)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(reader.read, [content] * 16))
    assert all(np.array_equal(image.pixels, PIXELS) for image in images)
    assert all(image.metadata == images[0].metadata for image in images)
    assert all(isinstance(text, str) for pair in images[0].metadata.items() for text in pair)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused_with_a_reason(reader: ImageReader, share: float) -> None:
    content = example(reader, np.tile(PIXELS, (8, 8)))
    with pytest.raises(UNREADABLE, match=r"\w"):
        reader.read(content[: int(share * len(content))])


def test_damage_is_refused_or_unseen_and_nothing_worse(reader: ImageReader) -> None:
    content = np.frombuffer(example(reader), np.uint8)
    rng, known, reasons = np.random.default_rng(1), readers.known(), []
    for _ in range(NUM_DAMAGED):
        damaged = content.copy()
        damaged[rng.integers(0, len(content), 3)] = rng.integers(0, 256, 3)
        try:
            image, _ = known.read(damaged.tobytes(), f"x{reader.suffixes[0]}")
        except UNREADABLE as error:
            reasons.append(readers.why_unreadable(error))
        else:
            assert image.pixels.size
    assert reasons
    assert all(reasons)
