"""Gradients of the answer in every site, against finite differences made by edits."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.models.sites import SITES

E = vl.edits


@pytest.fixture(params=["timm", "transformers"])
def vit(request):
    model = timm_model("qk-norm") if request.param == "timm" else hf_model()
    return vl.load(model.double().requires_grad_(False), preprocessing=NEUTRAL)


NEUTRAL = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


@pytest.mark.parametrize("site", SITES)
def test_the_gradient_in_a_site_is_what_a_small_change_there_does(vit, site):
    pixels = pixels_for(vit.image_size).double()
    trace = vit.trace(pixels, keep=[site], grad=True, preprocessed=True)
    place = trace[site, 1]
    (gradient,) = torch.autograd.grad(trace.logits[:, 4].sum(), place)
    direction = torch.randn(place.shape, generator=torch.Generator().manual_seed(0)).double()
    step = 1e-5
    there, back = (
        vit.trace(pixels, edits=[E.Add(site, 1, sign * step * direction)], preprocessed=True)
        for sign in (1, -1)
    )
    expected = (there.logits - back.logits)[:, 4].sum() / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), expected, rtol=1e-5, atol=1e-7)


def test_a_lens_on_the_states_has_gradients_too(vit):
    pixels = pixels_for(vit.image_size).double()
    trace = vit.trace(pixels, grad=True, preprocessed=True)
    answer = vit.adapter.readout_logits(trace.states[2])[:, 0].sum()
    (gradient,) = torch.autograd.grad(answer, trace["resid_pre", 1])
    assert gradient.shape == trace.states[1].shape
    assert gradient.abs().sum() > 0


def test_weights_that_want_gradients_get_them():
    model = timm_model("CLS")
    trace = vl.load(model).trace(pixels_for((48, 80)), grad=True, preprocessed=True)
    trace.logits.sum().backward()
    assert model.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


def test_without_grad_nothing_holds_a_graph():
    trace = vl.load(timm_model("CLS")).trace(pixels_for((48, 80)), keep="all", preprocessed=True)
    assert not trace.logits.requires_grad
    assert not any(value.requires_grad for value in (trace.states, *trace.kept.values()))


def test_a_site_that_is_not_on_the_path_is_refused(vit):
    trace = vit.trace(pixels_for(vit.image_size).double(), grad=True, preprocessed=True)
    with refused(vl.UsageError):
        trace["q", 0]


@pytest.mark.parametrize("keep", [["q", "k"], ["z"], []])
@pytest.mark.parametrize("site", ["pattern", "attn_scores"])
def test_attention_made_again_from_queries_and_keys_is_not_on_the_path(vit, site, keep):
    pixels = pixels_for(vit.image_size).double()
    trace = vit.trace(pixels, keep=keep, grad=True, preprocessed=True)
    kind = "pattern" if site == "pattern" else "scores"
    for ask in (
        lambda: trace[site, 1],
        lambda: trace.attention(1, kind=kind),
        lambda: next(trace.attention_by_image(1, kind)),
    ):
        with refused(vl.UsageError):
            ask()


@pytest.mark.parametrize("keep", ["all", ["all"], ["all", "pattern"]])
def test_all_sites_are_on_the_path_and_make_the_same_answer(vit, keep):
    pixels = pixels_for(vit.image_size).double()
    trace = vit.trace(pixels, keep=keep, grad=True, preprocessed=True)
    here = [trace[site, layer] for site in SITES for layer in range(vit.n_layers)]
    for gradient in torch.autograd.grad(trace.logits[:, 4].sum(), here):
        assert gradient.abs().sum() > 0
    torch.testing.assert_close(trace.logits, vit.trace(pixels, preprocessed=True).logits)


def test_a_rerun_with_gradients_reaches_its_edited_blocks(vit):
    pixels = pixels_for(vit.image_size).double()
    base = vit.trace(pixels, preprocessed=True)
    trace = base.rerun([E.Scale("z", 1, 0.5)], keep=["z"], grad=True)
    whole = vit.trace(
        pixels, edits=[E.Scale("z", 1, 0.5)], keep=["z"], grad=True, preprocessed=True
    )
    for one in (trace, whole):
        one.gradient = torch.autograd.grad(one.logits[0, 1], one["z", 2])[0]
    torch.testing.assert_close(trace.gradient, whole.gradient)
