"""Models of one channel read pictures: as luminance, by their own mean and std, shown as grey."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, timm_model

MEAN, STD = 0.3, 0.2
SQUASHED = {"mean": MEAN, "std": [STD], "crop_mode": "squash", "crop_pct": 1.0}


def colored(height, width):
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def luminance(picture):
    """Pillow's L: weights of 16 bits, rounded."""
    red, green, blue = np.moveaxis(picture.astype(np.int64), -1, 0)
    return (19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16


def vit_of(library):
    if library == "timm":
        return vl.load(timm_model("CLS", in_chans=1), preprocessing=SQUASHED)
    return vl.load(hf_model(num_channels=1), preprocessing=SQUASHED)


@pytest.mark.parametrize("library", ["timm", "transformers"])
def test_a_photograph_is_read_as_its_luminance(library):
    vit = vit_of(library)
    picture = colored(*vit.image_size)
    grey = luminance(picture)
    trace = vit.trace(picture)
    pixels = torch.from_numpy(((grey / 255 - MEAN) / STD).astype(np.float32))[None, None]
    torch.testing.assert_close(vit.preprocessing.pixels([picture]), pixels)
    with torch.no_grad():
        own = vit.model(pixels)
    torch.testing.assert_close(trace.logits, getattr(own, "logits", own))
    np.testing.assert_array_equal(trace.pictures[0], np.repeat(grey[..., None], 3, -1))
    assert "luminance" in str(vit.preprocessing)


def test_a_picture_of_another_size_is_grey_before_it_is_resized():
    vit = vit_of("timm")
    picture = colored(61, 133)
    height, width = vit.image_size
    grey = Image.fromarray(luminance(picture).astype(np.uint8))
    resized = np.array(grey.resize((width, height), Image.Resampling.BICUBIC))
    shown = vit.trace(Image.fromarray(picture)).pictures[0]
    np.testing.assert_array_equal(shown, np.repeat(resized[..., None], 3, -1))
    colors = vl.load(
        timm_model("CLS"), preprocessing=SQUASHED | {"mean": [MEAN] * 3, "std": [STD] * 3}
    )
    assert vit.preprocessing.seen(100, 300) == colors.preprocessing.seen(100, 300) > 0.9


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_pictures_keep_their_values(bits):
    vit = vit_of("timm")
    grey = np.random.default_rng(2).integers(0, 2**bits, vit.image_size)
    image = Image.fromarray(grey.astype(np.uint8 if bits == 8 else np.uint16))
    expected = grey if bits == 8 else np.rint(grey / 65535 * 255)
    np.testing.assert_array_equal(vit.trace(image).pictures[0, ..., 1], expected)


@pytest.mark.parametrize("mean", [(0.4,), (0.4, 0.4, 0.4)])
def test_mean_and_std_are_the_checkpoints_own(mean):
    model = timm_model("CLS", in_chans=1)
    model.pretrained_cfg |= {"mean": mean, "std": (0.25,)}
    preprocessing = vl.load(model).preprocessing
    assert (preprocessing.mean, preprocessing.std) == ((0.4,), (0.25,))


def test_a_mean_of_three_colours_is_not_that_of_one_channel():
    model = timm_model("CLS", in_chans=1)
    model.pretrained_cfg |= {"mean": (0.485, 0.456, 0.406)}
    with refused(vl.UsageError):
        vl.load(model)


@pytest.mark.parametrize("words", [{"mean": [0.5]}, {"mean": [0.5, 0.4], "std": 0.5}, 5])
def test_words_that_do_not_say_one_channel_are_refused(words):
    with refused(vl.UsageError):
        vl.load(timm_model("CLS", in_chans=1), preprocessing=words)


def test_a_saved_processor_of_one_channel_is_used(tmp_path):
    import transformers

    words = {"image_mean": [0.4], "image_std": [0.25], "size": {"height": 48, "width": 80}}
    transformers.ViTImageProcessor(**words).save_pretrained(tmp_path)
    hf_model(num_channels=1).save_pretrained(tmp_path)
    vit = vl.load(str(tmp_path))
    picture = colored(48, 80)
    expected = ((luminance(picture) / 255 - 0.4) / 0.25).astype(np.float32)
    np.testing.assert_allclose(
        vit.preprocessing.of(Image.fromarray(picture))[0], expected, atol=1e-5
    )
