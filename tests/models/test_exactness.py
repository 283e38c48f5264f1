"""Architectures that together touch every feature of the zoo, each against its own library."""

from __future__ import annotations

from functools import partial

import pytest
import timm
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import shaken
from tests.zoo_sweep import small_hf, small_open_clip, small_torchvision, texts
from tests.zoo_sweep.measure import NOT_SPLIT, measure, random_pixels
from tests.zoo_sweep.rows import hf_row, open_clip_row, texts_row, timm_row, torchvision_row
from tests.zoo_sweep.small_timm import forward, small
from vitlens_widgets.world.network import AttentionBlock

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

TIMM = {
    "vit_tiny_patch16_224": "CLS",
    "vit_base_patch32_clip_quickgelu_224": "pre-norm tower, quick GELU",
    "vit_medium_patch16_gap_240": "mean of patches, no fc_norm",
    "vit_base_patch16_siglip_224": "attention pooling",
    "vit_so400m_patch14_reg1_tipsv2": "one register beside CLS",
    "vit_so150m_patch16_reg4_map_256": "attention pooling beside registers",
    "vit_base_patch16_siglip_gap_224": "mean of patches with fc_norm left out",
    "vit_giant_patch14_reg4_dinov2": "registers, layer scale, SwiGLU in one projection",
    "aimv2_large_patch14_224": "RMS norms, SwiGLU in two projections, no classifier",
    "beit3_base_patch16_224": "norms within attention and MLP",
    "vit_base_patch16_xp_224": "attention beside MLP, qk-norm",
    "vit_pwee_patch16_reg1_gap_256": "attention beside MLP, layer scale",
    "vit_small_patch16_18x2_224": "two attentions, then two MLPs",
    "vit_base_patch16_rpn_224": "post-norm blocks",
    "vit_base_patch16_radio_v3": "no final norm, no classifier",
    "vit_intern300m_patch14_448": "InternViT",
    "test_vit3": "mean of all tokens, attention pooling",
    "test_vit4": "RMS norm, any image size",
    "flexivit_small": "FlexiViT",
    "deit3_small_patch16_224": "DeiT III",
    "deit_tiny_distilled_patch16_224": "distillation",
    "beit_base_patch16_224": "a relative bias per block",
    "beitv2_base_patch16_224": "BEiT v2",
    "eva_giant_patch14_224": "EVA: biases apart from their projection",
    "eva02_tiny_patch14_224": "rotary positions, separate projections, SwiGLU with a norm",
    "eva02_base_patch16_clip_224": "norm within attention",
    "eva02_enormous_patch14_clip_224": "EVA with post-norm blocks",
    "vit_base_patch16_rope_mixed_ape_224": "rotations learnt per head, beside position embeddings",
    "vit_medium_patch16_rope_reg1_gap_256": "rotary positions beside a register",
    "vit_small_patch16_dinov3": "DINOv3",
    "vit_huge_plus_patch16_dinov3_qkvb": "DINOv3 with SwiGLU",
    "vit_base_patch16_lingbot": "rotary positions of LingBot",
    "vit_huge_patch16_sapiens2": "heads that share keys and values",
    "vit_pe_core_base_patch16_224": "attention pooling of all tokens, pre-norm",
    "vit_pe_spatial_tiny_patch16_512": "rotary positions, no final norm",
    "vit_relpos_small_patch16_224": "biases from an MLP of distances",
    "vit_srelpos_small_patch16_224": "one such MLP for all blocks",
    "vit_relpos_base_patch16_clsgap_224": "biases with CLS",
    "vit_relpos_base_patch32_plus_rpn_256": "biases in post-norm blocks",
    "vit_tiny_r_s16_p8_224": "patches of a convolutional stem",
    "vit_small_resnet26d_224": "patches of a ResNet",
    "naflexvit_base_patch16_gap": "NaFlex: patches of a linear layer, mean of patches",
    "naflexvit_base_patch16_parfac_gap": "NaFlex: rows and columns placed apart",
    "naflexvit_so150m2_patch16_reg1_map": "NaFlex: attention pooling beside a register",
    "naflexvit_base_patch16_siglip": "NaFlex: SigLIP 2",
    "naflexvit_huge_patch16_radio_v4": "NaFlex: C-RADIO, nine registers",
}
"""Name: what is special."""


def as_promised(measured):
    assert not measured.refused
    assert measured.worst <= 1e-5
    split = measured.logits is not None and measured.name not in NOT_SPLIT
    assert (measured.parts is not None) == split


@pytest.mark.parametrize("name", TIMM, ids=[f"{name}: {why}" for name, why in TIMM.items()])
def test_a_timm_model_is_read_as_timm_computes_it(name):
    as_promised(timm_row(name))


VARIANTS = {
    "refined pooling of CLS": ("vit_tiny_patch16_224", {"global_pool": "prr"}),
    "refined pooling of all tokens": (
        "vit_tiny_patch16_224",
        {"global_pool": "prr", "class_token": False},
    ),
    "maximum": ("vit_tiny_patch16_224", {"global_pool": "max"}),
    "a gate in the second half": (
        "vit_tiny_patch16_224",
        {"mlp_layer": partial(timm.layers.GluMlp, gate_last=True)},
    ),
    "rotary positions at any image size": ("eva02_tiny_patch14_224", {"dynamic_img_size": True}),
    "biases that only BEiT's blocks share": (
        "beit_base_patch16_224",
        {"use_shared_rel_pos_bias": True, "use_rel_pos_bias": True},
    ),
    "NaFlex, rotary positions": (
        "naflexvit_base_patch16_gap",
        {"rope_type": "dinov3", "rope_rotate_half": True},
    ),
    "NaFlex, rotations learnt per head": (
        "naflexvit_base_patch16_gap",
        {"rope_type": "mixed", "swiglu_mlp": True, "class_token": True, "global_pool": "token"},
    ),
    "NaFlex, gated attention": (
        "naflexvit_base_patch16_gap",
        {"attn_gated": True, "attn_type": "eva"},
    ),
    "no MLP": ("vit_tiny_patch16_224", {"block_fn": AttentionBlock}),
    "SwiGLU in BEiT": ("beit_base_patch16_224", {"swiglu_mlp": True, "scale_mlp": True}),
}
"""What constructors allow and no name uses."""


