"""Images are read once and rightly, kept for the next time, and those that can't be read are named."""

import io
import os
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study.datasets.images import picture, pixel_cache
from study.datasets.images.pixel_cache import ImageStore, prepare, require_readable
from study.datasets.readers import Readers, pillow
from study.errors import DataError

SIZE_PX = 16


def noise(seed: int, side_px: int = 24) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)


def save(root: Path, name: str, image: NDArray[np.generic] | Image.Image, **options: object) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return name


def write(root: Path, name: str, content: bytes) -> str:
    (root / name).write_bytes(content)
    return name


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data [set]"
    folder.mkdir()
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def paths(root: Path) -> list[str]:
    return [save(root, f"[Malignant] b*/{i}.png", noise(i)) for i in range(5)]


def store_of(root: Path, paths: list[str], cache: Path, *, size_px: int = SIZE_PX) -> ImageStore:
    return prepare(root, paths, size_px=size_px, cache=cache, show_progress=False)


def one(root: Path, name: str, cache: Path, *, size_px: int = SIZE_PX) -> NDArray[np.uint8]:
    store = store_of(root, [name], cache, size_px=size_px)
    assert not store.unreadable
    return np.array(store.open()[0])


def test_rows_stand_in_the_order_of_the_paths_also_in_folders_with_brackets(
    root: Path, paths: list[str], cache: Path
) -> None:
    store = store_of(root, paths[::-1], cache, size_px=24)
    assert list(store.paths) == paths[::-1]
    assert np.array_equal(store.open(), [noise(i) for i in range(5)][::-1])
    assert len(set(store.sha256)) == 5


def test_the_cache_is_found_again_without_reading_an_image(
    root: Path, paths: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store_of(root, paths, cache)
    written_ns = first.path.stat().st_mtime_ns

    def read(_readers: Readers, _content: bytes, _path: str) -> None:
        raise AssertionError("an image was read")

    monkeypatch.setattr(Readers, "read", read)
    assert store_of(root, paths, cache) == first
    assert first.path.stat().st_mtime_ns == written_ns


def test_other_content_of_the_same_size_and_time_is_read(root: Path, cache: Path) -> None:
    names = [save(root, f"{seed}.bmp", noise(seed)) for seed in (1, 2)]
    first = store_of(root, names, cache)
    before = (root / names[0]).stat()
    # As `cp -p` and `rsync -a` do.
    (root / names[0]).write_bytes((root / names[1]).read_bytes())
    os.utime(root / names[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / names[0]).stat().st_size == before.st_size
    assert store_of(root, names, cache).sha256 == (first.sha256[1], first.sha256[1])


def test_a_changed_file_is_read_again(root: Path, paths: list[str], cache: Path) -> None:
    first = store_of(root, paths, cache, size_px=24)
    save(root, paths[2], 255 - noise(2))
    second = store_of(root, paths, cache, size_px=24)
    assert np.array_equal(second.open()[2], 255 - noise(2))
    assert second.data_hash != first.data_hash
    assert [a == b for a, b in zip(first.sha256, second.sha256, strict=True)] == [True, True, False, True, True]


def test_a_lost_array_is_built_again(root: Path, paths: list[str], cache: Path) -> None:
    first = store_of(root, paths, cache)
    before = np.array(first.open())
    first.path.unlink()
    assert np.array_equal(store_of(root, paths, cache).open(), before)


def test_a_renamed_or_reordered_folder_keeps_the_hash_of_its_data(root: Path, paths: list[str], cache: Path) -> None:
    first = store_of(root, paths, cache)
    moved = root.rename(root.with_name("elsewhere"))
    assert store_of(moved, paths[::-1], cache).data_hash == first.data_hash
    assert store_of(moved, paths[1:], cache).data_hash != first.data_hash


def test_two_sizes_live_side_by_side(root: Path, paths: list[str], cache: Path) -> None:
    small, large = (store_of(root, paths, cache, size_px=size) for size in (16, 24))
    assert small.open().shape == (5, 16, 16, 3)
    assert large.open().shape == (5, 24, 24, 3)
    assert store_of(root, paths, cache, size_px=16) == small
    assert store_of(root, paths, cache, size_px=24) == large


def interrupted_build(root: Path, paths: list[str], cache: Path, *, after: int, at_a_time: int = 2) -> None:
    """Ctrl-C after so many images; what was read is noted each time that there are `at_a_time` more."""
    real, seen = picture.resize, []

    def resize(image: Image.Image, *, size_px: int) -> NDArray[np.uint8]:
        seen.append(size_px)
        if len(seen) > after:
            raise KeyboardInterrupt
        return real(image, size_px=size_px)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture, "resize", resize)
        patch.setattr(pixel_cache, "_NUM_AT_A_TIME", at_a_time)
        # Two threads would have begun an unknown number of images.
        patch.setattr(os, "cpu_count", lambda: 1)
        with pytest.raises(KeyboardInterrupt):
            store_of(root, paths, cache)


def read_by_build(root: Path, paths: list[str], cache: Path) -> tuple[ImageStore, int]:
    """A build, and how many files it decodes."""
    real, seen = Readers.read, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Readers, "read", lambda *given: (seen.append(1), real(*given))[1])
        return store_of(root, paths, cache), len(seen)


