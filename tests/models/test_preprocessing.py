"""Preprocessing is the checkpoint's own, and is undone exactly for display."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import skimage.data
import timm
import torch
import transformers
from PIL import Image
from transformers import BitImageProcessor, DeiTImageProcessor, ViTImageProcessor

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, shaken, timm_model
from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.hf_processor import at_size, from_hf_processor


@pytest.fixture(scope="module")
def image():
    """A photograph that is not square."""
    return Image.fromarray(skimage.data.coffee())


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


def published():
    """What every registered family of transformers was published with."""
    waiting, found = [HFViT], {}
    while waiting:
        adapter = waiting.pop()
        waiting += adapter.__subclasses__()
        found[f"{adapter.processor_class} {dict(adapter.processor_words)}"] = adapter
    return [
        getattr(transformers, one.processor_class)(**one.processor_words) for one in found.values()
    ]


PROCESSORS = [
    *published(),
    BitImageProcessor(size={"shortest_edge": 256}),
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
    found = preprocessing.of(image)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    shown = preprocessing.pixels([preprocessing.picture(image)])[0]  # to the nearest level
    levels = torch.tensor(preprocessing.std).view(-1, 1, 1) * 255
    assert ((shown - expected) * levels).abs().max() <= 0.51


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
        (BitImageProcessor(size={"shortest_edge": 256}), (518, 518)),
    ],
)
def test_a_processor_can_be_set_to_another_size(processor, size, image):
    assert from_hf_processor(at_size(processor, size)).picture(image).shape == (*size, 3)


def test_resizing_and_cropping_keep_their_proportion_at_another_size():
    words = at_size(DeiTImageProcessor(), (112, 448)).to_dict()
    assert dict(words["size"]) == {"height": 128, "width": 512}
    assert dict(words["crop_size"]) == {"height": 112, "width": 448}


def test_a_module_without_a_processor_says_what_was_assumed():
    with pytest.warns(UserWarning, match="assuming ViTImageProcessor's defaults"):
        vit = vl.load(hf_model())
    assert vit.preprocessing.size == (48, 80)
    assert vit.preprocessing.mean == (0.5, 0.5, 0.5)


def test_a_processor_that_does_not_resize_is_refused():
    with refused(vl.UsageError):
        from_hf_processor(ViTImageProcessor(do_resize=False))


def test_a_processor_that_rescales_otherwise_is_refused():
    with refused(vl.UsageError):
        from_hf_processor(ViTImageProcessor(rescale_factor=0.5))


def test_what_the_user_says_goes_before_the_checkpoint(image):
    words = {"mean": (0, 0, 0), "std": (1, 1, 1), "crop_pct": 1.0, "crop_mode": "squash"}
    vit = vl.load(timm_model("CLS"), preprocessing=words)
    squashed = np.asarray(image.resize((80, 48), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(vit.preprocessing.picture(image), squashed)
    assert vit.preprocessing.pixels([squashed]).max() <= 1


def test_what_keeps_its_aspect_and_is_cropped_does_so_at_another_size(image):
    words = at_size(BitImageProcessor(size={"shortest_edge": 256}), (448, 448)).to_dict()
    assert dict(words["size"]) == {"shortest_edge": 512}
    assert dict(words["crop_size"]) == {"height": 448, "width": 448}
    assert words["do_center_crop"]
    made = from_hf_processor(at_size(BitImageProcessor(size={"shortest_edge": 256}), (448, 448)))
    assert "shorter edge to 512, centre of 448 x 448" in str(made)
    resized = image.resize((768, 512), Image.Resampling.BICUBIC)
    expected = np.asarray(resized.crop((160, 32, 608, 480)), dtype=int)
    assert np.abs(made.picture(image).astype(int) - expected).mean() < 1


def dinov2(folder, **words):
    """A small one, saved for 56 pixels, with a processor that crops 28."""
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "patch_size": 14}
    config = transformers.Dinov2Config(**sizes, image_size=56)
    shaken(transformers.Dinov2Model(config)).save_pretrained(folder)
    size = {"shortest_edge": 32}
    BitImageProcessor(size=size, crop_size=28, **words).save_pretrained(folder)
    return folder


def test_a_model_whose_positions_follow_the_image_runs_at_its_processors_size(tmp_path, image):
    vit = vl.load(dinov2(tmp_path))
    assert vit.image_size == (28, 28)
    model = transformers.AutoModel.from_pretrained(tmp_path).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    with torch.no_grad():
        own = model(**processor(image, return_tensors="pt")).last_hidden_state
    found = vit.adapter.norm(vit.trace(image).states[-1])
    torch.testing.assert_close(found, own, rtol=0, atol=1e-5)
    assert vl.load(tmp_path, image_size=56).preprocessing.size == (56, 56)


def test_a_processor_that_cannot_be_read_is_not_taken_for_none(tmp_path):
    dinov2(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{ not json")
    with refused(vl.UsageError):
        vl.load(tmp_path)


def test_a_std_of_nothing_is_refused(tmp_path):
    with refused(vl.UsageError):
        vl.load(dinov2(tmp_path, image_std=[0.2, 0.0, 0.2]))
    with refused(vl.UsageError):
        vl.load(timm_model("CLS"), preprocessing={"mean": (0, 0, 0), "std": (0, 1, 1)})


@pytest.mark.parametrize(
    "words",
    [
        {"interpolation": "abc"},
        {"interpolation": ["bicubic"]},
        {"crop_mode": None},
        {"crop_pct": 0},
        {"crop_pct": "1"},
        {"mean": "grey"},
        {"mean": 0.5},
        {"std": (1, 1)},
        {"std": (1, 1, float("nan"))},
    ],
    ids=str,
)
def test_words_with_values_that_they_cannot_have_are_refused(words):
    whole = {"mean": (0, 0, 0), "std": np.ones(3), **words}
    with refused(vl.UsageError):
        vl.load(timm_model("CLS"), preprocessing=whole)


class Mirrors(ViTImageProcessor):
    """Does what no mean and std undo."""

    def __call__(self, *given, **words):
        batch = super().__call__(*given, **words)
        if words.get("do_normalize", True):
            batch["pixel_values"] = batch["pixel_values"][..., ::-1].copy()
        return batch


def test_a_processor_that_does_more_is_refused():
    with refused(vl.UsageError):
        from_hf_processor(Mirrors())


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "vit_base_patch16_clip_224"])
def test_what_is_cut_off_from_a_long_image_is_said(name, image):
    vit = vl.load(name, pretrained=False, depth=1, num_classes=3)
    long = Image.new("RGB", (900, 60))
    with pytest.warns(UserWarning, match=r"Of image 1 of 2 \(900 x 60 pixels\) .* only [567] %"):
        vit.trace([image, long])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vit.trace(image)
        vl.load(timm_model("CLS"), preprocessing=SQUASH).trace(long)


SQUASH = {"mean": (0, 0, 0), "std": (1, 1, 1), "crop_mode": "squash", "crop_pct": 1.0}
