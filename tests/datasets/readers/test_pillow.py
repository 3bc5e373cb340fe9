"""What an image file becomes: 8 bits of grey or RGB, upright; or a refusal that says what can't be told."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study.datasets.images.picture import in_8_bits
from study.datasets.readers.pillow import READER

COLOURS = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)


def png(image: Image.Image, **how: object) -> bytes:
    return saved(image, "PNG", **how)


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def pixels(content: bytes, window: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    return np.asarray(in_8_bits(READER.read(content), window))


def test_rgb_and_grey_images_stay_what_they_are() -> None:
    assert np.array_equal(pixels(png(Image.fromarray(COLOURS))), COLOURS)
    assert np.array_equal(pixels(png(Image.fromarray(COLOURS[..., 0]))), COLOURS[..., 0])


def test_a_palette_becomes_the_colours_that_it_stands_for() -> None:
    image = Image.fromarray(COLOURS).quantize(16)
    assert np.array_equal(pixels(png(image)), np.asarray(image.convert("RGB")))


def test_black_and_white_becomes_grey_of_0_and_255() -> None:
    image = Image.fromarray(COLOURS[..., 0] > 127)
    assert image.mode == "1"
    assert np.array_equal(pixels(png(image)), np.where(COLOURS[..., 0] > 127, 255, 0))


def test_cmyk_becomes_rgb() -> None:
    image = Image.fromarray(COLOURS).convert("CMYK")
    assert np.abs(pixels(saved(image, "TIFF")).astype(int) - COLOURS).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_that_hides_nothing_is_dropped(mode: str) -> None:
    image = Image.fromarray(COLOURS).convert(mode)
    assert np.array_equal(pixels(png(image)), np.asarray(image.convert("RGB" if mode == "RGBA" else "L")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_in_part_is_refused(mode: str) -> None:
    image = Image.fromarray(COLOURS).convert("RGBA" if mode != "LA" else "LA")
    image.putpixel((3, 4), (*image.getpixel((3, 4))[:-1], 254))
    with pytest.raises(ValueError, match="transparent in part"):
        READER.read(png(image.quantize(255) if mode == "PA" else image))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_of_grey_are_shown_through_the_window(kind: str) -> None:
    levels = np.array([[0, 1000, 2000, 3000, 65535]], np.uint16)
    content = saved(Image.fromarray(levels), kind)
    assert pixels(content, (1000, 3000)).tolist() == [[0, 0, 128, 255, 255]]


def test_16_bits_of_grey_without_a_window_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 8 bits"):
        pixels(png(Image.fromarray(COLOURS[..., 0].astype(np.uint16))))


def test_several_pictures_in_one_file_are_refused() -> None:
    image = Image.fromarray(COLOURS)
    content = saved(image, "TIFF", save_all=True, append_images=[image, image])
    with pytest.raises(ValueError, match="3 pictures in one file"):
        READER.read(content)


def test_floating_point_is_refused() -> None:
    with pytest.raises(ValueError, match="colour mode F"):
        READER.read(saved(Image.fromarray(COLOURS[..., 0].astype(np.float32)), "TIFF"))


def test_a_picture_that_was_taken_sideways_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = pixels(png(Image.fromarray(COLOURS), exif=exif))
    assert np.array_equal(turned, np.rot90(COLOURS, -1))


def test_a_tiff_that_promises_another_picture_in_damaged_bytes_is_refused_in_words() -> None:
    content = bytearray(saved(Image.fromarray(COLOURS), "TIFF"))
    first = int.from_bytes(content[4:8], "little")
    num_entries = int.from_bytes(content[first : first + 2], "little")
    end = first + 2 + 12 * num_entries
    # Another directory, which has no entries: a picture without width and height.
    content[end : end + 4] = len(content).to_bytes(4, "little")
    with pytest.raises(ValueError, match="how many pictures it holds can't be told"):
        READER.read(bytes(content) + bytes(6))
