"""Every site of every block against a forward pass written again in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.oracle import forward_sites
from tests.small_models import TIMM, hf_model, pixels_for, timm_model
from vitlens_widgets.models.sites import SITES
from vitlens_widgets.trace.sites import check_state

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module", params=TIMM)
def traced(request):
    model = timm_model(request.param)
    vit = vl.load(model)
    return model, vit.trace(pixels_for(vit.image_size), keep="all", preprocessed=True)


@pytest.mark.parametrize("site", SITES)
def test_each_site_is_what_the_paper_computes(traced, site):
    model, trace = traced
    expected = forward_sites(model, trace.states[0].numpy())
    for layer in range(3):
        found = trace[site, layer].numpy()
        assert found.shape == expected[layer][site].shape
        np.testing.assert_allclose(found, expected[layer][site], rtol=0, atol=3e-5)


def test_the_states_are_the_streams_around_the_blocks(traced):
    _, trace = traced
    for layer in range(3):
        assert torch.equal(trace["resid_pre", layer], trace.states[layer])
        assert torch.equal(trace["resid_post", layer], trace.states[layer + 1])
        total = trace.states[layer] + trace["attn_out", layer] + trace["mlp_out", layer]
        torch.testing.assert_close(total, trace.states[layer + 1], rtol=0, atol=1e-5)


def test_attention_rows_sum_to_one_and_weigh_the_values_into_z(traced):
    _, trace = traced
    for layer in range(3):
        pattern = trace["pattern", layer]
        torch.testing.assert_close(pattern.sum(-1), torch.ones_like(pattern[..., 0]))
        z = torch.einsum("ihqk,ikhd->iqhd", pattern, trace["v", layer])
        torch.testing.assert_close(z, trace["z", layer], rtol=0, atol=1e-5)


@pytest.mark.parametrize("site", SITES)
def test_a_site_that_was_not_kept_is_computed_again_with_the_same_numbers(traced, site):
    model, kept = traced
    vit = vl.load(model)
    bare = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    assert bare.nbytes == bare.states.nbytes
    for layer in range(3):
        torch.testing.assert_close(bare[site, layer], kept[site, layer], rtol=0, atol=1e-6)


KINDS = [
    "ViTForImageClassification",
    "DeiTForImageClassification",
    "DeiTForImageClassificationWithTeacher",
]


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_states_and_attentions_are_its_own(kind):
    model = hf_model(kind)
    vit = vl.load(model)
    pixels = pixels_for((48, 80))
    trace = vit.trace(pixels, preprocessed=True)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        own = model(pixels, output_hidden_states=True, output_attentions=True)
    for k in range(3):
        torch.testing.assert_close(trace.states[k], own.hidden_states[k], rtol=0, atol=1e-5)
        torch.testing.assert_close(trace["pattern", k], own.attentions[k], rtol=0, atol=1e-6)
        torch.testing.assert_close(
            trace.states[k] + trace["attn_out", k] + trace["mlp_out", k],
            trace.states[k + 1],
            rtol=0,
            atol=1e-5,
        )
        z = torch.einsum("ihqk,ikhd->iqhd", trace["pattern", k], trace["v", k])
        torch.testing.assert_close(z, trace["z", k], rtol=0, atol=1e-5)
        gelu = torch.nn.functional.gelu(trace["mlp_pre", k])
        torch.testing.assert_close(trace["mlp_post", k], gelu, rtol=0, atol=1e-6)


def test_one_head_is_a_slice_of_all():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    for kind in ("pattern", "scores"):
        every = trace.attention(1, kind=kind)
        assert every.shape == (2, 4, 16, 16)
        torch.testing.assert_close(trace.attention(1, head=3, kind=kind), every[:, 3])


@pytest.mark.parametrize("of", [int, np.int64, np.int8, torch.tensor])
def test_a_state_is_counted_from_either_end_by_any_whole_number(of):
    names = ["0_pre", "1_pre", "2_pre", "final"]
    assert [check_state(of(k), names) for k in (0, 3, -1, -4)] == [0, 3, 3, 0]
    for k in (4, -5, True, 1.0):
        with pytest.raises(vl.UsageError, match="state"):
            check_state(k, names)
