"""Images of more than 8 bits, and those that show next to nothing."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from datasets.custom.conftest import Said, put
from PIL import Image

CLASSES = ("normal", "tumour")


def write(root: Path, tops: Mapping[str, int], *, dtype: type[np.generic] = np.uint16, low: int = 0) -> None:
    """An image of noise between two levels for each path."""
    for path, top in tops.items():
        noise = np.random.default_rng(list(path.encode())).integers(low, top + 1, (24, 24))
        put(root / path, noise.astype(dtype))


def paths(num: int = 12, suffix: str = "png") -> list[str]:
    return [f"{name}/{number:02}.{suffix}" for name in CLASSES for number in range(num)]


def window_of(said: str) -> tuple[int, int]:
    found = re.search(r"grey levels (\d+) to (\d+)", said)
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("bright", [1, 2])
def test_a_few_bright_scans_do_not_spoil_the_window_of_all_others(tmp_path: Path, read: Said, bright: int) -> None:
    write(tmp_path, dict.fromkeys(paths(), 900) | dict.fromkeys(paths()[:bright], 54_000))
    said = read()
    assert 890 <= window_of(said)[1] <= 900
    assert f"beyond the window are cut off: {bright} of 24 images" in said
    assert "for example normal/00.png" in said


def test_a_dark_scan_does_not_spoil_the_window_either(tmp_path: Path, read: Said) -> None:
    write(tmp_path, dict.fromkeys(paths()[1:], 51_000), low=50_000)
    write(tmp_path, {paths()[0]: 300})
    said = read()
    assert window_of(said)[0] >= 50_000
    assert "1 of 24 images" in said


def test_scans_of_different_exposure_share_the_window_of_all(tmp_path: Path, read: Said) -> None:
    write(tmp_path, {path: 1000 + 300 * number for number, path in enumerate(paths())})
    said = read()
    assert window_of(said)[1] > 7500
    assert "cut off" not in said


def test_images_that_no_window_shows_are_refused(tmp_path: Path, refused: Said) -> None:
    write(tmp_path, {path: 700 if number % 2 else 60_000 for number, path in enumerate(paths())})
    said = refused()
    assert "12 of 24 that were looked at show no more than 16, for example normal/01.png" in said
    assert "Save them on one scale, or each with 8 bits" in said


def test_images_that_the_window_hardly_shows_are_said(tmp_path: Path, read: Said) -> None:
    write(tmp_path, {path: 60_000 if number % 4 else 700 for number, path in enumerate(paths())})
    said = read()
    assert "are all that 6 of 24 images show that were looked at, for example normal/00.png" in said


def test_levels_below_zero_are_refused_with_what_to_save(tmp_path: Path, refused: Said, read: Said) -> None:
    write(tmp_path, dict.fromkeys(paths(suffix="tif"), 900), dtype=np.int32, low=-1000)
    said = refused()
    assert "Grey levels must be 0 or more, but normal/00.tif uses -9" in said
    assert "add 1024 to each level" in said
    write(tmp_path, dict.fromkeys(paths(suffix="tif"), 1924), low=24)
    assert window_of(read())[0] >= 24


def test_images_of_floating_point_are_refused_with_their_kind(tmp_path: Path, refused: Said) -> None:
    write(tmp_path, dict.fromkeys(paths(suffix="tif"), 900), dtype=np.float32)
    assert "normal/00.tif (colour mode F, of which it isn't known how it looks" in refused()


def test_images_of_a_handful_of_grey_levels_are_said(tmp_path: Path, read: Said) -> None:
    write(tmp_path, dict.fromkeys(paths(), 255), dtype=np.uint8)
    assert "No more than 16 grey levels" not in read()
    for path in paths()[12:]:
        Image.open(tmp_path / path).point(lambda level: 255 * (level > 128)).save(tmp_path / path)
    said = read()
    assert "No more than 16 grey levels, as in masks and almost black images, are all that 12 of 24 images show" in said
    assert "for example tumour/00.png" in said
