"""Preprocessing is the checkpoint's own, and is undone exactly for display."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from transformers import DeiTImageProcessor, ViTImageProcessor

import vitlens_widgets as vl
from tests.small_models import hf_model, timm_model
from vitlens_widgets.models.hf_processor import _at_size, from_hf_processor


@pytest.fixture(scope="module")
def image():
    """A non-square, asymmetric picture."""
    y, x = np.mgrid[:130, :90]
    levels = np.stack([x * 2, y, (x * y) % 251], -1).astype(np.uint8)
    return Image.fromarray(levels)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("vit_tiny_patch16_224", {}),
        ("vit_tiny_patch16_224", {"img_size": (96, 160)}),
        ("deit3_small_patch16_224", {"depth": 1}),
        ("vit_base_patch16_clip_224", {"depth": 1}),
        ("vit_small_patch14_dinov2", {"depth": 1, "img_size": 56}),
    ],
)
def test_a_timm_model_sees_what_timms_own_transform_gives(name, args, image):
    model = timm.create_model(name, **args).eval()
    vit = vl.load(model)
    config = timm.data.resolve_model_data_config(model)
    config["input_size"] = (3, *vit.image_size)
    expected = timm.data.create_transform(**config)(image)
    found = vit.preprocessing.pixels([vit.preprocessing.picture(image)])[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


PROCESSORS = [
    ViTImageProcessor(),
    ViTImageProcessor(size={"height": 48, "width": 80}, image_mean=[0.1, 0.2, 0.3]),
    DeiTImageProcessor(),
    ViTImageProcessor(do_normalize=False),
    ViTImageProcessor(do_rescale=False, image_mean=[127.5] * 3, image_std=[100.0] * 3),
]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_transformers_model_sees_what_its_processor_gives(processor, image):
    preprocessing = from_hf_processor(processor)
    expected = processor(image, return_tensors="pt")["pixel_values"][0]
    found = preprocessing.pixels([preprocessing.picture(image)])[0]
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_undo_gives_back_every_level_of_brightness():
    preprocessing = vl.load(timm_model("CLS")).preprocessing
    levels = np.arange(256 * 3, dtype=np.uint8).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(preprocessing.undo(preprocessing.pixels(levels)), levels)
    beyond = preprocessing.undo(torch.full((1, 3, 2, 2), 99.0))
    assert (beyond == 255).all()


@pytest.mark.parametrize(
    ("processor", "size"),
    [
        (ViTImageProcessor(), (48, 96)),
        (DeiTImageProcessor(), (112, 224)),
        (ViTImageProcessor(size={"shortest_edge": 50}), (48, 96)),
    ],
)
def test_a_processor_can_be_set_to_another_size(processor, size, image):
    assert from_hf_processor(_at_size(processor, size)).picture(image).shape == (*size, 3)


def test_resizing_and_cropping_keep_their_proportion_at_another_size():
    words = _at_size(DeiTImageProcessor(), (112, 448)).to_dict()
    assert dict(words["size"]) == {"height": 128, "width": 512}
    assert dict(words["crop_size"]) == {"height": 112, "width": 448}


def test_a_module_without_a_processor_says_what_was_assumed():
    with pytest.warns(UserWarning, match="assuming ViTImageProcessor's defaults"):
        vit = vl.load(hf_model())
    assert vit.preprocessing.size == (48, 80)
    assert vit.preprocessing.mean == (0.5, 0.5, 0.5)


def test_a_processor_that_does_not_resize_is_refused():
    with pytest.raises(vl.UsageError, match="does not resize"):
        from_hf_processor(ViTImageProcessor(do_resize=False))


def test_a_processor_that_rescales_otherwise_is_refused():
    with pytest.raises(vl.UsageError, match=r"rescales pixels by 0\.5"):
        from_hf_processor(ViTImageProcessor(rescale_factor=0.5))


def test_what_the_user_says_goes_before_the_checkpoint(image):
    words = {"mean": (0, 0, 0), "std": (1, 1, 1), "crop_pct": 1.0, "crop_mode": "squash"}
    vit = vl.load(timm_model("CLS"), preprocessing=words)
    squashed = np.asarray(image.resize((80, 48), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(vit.preprocessing.picture(image), squashed)
    assert vit.preprocessing.pixels([squashed]).max() <= 1