@pytest.mark.parametrize("what", VARIANTS)
def test_what_no_name_uses_is_read_as_well(what):
    name, overrides = VARIANTS[what]
    as_promised(timm_row(name, **overrides))


ATTENTIONS = {
    "gated": lambda: timm.layers.Attention(64, 4, qkv_bias=True, gated=True),
    "heads wider than their share": lambda: timm.layers.Attention(64, 4, attn_head_dim=20),
    "gated, normed, with rotary positions": lambda: timm.layers.AttentionRope(
        64, 4, gated=True, scale_norm=True, qk_norm=True, norm_layer=torch.nn.LayerNorm
    ),
    "EVA's, gated": lambda: timm.models.eva.EvaAttention(
        64, 4, gated=True, qk_norm=True, norm_layer=torch.nn.LayerNorm
    ),
}
"""Attention modules that blocks can be given."""


@pytest.mark.parametrize("what", ATTENTIONS)
def test_other_attention_modules_are_read_as_well(what):
    rotary = "rotary" in what or "EVA" in what
    model = small("eva02_tiny_patch14_224" if rotary else "vit_tiny_patch16_224")
    for block in model.blocks:
        block.attn = ATTENTIONS[what]()
    as_promised(measure(what, "timm", shaken(model), partial(forward, model)))


def test_rotated_patches_keep_to_the_image_size_they_were_loaded_for():
    model = small("eva02_tiny_patch14_224", dynamic_img_size=True).eval()
    vit = vl.load(model, image_size=(28, 84), classifier=(torch.eye(64), None))
    assert (vit.layout.rows, vit.layout.cols) == (2, 6)
    pixels = random_pixels((28, 84))
    with torch.no_grad():
        own = model(pixels)
    trace = vit.trace(pixels, preprocessed=True)
    torch.testing.assert_close(trace.logits, own)
    z = torch.einsum("ihqk,ikhd->iqhd", trace["pattern", 1], trace["v", 1])
    torch.testing.assert_close(z, trace["z", 1], rtol=0, atol=1e-5)
    with refused(vl.UsageError):
        vit.trace(random_pixels((42, 70)), preprocessed=True)


@pytest.mark.filterwarnings("ignore:A module of torchvision does not say")
@pytest.mark.parametrize("kind", small_torchvision.KINDS)
def test_a_torchvision_model_is_read_as_torchvision_computes_it(kind):
    as_promised(torchvision_row(kind))


@pytest.mark.parametrize("kind", small_hf.KINDS)
def test_a_transformers_model_is_read_as_transformers_computes_it(kind):
    as_promised(hf_row(kind))


@pytest.mark.parametrize("kind", texts.KINDS)
def test_prompts_classify_as_transformers_compares_images_and_texts(kind):
    as_promised(texts_row(kind))


@pytest.mark.skipif(not small_open_clip.kinds(), reason="open_clip is an optional extra")
@pytest.mark.parametrize("kind", small_open_clip.KINDS)
def test_an_open_clip_model_is_read_as_open_clip_computes_it(kind):
    as_promised(open_clip_row(kind))


def test_a_block_without_a_stream_in_its_middle_says_so():
    vit = vl.load(small("vit_base_patch16_xp_224").eval())
    trace = vit.trace(random_pixels(vit.image_size), keep="all", preprocessed=True)
    with refused(vl.UnsupportedModelError):
        trace["resid_mid", 0]
    with refused(vl.UnsupportedModelError):
        vit.trace(random_pixels(vit.image_size), keep="resid_mid", preprocessed=True)


def test_branches_side_by_side_are_the_sum_of_what_each_of_them_adds():
    model = small("vit_small_patch16_18x2_224").eval()
    vit = vl.load(model)
    trace = vit.trace(random_pixels(vit.image_size), preprocessed=True)
    block, state = model.blocks[1], trace.states[1]
    with torch.no_grad():
        added = sum(branch(state) for branch in block.attns)
    torch.testing.assert_close(trace["attn_out", 1], added)
    assert vit.n_heads == sum(branch.attn.num_heads for branch in block.attns)
    assert trace["pattern", 1].shape[1] == trace["z", 1].shape[2] == vit.n_heads


@pytest.mark.parametrize("name", ["vit_base_patch16_siglip_224", "vit_pe_core_base_patch16_224"])
def test_a_token_of_an_attention_pooled_model_is_read_as_if_it_were_the_only_one(name):
    model = small(name).eval()
    n_features = model.num_features
    vit = vl.load(model, classifier=(torch.eye(n_features), None))
    trace = vit.trace(random_pixels(vit.image_size), preprocessed=True)
    state = trace.states[1]
    tokens = vl.LogitLens(vit).read(trace).logits(1)
    with torch.no_grad():
        alone = model.fc_norm(model.attn_pool(model.norm(state)[:, 4:5]))
    torch.testing.assert_close(tokens[:, 4], alone)
