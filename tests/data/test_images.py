"""read_image: every kind of source gives the same picture, and what is none gives a sentence."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from tests.sentences import refused
from vitlens_widgets.data import read_image
from vitlens_widgets.data.listed import listed
from vitlens_widgets.errors import UsageError

ROWS, COLS = 5, 8


@pytest.fixture
def rgb():
    """Random pixels, neither square nor symmetric."""
    return np.random.default_rng(3).integers(0, 256, (ROWS, COLS, 3), dtype=np.uint8)


def same(source, expected):
    image = read_image(source)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), expected)


def test_paths_images_arrays_and_tensors_give_the_same_pixels(rgb, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(rgb).save(path)
    floats = rgb / 255
    first = np.ascontiguousarray(np.moveaxis(rgb, 2, 0))
    for source in (path, str(path), Image.fromarray(rgb), rgb, rgb[:, ::-1][:, ::-1]):
        same(source, rgb)
    for dtype in (np.float64, np.float32, np.float16):
        same(floats.astype(dtype), rgb)
    same(torch.from_numpy(first), rgb)
    same(torch.from_numpy(first).float().div(255).requires_grad_(), rgb)


def test_bfloat16_tensors_are_read_to_their_precision(rgb):
    tensor = torch.from_numpy(np.moveaxis(rgb, 2, 0) / 255).bfloat16()
    error = np.asarray(read_image(tensor)).astype(int) - rgb
    assert np.abs(error).max() <= 1  # 8 bits of precision: half a step of 1/256, and rounding


def test_grey_becomes_three_equal_channels(rgb):
    grey = rgb[:, :, 0]
    expected = np.stack([grey] * 3, axis=2)
    for source in (grey, grey[:, :, None], torch.from_numpy(grey), torch.from_numpy(grey)[None]):
        same(source, expected)
    same(Image.fromarray(grey), expected)


def test_booleans_are_black_and_white(rgb):
    mask = rgb[:, :, 0] > 99
    expected = np.stack([mask * np.uint8(255)] * 3, axis=2)
    same(mask, expected)
    same(Image.fromarray(mask), expected)  # mode "1"


def test_transparency_is_laid_on_white(rgb):
    alpha = np.random.default_rng(4).integers(0, 256, (ROWS, COLS, 1), dtype=np.uint8)
    share = alpha / 255
    expected = rgb * share + 255 * (1 - share)
    rgba = np.concatenate([rgb, alpha], axis=2)
    tensor = torch.from_numpy(np.moveaxis(rgba, 2, 0) / 255)
    grey_alpha = Image.fromarray(rgba).convert("LA")
    for source in (rgba, rgba / 255, tensor, Image.fromarray(rgba)):
        assert np.abs(np.asarray(read_image(source)) - expected).max() <= 1
    grey = np.asarray(grey_alpha)[:, :, :1]
    assert (
        np.abs(np.asarray(read_image(grey_alpha)) - (grey * share + 255 * (1 - share))).max() <= 1
    )


def test_a_palette_is_looked_up_and_its_transparent_colour_is_white(tmp_path):
    image = Image.new("P", (3, 2), 1)
    image.putpalette([9, 8, 7, 200, 100, 50])
    image.putpixel((2, 0), 0)
    same(image, np.array([[[200, 100, 50]] * 2 + [[9, 8, 7]], [[200, 100, 50]] * 3], np.uint8))
    image.save(tmp_path / "p.png", transparency=0)
    assert read_image(tmp_path / "p.png").getpixel((2, 0)) == (255, 255, 255)
    image.save(tmp_path / "p.gif", transparency=0)
    assert read_image(tmp_path / "p.gif").getpixel((2, 0)) == (255, 255, 255)


def test_sixteen_bit_grey_keeps_its_shades(tmp_path):
    values = np.array([[0, 257, 32896], [65535, 65278, 128]], np.uint16)
    expected = np.array([[0, 1, 128], [255, 254, 0]], np.uint8)
    Image.fromarray(values).save(tmp_path / "16.png")
    Image.fromarray(values).save(tmp_path / "16.tif")
    for name in ("16.png", "16.tif"):
        same(tmp_path / name, np.stack([expected] * 3, axis=2))
    same(Image.fromarray(values.astype(np.int32)), np.stack([expected] * 3, axis=2))


def test_a_float_tiff_is_read_from_0_to_1(tmp_path):
    Image.fromarray(np.array([[0, 0.5], [1, 0.2]], np.float32)).save(tmp_path / "f.tif")
    same(tmp_path / "f.tif", np.array([[[0] * 3, [128] * 3], [[255] * 3, [51] * 3]], np.uint8))


def test_cmyk_is_printed_on_white_paper(tmp_path):
    ink = Image.new("CMYK", (16, 8), (0, 0, 0, 0))
    ink.paste((0, 255, 255, 0), (8, 0, 16, 8))
    same(ink, np.asarray(ink.convert("RGB")))
    ink.save(tmp_path / "ink.jpg", quality=100)
    image = read_image(tmp_path / "ink.jpg")
    assert min(image.getpixel((2, 4))) > 250
    red = image.getpixel((13, 4))
    assert red[0] > 240
    assert max(red[1:]) < 15


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(rgb, tmp_path, orientation):
    turned = {
        1: rgb, 2: rgb[:, ::-1], 3: rgb[::-1, ::-1], 4: rgb[::-1],
        5: rgb.swapaxes(0, 1), 6: np.rot90(rgb), 7: np.rot90(rgb, 2).swapaxes(0, 1),
        8: np.rot90(rgb, 3),
    }  # fmt: skip
    stored = Image.fromarray(np.ascontiguousarray(turned[orientation]))
    exif = stored.getexif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    same(tmp_path / "photo.png", rgb)


def test_the_users_image_is_not_changed(rgb):
    image = Image.fromarray(rgb)
    copy = read_image(image)
    copy.putpixel((0, 0), (1, 2, 3))
    np.testing.assert_array_equal(np.asarray(image), rgb)
    array = rgb.copy()
    read_image(array).putpixel((0, 0), (1, 2, 3))
    np.testing.assert_array_equal(array, rgb)


def is_refused(source, *parts):
    with refused(UsageError) as caught:
        read_image(source)
    sentence = str(caught.value)
    for part in parts:
        assert part in sentence


def test_a_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "kitten.jpg").touch()
    (tmp_path / "notes.txt").touch()
    is_refused(tmp_path / "kiten.jpg", "There is no file", "kiten.jpg", 'Nearest: "kitten.jpg"')
    is_refused(tmp_path / "away" / "x.png", "the folder", "does not exist")
    is_refused(tmp_path, "is a folder")


def test_files_that_are_no_images_are_refused(rgb, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    is_refused(tmp_path / "notes.png", "notes.png", "is not an image")
    is_refused(tmp_path / "empty.png", "is not an image")
    Image.fromarray(np.tile(rgb, (40, 40, 1))).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    is_refused(tmp_path / "half.jpg", "half.jpg", "damaged or cut short")


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif", "webp"])
def test_a_file_cut_anywhere_is_refused_in_a_sentence(rgb, tmp_path, suffix):
    path = tmp_path / f"whole.{suffix}"
    Image.fromarray(np.tile(rgb, (9, 9, 1))).save(path)
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        is_refused(path, path.name)


def test_an_image_of_too_many_pixels_is_refused(rgb, tmp_path, monkeypatch):
    Image.fromarray(rgb).save(tmp_path / "big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    is_refused(tmp_path / "big.png", "big.png", "megapixels")


def test_arrays_of_other_shapes_are_refused():
    is_refused(np.zeros((5, 8, 2)), "[5, 8, 2]", "has 2 channels", "expected 1 (grey), 3 (RGB)")
    is_refused(np.zeros((3, 5, 8)), "[3, 5, 8]", "array.transpose(1, 2, 0)")
    is_refused(torch.zeros(5, 8, 3), "tensor of shape [5, 8, 3]", "tensor.permute(2, 0, 1)")
    is_refused(torch.zeros(6, 5, 8), "has 6 channels", "[channels, height, width]")
    is_refused(np.zeros((2, 5, 8, 3)), "a batch of 2", "in a list")
    is_refused(np.zeros(5), "[5]", "expected [height, width]")
    is_refused(np.zeros((0, 8, 3)), "is empty")
    is_refused(Image.new("RGB", (0, 4)), "is empty")


def test_values_that_are_no_colours_are_refused(rgb):
    floats = rgb / 255
    floats[1, 2] = np.nan
    floats[3, 3, 0] = np.inf
    is_refused(floats, "4 of the image's 120 values are NaN or infinite")
    is_refused(rgb.astype(np.float32), "expected 0 to 1: divide by 255")
    is_refused(rgb / 127.5 - 1, "expected 0 to 1: scale them so")
    is_refused(torch.randn(3, 5, 8) * 2, "preprocessed=True")
    is_refused(rgb.astype(np.int64), "type int64", "uint8 (0 to 255)")
    is_refused(rgb.astype(complex), "type complex128")
    is_refused(Image.fromarray(np.array([[-1, 70000]], np.int32)), "from -1 to 70000")


def test_rounding_may_carry_a_float_a_little_outside(rgb):
    same(rgb / 255 * (1 + 1e-6) - 5e-7, rgb)


@pytest.mark.parametrize("source", [None, 3, ["a.png"], {"image": 1}])
def test_other_things_are_refused_with_what_an_image_is(source):
    given = source["image"] if isinstance(source, dict) else source
    named = "None" if given is None else type(given).__name__
    is_refused(source, "a path, a web address, a PIL image", named)


class OwnTensor(torch.Tensor):
    """As tv_tensors.Image and fastai's are: of a module that is not torch's."""


def test_tensor_subclasses_are_tensors_whose_channels_come_first():
    values = torch.arange(3 * 5 * 3, dtype=torch.uint8).reshape(3, 5, 3)
    expected = values.permute(1, 2, 0).numpy()
    same(values, expected)
    same(values.as_subclass(OwnTensor), expected)
    same(torch.nn.Parameter(values / 255), expected)
    same(tv_tensors.Image(values), expected)


def test_tensors_without_values_are_refused():
    is_refused(torch.zeros(3, 4, 4, device="meta"), "on the meta device")
    is_refused(torch.zeros(3, 4, 4).to_sparse(), "sparse", "to_dense")
    is_refused(torch.zeros(4, 4).to_sparse_csr(), "sparse", "to_dense")


def test_batches_with_channels_on_the_other_side_are_told_how_to_turn_them():
    for batch in (torch.zeros(2, 48, 40, 3), np.zeros((2, 3, 48, 40)), torch.zeros(1, 48, 40, 4)):
        with refused(UsageError):
            listed(batch)
    assert len(listed(np.zeros((3, 3, 40, 3)))) == 3  # either order: it is what arrays have


def test_quantised_and_nested_tensors_are_read(rgb):
    levels = torch.from_numpy(np.moveaxis(rgb, 2, 0).astype(np.float32) / 255)
    same(torch.quantize_per_tensor(levels, 1 / 255, 0, torch.quint8), rgb)
    nested = torch.nested.nested_tensor([levels, levels[:, :3]])
    for found, expected in zip(listed(nested), (rgb, rgb[:3]), strict=True):
        same(found, expected)


def png16(levels):
    """A PNG of 16 bits per channel, `[H, W, C]`, which Pillow does not write."""
    channels = {1: 0, 3: 2, 4: 6}[levels.shape[2]]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in levels)

    def part(kind, content):
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 16, channels, 0, 0, 0)
    parts = part(b"IHDR", head) + part(b"IDAT", zlib.compress(lines)) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("white", "bits"), [(255, 8), (4095, 12), (16383, 14)])
def test_few_bits_in_sixteen_are_refused(channels, white, bits, tmp_path):
    levels = np.full((4, 5, channels), white)
    levels[..., 3:] = 65535  # what is not transparent
    (tmp_path / "few.png").write_bytes(png16(levels))
    sentence = f"needs more than {bits}" if white >= 256 and channels == 1 else "16 bits"
    if white >= 256 or channels == 1:  # of 8 bits in colour nothing is left
        is_refused(tmp_path / "few.png", "few.png", sentence, "4095")
    levels[0, 0] = 65535
    (tmp_path / "all.png").write_bytes(png16(levels))
    assert read_image(tmp_path / "all.png").getpixel((0, 0)) == (255, 255, 255)
    (tmp_path / "black.png").write_bytes(png16(0 * levels))
    assert read_image(tmp_path / "black.png").getpixel((0, 0))[0] in (0, 255)


def test_bytes_files_and_rows_are_what_their_file_is(rgb, tmp_path):
    Image.fromarray(rgb).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    file = io.BytesIO(content)
    for source in (content, bytearray(content), memoryview(content), file, file):
        same(source, rgb)
    with (tmp_path / "a.png").open("rb") as opened:
        same(opened, rgb)
    for row in ({"bytes": content, "path": None}, {"bytes": None, "path": str(tmp_path / "a.png")}):
        same(row, rgb)
        same({"image": row, "label": 3}, rgb)
        same({"photo": row, "label": 3}, rgb)
    same({"img": Image.fromarray(rgb), "label": 3}, rgb)


def test_bytes_and_rows_without_an_image_are_refused(tmp_path):
    is_refused(b"", "empty")
    is_refused(b"no image", "not an image")
    is_refused(io.StringIO("text"), "bytes", "text")
    is_refused({"bytes": None, "path": None}, "neither")
    is_refused({"label": 3}, "no column of images", '"label"')
    both = {"image": Image.new("RGB", (2, 2)), "img": Image.new("RGB", (2, 2))}
    is_refused(both, "several columns of images")
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    for source in (tmp_path / "a.HEIC", (tmp_path / "a.HEIC").read_bytes()):
        is_refused(source, "HEIC", "pip install pillow-heif")
