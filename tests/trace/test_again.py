"""One block again, from one of its sites as a leaf."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.zoo_sweep.small_timm import small
from vitlens_widgets.trace.again import from_leaf

E = vl.edits


@pytest.fixture
def vit():
    return vl.load(timm_model("four registers and layer scale"))


def traced(vit, **words):
    return vit.trace(pixels_for(vit.image_size), preprocessed=True, **words)


def test_the_gradient_is_that_of_the_whole_graph(vit):
    whole = traced(vit, grad=True, keep=["z", "attn_out"])
    for site in ("attn_out", "resid_post"):
        out = whole[site, 1]
        expected = torch.autograd.grad(out[:, 3].sum(), whole["z", 1], retain_graph=True)[0]
        found = from_leaf(traced(vit), 1, "z", site)
        torch.testing.assert_close(found[site], out)
        gradient = torch.autograd.grad(found[site][:, 3].sum(), found["z"])[0]
        torch.testing.assert_close(gradient, expected)


def test_edits_of_the_trace_are_made_upon_the_leaf(vit):
    edits = [E.Scale("z", 1, 0.5, head=2), E.Add("resid_pre", 1, 0.1), E.DropTokens([7])]
    trace = traced(vit, edits=edits)
    found = from_leaf(trace, 1, "z", "attn_out")
    torch.testing.assert_close(found["attn_out"], trace["attn_out", 1])
    torch.testing.assert_close(trace["z", 1][:, :, 2], 0.5 * found["z"][:, :, 2].detach())
    gradient = torch.autograd.grad(found["attn_out"].sum(), found["z"])[0]
    plain = from_leaf(traced(vit, edits=edits[1:]), 1, "z", "attn_out")
    expected = torch.autograd.grad(plain["attn_out"].sum(), plain["z"])[0]
    torch.testing.assert_close(gradient[:, :, 2], 0.5 * expected[:, :, 2])
    torch.testing.assert_close(gradient[:, :, 1], expected[:, :, 1])


def test_it_leaves_the_model_as_it_was(vit):
    before = {name: weight.clone() for name, weight in vit.model.state_dict().items()}
    found = from_leaf(traced(vit), 0, "z", "attn_out")
    torch.autograd.grad(found["attn_out"].sum(), found["z"])
    assert all(weight.grad is None for weight in vit.model.parameters())
    assert all(torch.equal(w, before[name]) for name, w in vit.model.state_dict().items())
    hooks = [m._forward_hooks or m._forward_pre_hooks for m in vit.model.modules()]
    assert not any(hooks)


def test_a_site_that_can_only_be_read_is_refused():
    name = "vit_small_patch16_18x2_224"
    vit = vl.load(small(name).eval())
    with refused(vl.UsageError):
        from_leaf(traced(vit), 0, "z", "attn_out")


def test_a_rerun_from_the_first_block_has_the_whole_graph(vit):
    trace = traced(vit, edits=[E.Scale("z", 1, 0.5)])
    again = trace.rerun([], keep=["pattern"], grad=True, first=0)
    torch.testing.assert_close(again.logits, trace.logits)
    whole = traced(vit, edits=[E.Scale("z", 1, 0.5)], keep=["pattern"], grad=True)
    for run in (again, whole):
        run.gradient = torch.autograd.grad(run.logits[0, 1], run["pattern", 0])[0]
    torch.testing.assert_close(again.gradient, whole.gradient)


def test_a_rerun_starts_at_the_latest_where_its_edits_are(vit):
    trace = traced(vit)
    early = [E.Zero("z", 0, head=1)]
    late = trace.rerun(early, first=2)
    torch.testing.assert_close(late.states, traced(vit, edits=early).states)
    with refused(vl.UsageError):
        trace.rerun([], first=3)
