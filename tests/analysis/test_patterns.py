"""Patterns against timm with its fused attention off and transformers' eager attentions."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests import small_models
from tests.zoo_sweep import small_hf
from tests.zoo_sweep.measure import random_pixels
from tests.zoo_sweep.small_timm import small
from vitlens_widgets.analysis.maps import Maps

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

BY_NAME = (
    "vit_tiny_patch16_224",
    "vit_base_patch16_siglip_224",
    "vit_small_patch16_dinov3",
    "vit_huge_patch16_sapiens2",
    "vit_base_patch16_rpn_224",
    "vit_base_patch16_xp_224",
    "vit_small_patch16_18x2_224",
    "vit_relpos_small_patch16_224",
    "vit_srelpos_small_patch16_224",
    "vit_base_patch16_rope_mixed_ape_224",
    "vit_medium_patch16_rope_reg1_gap_256",
    "beit_base_patch16_224",
    "beitv2_base_patch16_224",
    "eva_giant_patch14_224",
    "eva02_tiny_patch14_224",
    "deit_tiny_distilled_patch16_224",
    "flexivit_small",
)
"""timm's names, beside those of the zoo: biases, rotations, shared keys, branches, no prefix."""

MAKERS = {name: lambda name=name: small_models.timm_model(name) for name in small_models.TIMM}
MAKERS |= {name: lambda name=name: small_models.shaken(small(name)) for name in BY_NAME}


def timms_own(model, pixels):
    """What timm's softmax gives, per block `[image, head, query, key]`, by its unfused code."""
    found, hooks = [[] for _ in model.blocks], []
    fused = {
        module: module.fused_attn for module in model.modules() if hasattr(module, "fused_attn")
    }
    for module in fused:
        module.fused_attn = False
    for seen, block in zip(found, model.blocks, strict=True):
        drops = [part for name, part in block.named_modules() if name.endswith("attn_drop")]
        hooks += [
            drop.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0].numpy()))
            for drop in drops
        ]
    with torch.no_grad():
        model(pixels)
    for hook in hooks:
        hook.remove()
    for module, was_fused in fused.items():
        module.fused_attn = was_fused
    return [np.concatenate(patterns, axis=1) for patterns in found]


def check(trace, own):
    """Every layer and image of the maps against the library's own patterns."""
    maps = Maps(trace)
    assert maps.n_layers == len(own)
    for layer, expected in enumerate(own):
        z, v = trace["z", layer].numpy(), trace["v", layer].numpy()
        for image in range(maps.n_images):
            found = maps.of_layer(layer, "pattern", image)
            np.testing.assert_allclose(found, expected[image], rtol=0, atol=1e-6)
            np.testing.assert_allclose(found.sum(-1), 1, rtol=0, atol=1e-5)
            weighed = np.einsum("hqk,khd->qhd", found, v[image])
            np.testing.assert_allclose(weighed, z[image], rtol=0, atol=2e-5)
            scores = maps.of_layer(layer, "scores", image)
            softmax = np.exp(scores - scores.max(-1, keepdims=True))
            softmax /= softmax.sum(-1, keepdims=True)
            np.testing.assert_allclose(found, softmax, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MAKERS)
def test_patterns_are_those_of_timm_with_fused_attention_off(name):
    model = MAKERS[name]()
    vit = vl.load(model)
    pixels = random_pixels(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    assert len(np.unique(timms_own(model, pixels)[0])) > 100
    check(trace, timms_own(model, pixels))
    assert not trace.attention(0).requires_grad  # also where biases or rotations are weights


@pytest.mark.parametrize("kind", small_hf.KINDS)
def test_patterns_are_transformers_eager_attentions(kind):
    fixed = {"attn_implementation": "eager"} if kind.startswith("Data2Vec") else {}
    model = small_models.shaken(small_hf.small(kind, **fixed))
    vit = vl.load(model, image_size=small_hf.run_at(kind))
    pixels = random_pixels(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    if not fixed:  # Data2Vec's attention is chosen when it is made
        model.set_attn_implementation("eager")
    words = {"output_attentions": True}
    if small_hf.run_at(kind) and "interpolate_pos_encoding" in signature(model.forward).parameters:
        words["interpolate_pos_encoding"] = True
    takes_patches = "spatial_shapes" in signature(model.forward).parameters
    inputs = small_hf.packed(pixels) if takes_patches else {"pixel_values": pixels}
    with torch.no_grad():
        own = model(**inputs, **words).attentions
    check(trace, [pattern.numpy() for pattern in own])


def test_the_models_above_cover_prefixes_and_grids():
    layouts = [vl.load(make()).layout for make in MAKERS.values()]
    assert {0, 1, 2, 5} <= {layout.n_prefix for layout in layouts}
    assert all(layout.rows != layout.cols for layout in layouts if layout.rows < 14)
