"""A ViT from a name, a folder or a module; and the sentences where there is none."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import timm
import torch
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import TIMM, hf_model, mae_model, pixels_for, shaken, timm_model
from vitlens_widgets.models import hub

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

LAYOUTS = {
    "CLS": (3, 5, ("CLS",), "CLS"),
    "mean of patches": (5, 3, (), "mean of patches"),
    "mean of all tokens": (3, 4, ("CLS",), "mean of all tokens"),
    "distillation": (4, 3, ("CLS", "distillation"), "CLS + distillation"),
    "four registers and layer scale": (
        4,
        6,
        ("CLS", "register 1", "register 2", "register 3", "register 4"),
        "CLS",
    ),
}


@pytest.mark.parametrize("special", LAYOUTS)
def test_layout_and_readout_of_timm_models(special):
    vit = vl.load(timm_model(special))
    found = (vit.layout.rows, vit.layout.cols, vit.layout.prefix, vit.readout.name)
    assert found == LAYOUTS[special]
    assert (vit.n_layers, vit.n_heads, vit.width) == (3, 4, 48)
    assert vit.patch_size == (16, 16) if "registers" not in special else (14, 14)
    assert vit.image_size == tuple(n * p for n, p in zip(found[:2], vit.patch_size, strict=True))
    assert vit.state_names == ["0_pre", "1_pre", "2_pre", "final"]
    assert len(vit.labels) == 11


@pytest.mark.parametrize("special", TIMM)
def test_a_module_is_read_as_it_is(special):
    model = timm_model(special)
    before = copy.deepcopy(model.state_dict())
    vit = vl.load(model, labels=[f"kind {i}" for i in range(11)])
    assert vit.model is model
    assert vit.labels[3] == "kind 3"
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_timm_name_without_weights_gives_imagenet_names():
    vit = vl.load("vit_tiny_patch16_224", pretrained=False, image_size=(48, 80), depth=2)
    assert (vit.layout.rows, vit.layout.cols) == (3, 5)
    assert vit.name == "vit_tiny_patch16_224"
    assert vit.labels.name == "imagenet-1k"
    assert vit.labels[0] == "tench"
    assert vit.trace(np.zeros((100, 100, 3), np.uint8)).logits.shape == (1, 1000)


def test_device_and_dtype_of_a_named_model():
    vit = vl.load(
        "vit_tiny_patch16_224", pretrained=False, depth=1, dtype=torch.bfloat16, device="cpu"
    )
    assert vit.dtype == torch.bfloat16
    assert vit.device.type == "cpu"
    assert not vit.model.training


def test_a_folder_that_timm_saved(tmp_path):
    model = shaken(timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=5, depth=2))
    model.pretrained_cfg = {**model.pretrained_cfg, "mean": (0.1, 0.2, 0.3)}
    timm.models.save_for_hf(
        model,
        tmp_path / "mine",
        model_config={"label_names": list("abcde")},
        model_args={"img_size": 64, "depth": 2},
        safe_serialization=True,
    )
    vit = vl.load(tmp_path / "mine")
    assert vit.name == "mine"
    assert list(vit.labels) == list("abcde")
    assert vit.preprocessing.mean == (0.1, 0.2, 0.3)
    pixels = pixels_for((64, 64))
    with torch.no_grad():
        torch.testing.assert_close(vit.trace(pixels, preprocessed=True).logits, model(pixels))


@pytest.mark.parametrize(
    "kind",
    [
        "ViTForImageClassification",
        "DeiTForImageClassification",
        "DeiTForImageClassificationWithTeacher",
    ],
)
def test_a_folder_that_transformers_saved(kind, tmp_path):
    from transformers import ViTImageProcessor

    model = hf_model(kind)
    model.save_pretrained(tmp_path)
    processor = ViTImageProcessor(size={"height": 48, "width": 80}, image_mean=[0.1, 0.2, 0.3])
    processor.save_pretrained(tmp_path)
    vit = vl.load(tmp_path)
    assert type(vit.model) is type(model)
    assert vit.labels[10] == "thing 10"
    expected_prefix = ("CLS",) if kind.startswith("ViT") else ("CLS", "distillation")
    assert vit.layout == vl.TokenLayout(3, 5, expected_prefix)
    pixels = pixels_for((48, 80))
    with torch.no_grad():
        own = model(pixels).logits
    torch.testing.assert_close(vit.trace(pixels, preprocessed=True).logits, own)


NEUTRAL = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def test_a_transformers_model_at_another_image_size():
    model = hf_model(image_size=64)
    vit = vl.load(model, image_size=(48, 96), preprocessing=NEUTRAL)
    pixels = pixels_for((48, 96))
    with torch.no_grad():
        own = model(pixels, interpolate_pos_encoding=True).logits
    trace = vit.trace(pixels, preprocessed=True)
    assert (trace.layout.rows, trace.layout.cols) == (3, 6)
    torch.testing.assert_close(trace.logits, own)


def test_weights_without_a_classifier_are_not_read_with_a_random_one(tmp_path):
    hf_model().base_model.save_pretrained(tmp_path)
    vit = vl.load(tmp_path, preprocessing=NEUTRAL)
    assert not vit.adapter.has_classifier
    assert vit.trace(pixels_for((48, 80)), preprocessed=True).logits is None


def test_a_classifier_whose_weights_are_missing_is_refused(tmp_path):
    model = hf_model()
    model.base_model.save_pretrained(tmp_path)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(tmp_path)
    with refused(vl.UnsupportedModelError):
        vl.load(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "toy/p23",
        "vit_bse_patch32_224",
        "vit_base_patch32_224.nonsense",
        7,
        ".",
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(source):
    with refused(vl.UsageError):
        vl.load(source)


def test_weights_without_a_model_are_answered_with_where_they_go():
    with refused(vl.UsageError):
        vl.load(nn.Linear(2, 2).state_dict())


def test_a_size_that_no_patches_tile_is_not_proposed():
    vit = vl.load("vit_tiny_patch16_224", pretrained=False, depth=1)
    with refused(vl.UsageError):
        vit.trace(torch.rand(1, 3, 200, 224), preprocessed=True)


NOT_READ = {
    "resnet18": "convolutional network without any",
    "swin_tiny_patch4_window7_224": "attends within windows and merges patches",
    "hiera_tiny_224": "merges patches between its stages",
    "cait_xxs24_224": "class token joins only in further blocks",
    "vit_dwee_patch16_reg1_gap_256": "DiffAttention subtracts one softmax from another",
    "vit_dpwee_patch16_reg1_gap_256": "DiffParallelScalingBlock subtracts one softmax",
}


@pytest.mark.parametrize("name", NOT_READ)
def test_what_cannot_be_read_is_refused_before_anything_is_fetched(name):
    with refused(vl.UnsupportedModelError):
        vl.load(name)


class OtherBlock(timm.models.vision_transformer.Block):
    """A subclass may compute something else, so that it is not taken for what it comes from."""


def with_fused_output():
    block = partial(timm.models.vision_transformer.ParallelScalingBlock, fuse_out_proj=True)
    return timm_model("CLS", block_fn=block)


def with_separate_biases():
    model = timm.create_model("eva02_tiny_patch14_224", qkv_fused=True, depth=1)
    model.blocks[0].attn.qkv_bias_separate = True
    return model


@pytest.mark.parametrize(
    "model",
    [
        lambda: nn.Linear(3, 4),
        lambda: nn.ModuleDict({"vit": timm_model("CLS")}),
        lambda: timm_model("CLS", global_pool=""),
        lambda: timm_model("CLS", mlp_layer=timm.layers.GatedMlp),
        lambda: timm_model("CLS", block_fn=OtherBlock),
        lambda: mae_model(num_channels=1),
        with_fused_output,
        with_separate_biases,
    ],
)
def test_a_broken_assumption_is_named(model):
    with refused(vl.UnsupportedModelError):
        vl.load(model())


@pytest.mark.parametrize(
    "words",
    [
        {"labels": ["a", "b"]},
        {"labels": "imagenet-1k"},
        {"device": "cpu"},
        {"img_size": 32},
        {"image_size": (48, 81)},
        {"preprocessing": {"men": 0.5}},
        {"preprocessing": {"mean": (0, 0, 0)}},
    ],
)
def test_an_argument_that_does_not_fit_is_refused(words):
    with refused(vl.UsageError):
        vl.load(timm_model("CLS"), **words)


@pytest.mark.parametrize("dtype", ["float16", torch.int8])
def test_a_type_that_no_model_runs_in_is_refused(dtype):
    with refused(vl.UsageError):
        vl.load("toy/p32", dtype=dtype)


def test_an_embedded_model_takes_no_arguments():
    with refused(vl.UsageError):
        vl.load("toy/p32", image_size=64, depth=2)


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """A machine from which no hub can be reached, with an empty cache."""
    monkeypatch.setattr(hub, "hub_is_unreachable", lambda: True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "google/vit-base-patch32-384",
        "vit_base_patch32_224",
        "timm/vit_base_patch32_224.augreg_in21k_ft_in1k",
        "hf_hub:owner/model",
    ],
)
@pytest.mark.usefixtures("no_hub")
def test_an_unreachable_hub_is_one_sentence_with_the_offline_choice(name):
    with refused(vl.UsageError):
        vl.load(name)
    from huggingface_hub import constants

    assert not constants.HF_HUB_OFFLINE


def test_the_repr_says_what_one_wants_to_know():
    text = repr(vl.load(timm_model("distillation")))
    assert "3 blocks, 4 heads, width 48, 4 × 3 patches + CLS + distillation" in text
    assert "reads CLS + distillation, 11 labels" in text


@pytest.mark.parametrize(
    "words",
    [
        {"label": ["a"]},
        {"device": "gpu"},
        {"image_sise": 96},
    ],
)
def test_a_misspelt_argument_is_answered_with_the_right_one(words):
    with refused(vl.UsageError):
        vl.load("toy/p32", **words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there_is_refused():
    with refused(vl.UsageError):
        vl.load("toy/p32", device="cuda")


def test_a_path_to_nothing_is_no_hub_name(tmp_path):
    for path in (tmp_path / "no-model", "./no-model", "~/no-model"):
        with refused(vl.UsageError):
            vl.load(path)
