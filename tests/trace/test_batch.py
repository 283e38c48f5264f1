"""Whatever a user calls images becomes the same batch, or a sentence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model

CROPPED = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_pct": 0.9, "crop_mode": "center"}


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def array():
    return np.random.default_rng(3).integers(0, 256, (70, 90, 3), dtype=np.uint8)


def test_path_image_array_and_tensor_give_the_same_trace(vit, array, tmp_path):
    Image.fromarray(array).save(tmp_path / "picture.png")
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    ways = [
        tmp_path / "picture.png",
        str(tmp_path / "picture.png"),
        Image.fromarray(array),
        array,
        array / 255,
        tensor,
        tensor / 255,
    ]
    logits = [vit.trace(way).logits for way in ways]
    assert all(torch.equal(logits[0], other) for other in logits[1:])
    together = vit.trace(ways)
    assert together.n_images == len(ways)
    assert (together.pictures == together.pictures[0]).all()


def test_four_axes_are_a_batch(vit, array):
    batch = np.stack([array, array[::-1]])
    listed = vit.trace([array, array[::-1]])
    torch.testing.assert_close(vit.trace(batch).logits, listed.logits)
    tensors = torch.from_numpy(batch).permute(0, 3, 1, 2)
    torch.testing.assert_close(vit.trace(tensors).logits, listed.logits)


def test_preprocessed_pixels_are_used_as_they_are_and_shown_undone(vit, array):
    trace = vit.trace(array)
    pixels = vit.preprocessing.pixels(trace.pictures)
    again = vit.trace(pixels, preprocessed=True)
    assert torch.equal(again.logits, trace.logits)
    np.testing.assert_array_equal(again.pictures, trace.pictures)
    assert vit.trace(pixels[0], preprocessed=True).n_images == 1


def test_a_dynamic_model_reads_pixels_of_another_size(array):
    vit = vl.load(timm_model("dynamic image size"))
    trace = vit.trace(pixels_for((32, 80)), preprocessed=True)
    assert (trace.layout.rows, trace.layout.cols) == (2, 5)
    assert trace.pictures.shape == (2, 32, 80, 3)
    assert vit.trace(array).layout == vit.layout


@pytest.mark.parametrize(
    ("images", "preprocessed"),
    [
        ([], False),
        ("missing.png", False),
        ([np.zeros((8, 8, 3), np.uint8), "missing.png"], False),
        (np.full((8, 8, 3), 3.5), False),
        (np.full((8, 8, 3), np.nan), False),
        (np.zeros((8, 8, 5), np.uint8), False),
        (object(), False),
        (np.zeros((2, 3, 48, 80)), True),
        (torch.zeros(2, 3, 48, 80, dtype=torch.uint8), True),
        (torch.zeros(2, 1, 48, 80), True),
        (torch.zeros(0, 3, 48, 80), True),
        (torch.zeros(2, 3, 48, 96), True),
        (torch.full((2, 3, 48, 80), torch.nan), True),
        (torch.full((2, 3, 48, 80), 255.0), True),
    ],
)
def test_bad_images_are_refused_in_a_sentence(vit, images, preprocessed):
    with refused(vl.UsageError):
        vit.trace(images, preprocessed=preprocessed)


def test_pictures_stay_what_was_traced_when_the_pixels_are_changed_later():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size)
    trace, expected = vit.trace(pixels, preprocessed=True), vit.preprocessing.undo(pixels)
    pixels.zero_()
    np.testing.assert_array_equal(trace.pictures, expected)


def test_pixels_that_look_as_before_normalising_are_said(vit):
    with pytest.warns(UserWarning, match="as pictures have before mean and std"):
        vit.trace(torch.rand(1, 3, *vit.image_size), preprocessed=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vit.trace(torch.zeros(1, 3, *vit.image_size), preprocessed=True)
        vit.trace(pixels_for(vit.image_size), preprocessed=True)


@pytest.mark.parametrize(
    ("size", "is_said"),
    [((250, 100), True), ((100, 250), True), ((240, 100), False), ((100, 240), False)],
)
def test_less_than_a_third_of_an_image_is_said(size, is_said):
    """The shorter edge becomes 48 / 0.9 pixels, rounded down to 53, of which 48 x 48 are cut."""
    vit = vl.load(timm_model("CLS", img_size=48), preprocessing=CROPPED)
    share = (48 / 53) ** 2 / (max(size) / min(size))
    assert (share < 1 / 3) == is_said
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        vit.trace([Image.new("RGB", (70, 70)), Image.new("RGB", size)])
    texts = [str(one.message) for one in said]
    assert len(texts) == is_said
    of_image = f"Of image 1 of 2 ({size[0]} x {size[1]} pixels) the model sees only "
    assert all(text.startswith(f"{of_image}{100 * share:.0f} %: ") for text in texts)


def test_of_several_images_the_one_of_which_least_is_seen_is_said():
    vit = vl.load(timm_model("CLS", img_size=48), preprocessing=CROPPED)
    images = [Image.new("RGB", size) for size in ((240, 100), (300, 100), (250, 100))]
    with pytest.warns(UserWarning, match=r"Of image 1 of 3 \(300 x 100 pixels\)"):
        vit.trace(images)
    with pytest.warns(UserWarning, match=r"Of the image \(300 x 100 pixels\)"):
        vit.trace(images[1])