def test_an_interrupted_build_goes_on_where_it_was(root: Path, paths: list[str], cache: Path, tmp_path: Path) -> None:
    expected = store_of(root, paths, tmp_path / "uninterrupted")
    interrupted_build(root, paths, cache, after=3)
    store, num_read = read_by_build(root, paths, cache)
    assert num_read == len(paths) - 2
    assert np.array_equal(store.open(), expected.open())
    assert np.array_equal(np.load(store.thumbnails), np.load(expected.thumbnails))
    assert replace(store, path=expected.path, thumbnails=expected.thumbnails) == expected
    assert not list(cache.glob("unfinished-*"))


def test_a_file_that_changed_while_a_build_was_interrupted_is_read_again(
    root: Path, paths: list[str], cache: Path
) -> None:
    interrupted_build(root, paths, cache, after=4)
    save(root, paths[0], noise(77))
    store, num_read = read_by_build(root, paths, cache)
    assert num_read == len(paths) - 3
    assert np.array_equal(store.open()[0], picture.resize(Image.fromarray(noise(77)), size_px=SIZE_PX))


@pytest.mark.parametrize("name", ["pixels.npy", "thumbnails.npy", "read.jsonl"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_what_is_torn_of_an_interrupted_build_is_read_again(
    root: Path, paths: list[str], cache: Path, tmp_path: Path, name: str, damage: str
) -> None:
    expected = store_of(root, paths, tmp_path / "uninterrupted")
    interrupted_build(root, paths, cache, after=4)
    (file,) = cache.glob(f"unfinished-*/{name}")
    content = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    assert np.array_equal(store_of(root, paths, cache).open(), expected.open())


def test_a_build_that_was_killed_while_it_closed_gaps_goes_on(root: Path, paths: list[str], cache: Path) -> None:
    interrupted_build(root, paths, cache, after=4)
    (folder,) = cache.glob("unfinished-*")
    (folder / "pixels.shorter.npy").write_bytes(b"half of an array")
    assert len(store_of(root, paths, cache).open()) == len(paths)
    assert not folder.exists()


def test_after_the_log_of_a_build_was_cut_off_new_lines_are_read_again(
    root: Path, paths: list[str], cache: Path
) -> None:
    interrupted_build(root, paths, cache, after=2)
    (log,) = cache.glob("unfinished-*/read.jsonl")
    log.write_bytes(log.read_bytes()[:-5])
    interrupted_build(root, paths, cache, after=2)
    assert read_by_build(root, paths, cache)[1] == len(paths) - 3


def test_images_that_cannot_be_read_do_not_make_the_others_be_read_again(
    root: Path, paths: list[str], cache: Path
) -> None:
    broken = write(root, "broken.png", b"no image")
    store = store_of(root, [*paths, broken], cache)
    again, num_read = read_by_build(root, [*paths, broken], cache)
    assert (again, num_read) == (store, 1)
    save(root, broken, noise(5))
    assert not store_of(root, [*paths, broken], cache).unreadable


def test_two_processes_that_build_one_cache_read_each_image_once(root: Path, paths: list[str], cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from study.datasets.images import pixel_cache\n"
        "from study.datasets.readers import Readers\n"
        "real = Readers.read\n"
        "Readers.read = lambda *given: (print('read'), __import__('time').sleep(0.1), real(*given))[2]\n"
        "root, cache, *paths = sys.argv[1:]\n"
        f"pixel_cache.prepare(Path(root), paths, size_px={SIZE_PX}, cache=Path(cache), show_progress=False)"
    )
    command = [sys.executable, "-c", program, str(root), str(cache), *paths]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(process.communicate()[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert said.count("read") == len(paths)


def test_grey_images_become_three_equal_channels(root: Path, cache: Path) -> None:
    grey = noise(1)[:, :, 0]
    image = one(root, save(root, "grey.png", grey), cache, size_px=24)
    assert np.array_equal(image, np.repeat(grey[:, :, None], 3, axis=2))


def test_a_photograph_is_turned_as_its_exif_data_say(root: Path, cache: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned clockwise by a quarter.
    name = save(root, "turned.png", noise(1), exif=exif)
    assert np.array_equal(one(root, name, cache, size_px=24), np.rot90(noise(1), -1))


def test_reducing_averages_instead_of_skipping_pixels(root: Path, cache: Path) -> None:
    lines = np.zeros((128, 128, 3), np.uint8)
    lines[::4] = 255
    image = one(root, save(root, "lines.png", lines), cache)
    assert abs(image[4:-4].astype(float).mean() - 255 / 4) < 3
    assert image[4:-4].std() < 16


def unreadable_files(root: Path) -> dict[str, str]:
    """Name -> what its reason must tell."""
    whole = io.BytesIO()
    Image.fromarray(noise(0)).save(whole, "JPEG")
    return {
        write(root, "truncated.jpg", whole.getvalue()[:-200]): "truncated",
        write(root, "empty.jpg", b""): "cannot identify",
        write(root, "page.jpg", b"<html>Sign in to download</html>"): "cannot identify",
        save(root, "deep.png", noise(0)[:, :, 0].astype(np.uint16) * 257): "colour mode I;16",
        save(root, "clear.png", Image.new("RGBA", (24, 24))): "colour mode RGBA",
        write(root, "bomb.png", png_header(40_000, 40_000)): "pixels",
    }


def test_images_that_cannot_be_read_are_reported_with_their_reason_and_have_no_row(
    root: Path, paths: list[str], cache: Path
) -> None:
    reasons = unreadable_files(root)
    names = [paths[0], *reasons, *paths[1:]]
    for _ in ("built", "found again"):
        store = store_of(root, names, cache, size_px=24)
        assert set(store.unreadable) == set(reasons)
        for name, reason in reasons.items():
            assert reason in store.unreadable[name]
        assert list(store.paths) == paths
        assert np.array_equal(store.open(), [noise(i) for i in range(5)])


def test_the_refusal_counts_the_unreadable_images_names_the_first_and_says_how_to_go_on(
    root: Path, paths: list[str], cache: Path
) -> None:
    broken = [write(root, f"broken {i:02}.png", b"no image") for i in range(13)]
    store = store_of(root, [*paths, *broken], cache)
    with pytest.raises(DataError, match="13 of 18 are not") as refusal:
        require_readable(store, skip=False)
    message = str(refusal.value)
    assert "--skip-unreadable" in message
    assert [name for name in broken if name in message] == broken[:10]
    assert "and 3 more" in message
    require_readable(store, skip=True)


def test_readable_images_are_not_complained_about(root: Path, paths: list[str], cache: Path) -> None:
    require_readable(store_of(root, paths, cache), skip=False)


def test_a_folder_without_one_readable_image_still_gives_a_store(root: Path, cache: Path) -> None:
    store = store_of(root, [write(root, "a.png", b"no image"), write(root, "b.png", b"nor this")], cache)
    assert store.paths == ()
    assert store.same_pictures().links == {}
    with pytest.raises(DataError, match="2 of 2"):
        require_readable(store, skip=False)


def test_a_file_that_disappears_while_images_are_read_is_unreadable_until_it_is_back(
    root: Path, paths: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = picture.resize

    def resize(image: Image.Image, *, size_px: int) -> NDArray[np.uint8]:
        (root / paths[-1]).unlink(missing_ok=True)
        return real(image, size_px=size_px)

    # One reader at a time, so that the last file is gone before it is its turn.
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(picture, "resize", resize)
    lost = root / paths[-1]
    content, stat = lost.read_bytes(), lost.stat()
    store = store_of(root, paths, cache)
    assert "No such file" in store.unreadable[paths[-1]]
    assert store.paths == tuple(paths[:-1])
    monkeypatch.undo()
    lost.write_bytes(content)
    os.utime(lost, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert store_of(root, paths, cache).paths == tuple(paths)


def test_a_file_that_disappears_before_images_are_read_is_unreadable(root: Path, paths: list[str], cache: Path) -> None:
    store = store_of(root, [*paths, "gone.png"], cache)
    assert "No such file" in store.unreadable["gone.png"]
    assert list(store.paths) == paths


def test_modes_and_sizes_are_those_of_the_upright_files(root: Path, cache: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(root, "turned.png", noise(1)[:10], exif=exif)
    save(root, "grey.png", noise(1)[:, :7, 0])
    for _ in ("built", "found again"):
        store = store_of(root, ["grey.png", "turned.png"], cache)
        assert store.formats == (("L", 7, 24), ("RGB", 10, 24))


def test_a_picture_that_was_saved_twice_has_one_fingerprint_and_two_file_hashes(root: Path, cache: Path) -> None:
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    for name, image in (("a.png", grey), ("b.bmp", grey), ("c.png", grey.convert("RGB")), ("d.png", grey.rotate(90))):
        image.save(root / name)
    store = store_of(root, ["a.png", "b.bmp", "c.png", "d.png"], cache)
    assert len(set(store.sha256)) == 4
    first, bitmap, rgb, turned = store.pixels_sha256
    assert first == bitmap == rgb != turned


def test_dark_margins_are_trimmed_and_what_they_surround_is_not(root: Path, cache: Path) -> None:
    rng = np.random.default_rng(0)
    head = rng.integers(60, 255, (40, 30), dtype=np.uint8)
    framed = rng.integers(0, 8, (90, 100), dtype=np.uint8)
    framed[20:60, 50:80] = head
    for name, image in (("head.png", head), ("framed.png", framed)):
        Image.fromarray(image).save(root / name)
    paths = ["framed.png", "head.png"]
    plain = store_of(root, paths, cache, size_px=16)
    trimmed = prepare(root, paths, size_px=16, cache=cache, trimmed=True, show_progress=False)
    one, other = trimmed.open()
    assert np.array_equal(one, other)
    assert np.array_equal(other, plain.open()[1])
    assert not np.array_equal(plain.open()[0], one)
    # What a picture is does not depend on how it is shown.
    assert trimmed.pixels_sha256 == plain.pixels_sha256
    assert trimmed.path != plain.path


@pytest.mark.parametrize("level", [0, 5, 200])
def test_an_even_picture_stays_whole(level: int) -> None:
    even = Image.fromarray(np.full((20, 30), level, dtype=np.uint8))
    assert picture.trim(even).size == (30, 20)


def test_damaged_exif_data_make_an_image_unreadable_and_nothing_worse(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(root / "a.png")

    # What Pillow raises of damaged EXIF data depends on the damage; this was found by fuzzing JPEG files.
    def damaged(_image: Image.Image) -> Image.Image:
        raise struct.error("required argument is not an integer")

    monkeypatch.setattr(pillow.ImageOps, "exif_transpose", damaged)
    store = store_of(root, ["a.png"], cache)
    assert store.unreadable == {"a.png": "its EXIF data can't be read (required argument is not an integer)"}
