"""Modules that are not all there, and tensors that are none to compute with, are told apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, timm_model


def on_meta(model):
    return model.to("meta")


def one_block_on_meta(model):
    model.blocks[1].to("meta")
    return model


def of_type(dtype):
    def changed(model):
        for weight in model.parameters():
            weight.requires_grad_(False)
            weight.data = weight.data.to(dtype)
        return model

    return changed


def without_a_part(model):
    del model.blocks[0].attn.qkv
    return model


def without_blocks(model):
    model.blocks = nn.Sequential()
    return model


def of_two_types(model):
    model.head.double()
    return model


@pytest.mark.parametrize(
    "change",
    [
        on_meta,
        one_block_on_meta,
        of_type(torch.float8_e4m3fn),
        of_type(torch.int8),
        of_type(torch.complex64),
        without_a_part,
        without_blocks,
        of_two_types,
    ],
    ids=lambda change: getattr(change, "__name__", None),
)
def test_a_module_that_cannot_run_is_refused_when_it_is_loaded(change):
    with refused(vl.UnsupportedModelError):
        vl.load(change(timm_model("CLS")))


def test_so_is_one_of_transformers():
    with refused(vl.UnsupportedModelError):
        vl.load(hf_model().to("meta"))


@pytest.mark.parametrize("block", [0, 2])
@pytest.mark.parametrize("where", ["input", "output"])
def test_blocks_that_drop_tokens_are_refused_and_leave_the_model_as_it_was(block, where):
    model = timm_model("CLS")
    own = model.blocks[block].forward

    def dropping(state):
        return own(state[:, :-2]) if where == "input" else own(state)[:, :-2]

    model.blocks[block].forward = dropping
    vit = vl.load(model)
    with refused(vl.UnsupportedModelError):
        vit.trace(torch.zeros(2, 3, 48, 80))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


PIXELS = torch.linspace(-1, 1, 3 * 48 * 80).view(1, 3, 48, 80)


@pytest.mark.parametrize(
    "pixels",
    [
        PIXELS.to("meta"),
        PIXELS.to_sparse(),
        PIXELS.to(torch.float8_e4m3fn),
        PIXELS.to(torch.complex64),
        torch.quantize_per_tensor(PIXELS, 0.1, 0, torch.qint8),
        torch.nested.nested_tensor([PIXELS[0], PIXELS[0]]),
        PIXELS.permute(0, 2, 3, 1),
        PIXELS.numpy(),
    ],
    ids=["meta", "sparse", "fp8", "complex", "quantised", "nested", "channels last", "array"],
)
def test_pixels_that_a_model_cannot_take_are_said(pixels):
    with refused(vl.UsageError):
        vl.load(timm_model("CLS")).trace(pixels, preprocessed=True)
