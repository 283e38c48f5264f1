"""Blocks without an MLP: every site they have, and one sentence for those they have not."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch

import vitlens_widgets as vl
from tests.oracle import forward_sites
from tests.sentences import refused
from tests.small_models import pixels_for, shaken
from vitlens_widgets import edits
from vitlens_widgets.models.sites import SITES
from vitlens_widgets.world.network import AttentionBlock

MISSING = ("resid_mid", "mlp_pre", "mlp_post", "mlp_out")
PRESENT = tuple(site for site in SITES if site not in MISSING)
EDITED = tuple(site for site in PRESENT if site not in ("attn_scores", "pattern"))
VARIANTS = {
    "CLS": {"img_size": (48, 80)},
    "mean of patches": {"img_size": (80, 48), "global_pool": "avg", "class_token": False},
    "two registers, layer scale, qk-norm": {
        "img_size": (32, 96),
        "reg_tokens": 2,
        "init_values": 0.5,
        "qk_norm": True,
    },
    "norm within attention": {"img_size": (48, 80), "scale_attn_norm": True},
}


def attention_only(special: str) -> torch.nn.Module:
    torch.manual_seed(0)
    words = {"depth": 3, "num_classes": 11, "embed_dim": 48, "num_heads": 4, **VARIANTS[special]}
    return shaken(timm.create_model("vit_tiny_patch16_224", block_fn=AttentionBlock, **words))


@pytest.fixture(scope="module", params=VARIANTS)
def traced(request):
    vit = vl.load(attention_only(request.param))
    return vit.trace(pixels_for(vit.image_size), keep="all", preprocessed=True)


@pytest.fixture
def trace():
    vit = vl.load(attention_only("CLS"))
    return vit.trace(pixels_for((48, 80)), preprocessed=True)


def test_it_is_timms_block_with_the_mlp_zeroed():
    alone = attention_only("two registers, layer scale, qk-norm")
    words = VARIANTS["two registers, layer scale, qk-norm"]
    with_mlp = timm.create_model(
        "vit_tiny_patch16_224", depth=3, num_classes=11, embed_dim=48, num_heads=4, **words
    ).eval()
    missing, unexpected = with_mlp.load_state_dict(alone.state_dict(), strict=False)
    assert not unexpected
    assert {name.split(".")[2] for name in missing} == {"norm2", "mlp", "ls2"}
    for block in with_mlp.blocks:
        torch.nn.init.zeros_(block.ls2.gamma)
    pixels = pixels_for((32, 96))
    with torch.no_grad():
        torch.testing.assert_close(alone(pixels), with_mlp(pixels), rtol=0, atol=0)


@pytest.mark.parametrize("site", PRESENT)
def test_each_site_is_what_the_paper_computes(traced, site):
    expected = forward_sites(traced.vit.model, traced.states[0].numpy())
    for layer in range(3):
        found = traced[site, layer].numpy()
        assert found.shape == expected[layer][site].shape
        np.testing.assert_allclose(found, expected[layer][site], rtol=0, atol=3e-5)


def test_attention_alone_is_added_to_the_stream(traced):
    for layer in range(3):
        total = traced.states[layer] + traced["attn_out", layer]
        torch.testing.assert_close(total, traced.states[layer + 1], rtol=0, atol=0)


def test_the_lens_at_the_end_is_the_models_own_answer(traced):
    reading = vl.LogitLens(traced.vit).read(traced)
    off = (reading.readout.logits(3) - traced.logits).abs().max() / traced.logits.abs().max()
    assert off <= 1e-5


@pytest.mark.parametrize("site", EDITED)
def test_an_edit_of_any_site_goes_on_as_in_the_oracle(trace, site):
    layer, token = 1, 4
    edited = trace.rerun([edits.Scale(site, layer, 1.7, token=token)])

    def touch(name: str, at: int, value: np.ndarray) -> np.ndarray:
        if (name, at) != (site, layer):
            return value
        value = value.copy()
        value[:, token] *= 1.7
        return value

    expected = forward_sites(trace.vit.model, trace.states[0].numpy(), touch)
    for k in range(layer, 3):
        found = edited.states[k + 1].numpy()
        np.testing.assert_allclose(found, expected[k]["resid_post"], rtol=0, atol=3e-5)
    again = trace.vit.trace(
        pixels_for((48, 80)), edits=[edits.Scale(site, layer, 1.7, token=token)], preprocessed=True
    )
    torch.testing.assert_close(again.logits, edited.logits, rtol=0, atol=1e-5)
    assert not torch.equal(edited.states[-1], trace.states[-1])


def test_knocked_out_attention_and_dropped_tokens(trace):
    knocked = trace.rerun([edits.KnockOut(2, query=0, key=[3, 5])])
    assert knocked["pattern", 2][:, :, 0, [3, 5]].abs().max() == 0
    kept = trace.rerun([edits.DropTokens([2, 7])])
    expected = forward_sites(trace.vit.model, np.delete(trace.states[0].numpy(), [2, 7], axis=1))
    np.testing.assert_allclose(
        kept.states[-1].numpy(), expected[-1]["resid_post"], rtol=0, atol=3e-5
    )


def test_gradients_reach_every_site():
    vit = vl.load(attention_only("CLS"))
    trace = vit.trace(pixels_for((48, 80)), keep=["pattern", "z"], grad=True, preprocessed=True)
    for site in ("pattern", "z"):
        (gradient,) = torch.autograd.grad(trace.logits[0, 3], trace[site, 1], retain_graph=True)
        assert gradient.abs().max() > 0


@pytest.mark.parametrize("site", MISSING)
def test_a_site_of_an_mlp_is_refused_with_one_sentence(trace, site):
    asks = [
        lambda: trace[site, 0],
        lambda: trace.rerun([edits.Zero(site, 1)]),
        lambda: trace.vit.trace(pixels_for((48, 80)), keep=site, preprocessed=True),
    ]
    for ask in asks:
        with refused(vl.UnsupportedModelError):
            ask()


def test_the_stream_in_the_middle_is_named_by_its_other_name(trace):
    with refused(vl.UnsupportedModelError):
        trace["resid_mid", 0]


def test_lenses_read_what_attention_adds_and_refuse_what_no_mlp_adds(trace):
    lens = vl.LogitLens(trace.vit)
    assert lens.read(trace, site="attn_out", head=2).readout.logits(1).shape == (2, 11)
    with refused(vl.UnsupportedModelError):
        lens.read(trace, site="mlp_out").logits(0)


def test_what_timms_block_takes_is_taken_and_nothing_is_swallowed():
    with pytest.raises(TypeError, match="no_such_thing"):
        AttentionBlock(48, 4, no_such_thing=True)
    block = AttentionBlock(48, 4, drop_path=0.5, init_values=1e-3)
    assert block.drop_path1.drop_prob == 0.5
    assert block.ls1.gamma[0] == 1e-3
