"""Sites can be written as well as read, wherever a model keeps them."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import shaken
from tests.zoo_sweep import small_hf, small_open_clip
from tests.zoo_sweep.measure import off, random_pixels
from tests.zoo_sweep.small_timm import small
from vitlens_widgets import edits
from vitlens_widgets.models.hook_points import ReadOnlyPoint

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

MODELS = {
    "vit_tiny_patch16_224": small,
    "vit_base_patch16_xp_224": small,
    "vit_pwee_patch16_reg1_gap_256": small,
    "vit_base_patch16_rpn_224": small,
    "beit_base_patch16_224": small,
    "eva_giant_patch14_224": small,
    "eva02_tiny_patch14_224": small,
    "vit_huge_patch16_sapiens2": small,
    "vit_giant_patch14_reg4_dinov2": small,
    "vit_relpos_small_patch16_224": small,
    "BeitForImageClassification": small_hf.small,
    "Dinov2ForImageClassification, SwiGLU": small_hf.small,
    "CLIPForImageClassification": small_hf.small,
    **dict.fromkeys(small_open_clip.kinds()[:1], small_open_clip.small),
}


@pytest.fixture(scope="module", params=MODELS)
def traced(request):
    model = shaken(MODELS[request.param](request.param))
    vit = vl.load(model)
    if not vit.adapter.has_classifier:
        weight = torch.randn(7, vit.adapter.n_features, generator=torch.Generator().manual_seed(3))
        vit = vl.load(model, classifier=(weight, None))
    pixels = random_pixels(vit.image_size)
    return vit, pixels, vit.trace(pixels, preprocessed=True)


def expected_refusal(vit, site):
    """A site that is absent, or kept inside, is refused; every other can be edited."""
    point = vit.adapter.hook_points(0).get(site)
    if site == "resid_mid" and point is None:
        return pytest.raises(vl.UnsupportedModelError, match='no site "resid_mid"')
    if isinstance(point, ReadOnlyPoint):
        return pytest.raises(vl.UsageError, match="keeps its queries, keys and values to itself")
    return nullcontext()


EDITED = ("q", "k", "v", "attn_scores", "z", "attn_out", "resid_mid", "mlp_pre", "mlp_post")


@pytest.mark.parametrize("site", [*EDITED, "mlp_out"])
def test_writing_a_site_back_as_it_is_changes_nothing(traced, site):
    vit, pixels, trace = traced
    with expected_refusal(vit, site):
        again = vit.trace(pixels, edits=[edits.Scale(site, [0, 1], 1.0)], preprocessed=True)
        assert off(again.logits, trace.logits) <= 1e-5


@pytest.mark.parametrize("site", ["attn_out", "mlp_out"])
def test_what_is_added_to_a_site_is_added_to_the_stream(traced, site):
    vit, pixels, trace = traced
    vector = torch.randn(vit.width, generator=torch.Generator().manual_seed(4))
    edited = vit.trace(pixels, edits=[edits.Add(site, 1, vector)], preprocessed=True)
    expected = trace.states[1] + trace["attn_out", 1] + trace["mlp_out", 1] + vector
    if site == "mlp_out" or "resid_mid" not in vit.adapter.hook_points(1):
        assert off(edited.states[2], expected) <= 1e-5
    assert off(edited[site, 1], trace[site, 1] + vector) <= 1e-5


def test_zeroed_values_leave_only_what_does_not_come_from_them(traced):
    """With no values, z is zero whatever the pattern: the two edits are the same."""
    vit, pixels, _ = traced
    weighted = vit.trace(pixels, edits=[edits.Zero("z", 0)], preprocessed=True)
    with expected_refusal(vit, "v"):
        values = vit.trace(pixels, edits=[edits.Zero("v", 0)], preprocessed=True)
        assert off(values.logits, weighted.logits) <= 1e-5


def test_logits_with_and_without_a_trace_of_everything_are_equal(traced):
    vit, pixels, trace = traced
    with torch.no_grad():
        bare = vit.adapter.forward(pixels)
    everything = vit.trace(pixels, keep="all", preprocessed=True)
    assert torch.equal(trace.logits, bare)
    assert torch.equal(everything.logits, bare)


@pytest.mark.parametrize("site", ["z", "attn_out"])
def test_gradients_reach_what_is_kept(traced, site):
    vit, pixels, _ = traced
    kept = vit.trace(pixels, keep=[site], grad=True, preprocessed=True)
    (gradient,) = torch.autograd.grad(kept.logits[:, 2].sum(), kept[site, 0])
    assert gradient.shape == kept[site, 0].shape
    assert gradient.abs().max() > 0


def test_heads_that_share_their_keys_are_edited_together_or_refused():
    vit = vl.load(shaken(small("vit_huge_patch16_sapiens2")))
    pixels = random_pixels(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    keys = trace["k", 1]
    assert keys.shape[2] == vit.n_heads == 4
    assert torch.equal(keys[:, :, 0], keys[:, :, 1])
    vit.trace(pixels, edits=[edits.Zero("k", 1, head=[0, 1])], preprocessed=True)
    with refused(vl.UsageError):
        vit.trace(pixels, edits=[edits.Zero("k", 1, head=0)], preprocessed=True)


def test_heads_of_branches_are_not_edited():
    vit = vl.load(shaken(small("vit_small_patch16_18x2_224")))
    pixels = random_pixels(vit.image_size)
    with refused(vl.UsageError):
        vit.trace(pixels, edits=[edits.Zero("z", 0, head=1)], preprocessed=True)
    vector = torch.randn(vit.width)
    trace = vit.trace(pixels, preprocessed=True)
    edited = vit.trace(pixels, edits=[edits.Add("resid_mid", 1, vector)], preprocessed=True)
    block, middle = vit.model.blocks[1], trace["resid_mid", 1] + vector
    with torch.no_grad():
        expected = middle + sum(branch(middle) for branch in block.ffns)
    assert off(edited.states[2], expected) <= 1e-5


GATED = {
    "vit_giant_patch14_reg4_dinov2": "one projection, the gate first",
    "aimv2_large_patch14_224": "two projections",
    "eva02_tiny_patch14_224": "two projections and a norm",
}


@pytest.mark.parametrize("name", GATED)
def test_neurons_of_a_gated_mlp_are_its_gate_and_their_product(name):
    model = shaken(small(name))
    vit = vl.load(model)
    trace = vit.trace(random_pixels(vit.image_size), preprocessed=True)
    block = model.blocks[1]
    with torch.no_grad():
        normed = block.norm2(trace["resid_mid", 1])
        if hasattr(block.mlp, "fc1_g"):
            gate, linear = block.mlp.fc1_g(normed), block.mlp.fc1_x(normed)
        else:
            gate, linear = block.mlp.fc1(normed).chunk(2, -1)
    torch.testing.assert_close(trace["mlp_pre", 1], gate)
    expected = torch.nn.functional.silu(gate) * linear
    torch.testing.assert_close(trace["mlp_post", 1], expected)
