"""Groups of images stand side by side, in lines that are as long as six pairs."""

import io

import numpy as np
from PIL import Image

from study.datasets.images.contact_sheet import groups_png

SIDE_PX, GAP_PX = 8, 10


def sheet_of(groups: list[list[int]]) -> np.ndarray:
    """The sheet of images of which row n is of grey level n."""
    pixels = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    return np.asarray(Image.open(io.BytesIO(groups_png(pixels, groups, side_px=SIDE_PX))))[:, :, 0]


def test_six_pairs_fill_a_line() -> None:
    pairs = [[2 * n, 2 * n + 1] for n in range(7)]
    sheet = sheet_of(pairs)
    step = 2 * SIDE_PX + GAP_PX
    assert sheet.shape == (2 * SIDE_PX + GAP_PX, 6 * step - GAP_PX)
    for n, pair in enumerate(pairs):
        y, x = n // 6 * (SIDE_PX + GAP_PX), n % 6 * step
        assert np.unique(sheet[y : y + SIDE_PX, x : x + SIDE_PX]) == pair[:1]
        assert np.unique(sheet[y : y + SIDE_PX, x + SIDE_PX : x + 2 * SIDE_PX]) == pair[1:]


def test_each_group_has_its_caption_above_it() -> None:
    pixels = np.full((4, 4, 4, 3), 128, np.uint8)
    png = groups_png(pixels, [[0, 1], [2, 3]], captions=["8", "8"], side_px=SIDE_PX)
    sheet = np.asarray(Image.open(io.BytesIO(png)))[:, :, 0]
    first, second = sheet[:-SIDE_PX, : 2 * SIDE_PX], sheet[:-SIDE_PX, 2 * SIDE_PX + GAP_PX :]
    assert (sheet[-SIDE_PX:, : 2 * SIDE_PX] == 128).all()
    assert (first < 128).any()
    assert (first == second).all()


def test_no_image_of_a_group_that_is_longer_than_a_line_is_lost() -> None:
    sheet = sheet_of([[0, 1], list(range(2, 30)), [30, 31]])
    assert sorted(set(np.unique(sheet)) - {255}) == list(range(32))
    assert sheet.shape[1] <= 6 * (2 * SIDE_PX + GAP_PX) - GAP_PX


def test_one_pair_is_no_wider_than_itself() -> None:
    assert sheet_of([[3, 4]]).shape == (SIDE_PX, 2 * SIDE_PX)
