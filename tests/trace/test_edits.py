"""Edited runs against the NumPy forward pass with the same change made there."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch

import vitlens_widgets as vl
from tests.oracle import forward_sites
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from vitlens_widgets.models.sites import SITES
from vitlens_widgets.trace.sites import axes_of

E = vl.edits
NEUTRAL = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
RNG = np.random.default_rng(5)
SPECIALS = ["CLS", "four registers and layer scale", "mean of patches", "qk-norm"]


def untouched(vit):
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def edited(vit, *edits, **words):
    return vit.trace(pixels_for(vit.image_size), preprocessed=True, edits=edits, **words)


def assert_like_the_oracle(vit, edits, touch):
    """Every site of an edited run, and its answer, are the oracle's with the same change."""
    base, trace = untouched(vit), edited(vit, *edits)
    expected = forward_sites(vit.model, base.states[0].numpy(), touch)
    for layer in range(3):
        for site in SITES:
            found, there = trace[site, layer].numpy(), expected[layer][site]
            if site == "resid_post" and layer < 2:  # one state, also where it is edited
                there = expected[layer + 1]["resid_pre"]
            np.testing.assert_allclose(found, there, rtol=0, atol=5e-5, err_msg=f"{site} {layer}")
    final = torch.from_numpy(expected[2]["resid_post"]).float()
    with torch.no_grad():
        answer = vit.adapter.readout_logits(final)
    torch.testing.assert_close(trace.logits, answer, rtol=0, atol=1e-4)


@pytest.mark.parametrize("special", SPECIALS)
@pytest.mark.parametrize("site", SITES)
def test_scaling_part_of_any_site_is_felt_wherever_it_should_be(special, site):
    vit = vl.load(timm_model(special))
    chosen = {"head": [1, 3], "token": slice(2, 5), "query": [0, 4], "key": 3}
    where = {axis: chosen[axis] for axis in axes_of(site)}
    index = {"head": [1, 3], "token": [2, 3, 4], "query": [0, 4], "key": [3]}

    def touch(here, layer, value):
        if (here, layer) != (site, 1):
            return value
        value = value.copy()
        mesh = np.ix_(range(2), *(index[axis] for axis in axes_of(site)))
        value[mesh] *= 1.7
        return value

    assert_like_the_oracle(vit, [E.Scale(site, 1, 1.7, **where)], touch)


def test_zero_add_and_replace_compose_in_the_order_given():
    vit = vl.load(timm_model("CLS"))
    steer = RNG.normal(size=48).astype(np.float32)
    new = RNG.normal(size=(2, 1, 2, 12)).astype(np.float32)
    edits = [
        E.Zero("attn_out", [0, 2], token=0),
        E.Replace("z", 1, torch.from_numpy(new), token=7, head=[0, 2]),
        E.Add("resid_mid", 1, torch.from_numpy(steer), token=[1, 15]),
        E.Scale("resid_mid", 1, -2.0, token=1),
    ]

    def touch(site, layer, value):
        value = value.copy()
        if site == "attn_out" and layer in (0, 2):
            value[:, 0] = 0
        if (site, layer) == ("z", 1):
            value[:, 7, 0], value[:, 7, 2] = new[:, 0, 0], new[:, 0, 1]
        if (site, layer) == ("resid_mid", 1):
            value[:, [1, 15]] += steer
            value[:, 1] *= -2
        return value

    assert_like_the_oracle(vit, edits, touch)


def test_two_edits_of_one_site_do_not_commute():
    vit = vl.load(timm_model("CLS"))
    add, scale = E.Add("resid_post", 0, 1.0), E.Scale("resid_post", 0, 2.0)
    one, other = edited(vit, add, scale), edited(vit, scale, add)
    torch.testing.assert_close(one.states[1] - other.states[1], torch.ones_like(one.states[1]))


def rows_knocked_out(before_softmax, renormalise):
    def touch(site, layer, value):
        if layer == 2:
            return value
        rows, keys = np.ix_(range(2), [1, 2], [0, 5], range(3, 9)), (0, 5)
        value = value.copy()
        if before_softmax and site == "attn_scores":
            value[rows] = -np.inf
        if not before_softmax and site == "pattern":
            value[rows] = 0
            if renormalise:
                for head in (1, 2):
                    for query in keys:
                        value[:, head, query] /= value[:, head, query].sum(-1, keepdims=True)
        return value

    return touch


@pytest.mark.parametrize(
    ("words", "touch"),
    [
        ({}, rows_knocked_out(True, False)),
        ({"when": "pattern"}, rows_knocked_out(False, False)),
        ({"when": "pattern", "renormalise": True}, rows_knocked_out(False, True)),
    ],
)
@pytest.mark.parametrize("special", ["CLS", "qk-norm"])
def test_knocked_out_attention(special, words, touch):
    vit = vl.load(timm_model(special))
    knock = E.KnockOut(range(2), head=[1, 2], query=[0, 5], key=slice(3, 9), **words)
    assert_like_the_oracle(vit, [knock], touch)


def test_vilas_self_only_attention_is_two_edits():
    vit = vl.load(timm_model("CLS"))
    image = vit.layout.patches
    edits = [
        E.Zero("pattern", range(3), query=image),
        *(E.Replace("pattern", range(3), torch.tensor(1.0), query=t, key=t) for t in range(1, 16)),
    ]

    def touch(site, _layer, value):
        if site == "pattern":
            value = value.copy()
            value[:, :, 1:] = np.eye(16)[1:]
        return value

    assert_like_the_oracle(vit, edits, touch)


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "four registers and layer scale"])
def test_dropped_patches_are_gone_from_the_sequence(special):
    vit = vl.load(timm_model(special))
    mask = np.zeros((vit.layout.rows, vit.layout.cols), bool)
    mask[1, :], mask[0, 2] = True, True
    left = [t for t in range(vit.layout.n_tokens) if not _in(mask, vit.layout.row_col(t))]
    base, trace = untouched(vit), edited(vit, E.DropTokens(mask))
    assert trace.tokens.tolist() == left
    expected = forward_sites(vit.model, base.states[0][:, left].numpy())
    np.testing.assert_allclose(trace["pattern", 2], expected[2]["pattern"], atol=1e-5)
    np.testing.assert_allclose(trace.states[-1], expected[2]["resid_post"], atol=5e-5)
    with torch.no_grad():
        answer = vit.adapter.readout_logits(trace.states[-1])
    torch.testing.assert_close(trace.logits, answer)


def _in(mask, place):
    return place is not None and mask[place]


def test_other_edits_name_tokens_as_in_the_whole_sequence():
    vit = vl.load(timm_model("CLS"))
    dropped = E.DropTokens([1, 2, 3])
    trace = edited(vit, dropped, E.Zero("resid_post", 0, token=[4, 15]))
    assert (trace.states[1][:, [1, 12]] == 0).all()
    assert (trace.states[1] == 0).all(-1).sum() == 4
    with refused(vl.UsageError):
        edited(vit, dropped, E.Zero("resid_post", 0, token=2))


def test_replacing_by_another_trace_patches_its_values_in():
    vit = vl.load(timm_model("CLS"))
    other = vit.trace(pixels_for((48, 80), seed=9), preprocessed=True)
    for site, where in [
        ("z", {"head": 2, "token": 0}),
        ("pattern", {"head": 1}),
        ("resid_mid", {}),
    ]:
        trace = edited(vit, E.Replace(site, 1, other, **where))
        by_hand = E.Replace(site, 1, _part(other[site, 1], where), **where)
        torch.testing.assert_close(trace.logits, edited(vit, by_hand).logits)
    all_of_it = edited(vit, E.Replace("resid_pre", 0, other))
    torch.testing.assert_close(all_of_it.logits, other.logits)


def _part(value, where):
    if where == {"head": 2, "token": 0}:
        return value[:, :1, 2:3]
    return value[:, 1:2] if where else value


@pytest.mark.parametrize("kind", ["timm", "transformers"])
def test_a_rerun_equals_a_run_with_all_edits(kind):
    vit = vl.load(timm_model("CLS") if kind == "timm" else hf_model(), preprocessing=NEUTRAL)
    first = [E.Add("resid_pre", 1, 0.5, token=3), E.Zero("z", 0, head=1)]
    then = [E.Scale("resid_pre", 1, 2.0, token=3), E.KnockOut(2, query=0, key=[1, 2])]
    base = edited(vit, *first)
    again, whole = base.rerun(then, keep=["q"]), edited(vit, *first, *then, keep=["q"])
    assert torch.equal(again.logits, whole.logits)
    assert torch.equal(again.states, whole.states)
    for site in SITES:
        for layer in range(3):
            torch.testing.assert_close(again[site, layer], whole[site, layer], rtol=0, atol=1e-6)
    assert again.edits == whole.edits == (*first, *then)


def test_one_edit_can_be_made_twice():
    vit = vl.load(timm_model("CLS"))
    twice = E.Scale("resid_pre", 1, 3.0)
    again, whole = edited(vit, twice).rerun([twice]), edited(vit, twice, twice)
    assert torch.equal(again.logits, whole.logits)
    once = edited(vit, twice)
    torch.testing.assert_close(whole.states[1], once.states[1] * 3)


def test_a_rerun_can_drop_more_tokens():
    vit = vl.load(timm_model("CLS"))
    base = edited(vit, E.DropTokens(4), E.Add("resid_pre", 0, 1.0, token=7))
    again = base.rerun([E.DropTokens([9, 10]), E.Zero("mlp_out", 2)])
    whole = edited(vit, *again.edits)
    assert again.tokens.tolist() == whole.tokens.tolist()
    torch.testing.assert_close(again.logits, whole.logits, rtol=0, atol=1e-5)


def test_a_rerun_starts_at_the_first_edited_block(monkeypatch):
    vit = vl.load(timm_model("CLS"))
    base, ran, run_block = untouched(vit), [], vit.adapter.run_block

    def counted(layer, state):
        ran.append(layer)
        return run_block(layer, state)

    monkeypatch.setattr(vit.adapter, "run_block", counted)
    base.rerun([E.Zero("z", 2, head=0), E.Zero("mlp_out", 1)])
    assert ran == [1, 2]


def test_only_edited_layers_leave_the_fast_attention_path():
    vit = vl.load(timm_model("CLS"))
    trace = edited(vit, E.KnockOut(1, query=0, key=3))
    assert {layer for site, layer in trace.kept if site == "pattern"} == {1}


def test_an_edit_that_changes_nothing_changes_nothing():
    vit = vl.load(timm_model("four registers and layer scale"))
    base = untouched(vit)
    for site in SITES:
        trace = edited(vit, E.Scale(site, range(3), 1.0))
        torch.testing.assert_close(trace.logits, base.logits, rtol=0, atol=1e-5)


MISFITS = [
    lambda _: E.Zero("zz", 0),
    lambda _: E.Zero("z", 3),
    lambda _: E.Zero("z", 0, head=4),
    lambda _: E.Zero("z", 0, token=16),
    lambda _: E.Zero("z", 0, token=[]),
    lambda _: E.Zero("z", 0, token=1.5),
    lambda _: E.Zero("z", 0, query=1),
    lambda _: E.Zero("attn_out", 0, head=1),
    lambda _: E.Zero("z", 0, head=np.ones(3, bool)),
    lambda _: E.Zero("z", 0, token=np.ones((5, 3), bool)),
    lambda _: E.Add("attn_out", 0, torch.zeros(47)),
    lambda _: E.Replace("z", 0, torch.zeros(3, 1, 1, 1), head=0),
    lambda _: E.Replace("mlp_post", 0, torch.zeros(193)),
    lambda _: E.Zero(0, "z"),
    lambda _: E.Zero("blocks.0.attn.hook_z", 0),
    lambda _: E.Zero("attn_out", 0, head=1),
    lambda _: E.Zero("z", -1),
    lambda _: E.Scale("z", 0, "0.5"),
    lambda _: E.Scale("z", 0, torch.ones(5)),
    lambda _: E.Add("z", 0, None),
    lambda _: E.Replace("z", 0, "cat"),
    lambda _: E.KnockOut(0, query=1),
    lambda _: E.DropTokens(0),
    lambda v: E.DropTokens(v.layout.patches),
    lambda _: "zero",
    lambda v: E.Replace("z", 0, untouched(vl.load(v.model))),
    lambda v: E.Replace("z", 0, edited(v, E.DropTokens(3))),
]


def assert_refused_before_the_model_runs(vit, edits):
    ran = []
    handle = vit.model.register_forward_pre_hook(lambda *_: ran.append(1))
    with refused(vl.UsageError):
        edited(vit, *edits)
    handle.remove()
    assert not ran
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in vit.model.modules()
    )


@pytest.mark.parametrize("make", MISFITS)
def test_an_edit_that_does_not_fit_is_refused_before_the_model_runs(make):
    vit = vl.load(timm_model("CLS"))
    assert_refused_before_the_model_runs(vit, [make(vit)])


def test_knock_outs_that_together_leave_no_key_are_refused():
    vit = vl.load(timm_model("CLS"))
    halves = [E.KnockOut(1, query=0, key=slice(0, 8)), E.KnockOut(1, query=0, key=slice(8, 16))]
    assert_refused_before_the_model_runs(vit, halves)


def test_scores_that_leave_a_query_no_key_are_refused():
    vit = vl.load(timm_model("CLS"))
    none = E.Replace("attn_scores", 1, torch.tensor(-torch.inf), query=3)
    with refused(vl.UsageError):
        edited(vit, none)


@pytest.mark.parametrize("site", ["z", "mlp_post", "pattern"])
def test_branches_side_by_side_are_refused_before_the_model_runs(site):
    words = {"img_size": (32, 48), "depth": 2, "embed_dim": 48, "num_heads": 4, "num_classes": 5}
    vit = vl.load(shaken(timm.create_model("vit_small_patch16_18x2_224", **words)))
    assert_refused_before_the_model_runs(vit, [E.Zero(site, 1)])
    assert edited(vit, E.Scale("attn_out", 1, 0.5)).logits.isfinite().all()


def test_heads_that_share_keys_are_edited_alike_or_refused_before_the_model_runs():
    words = {"img_size": (32, 48), "depth": 2, "num_classes": 5, "embed_dim": 64, "num_heads": 4}
    vit = vl.load(
        shaken(timm.create_model("vit_base_patch16_sapiens2", num_kv_heads=(4, 2), **words))
    )
    base = untouched(vit)
    state = torch.random.get_rng_state()
    assert_refused_before_the_model_runs(vit, [E.Zero("k", 1, head=0)])
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.testing.assert_close(
        edited(vit, E.Zero("k", 1, head=0), E.Zero("k", 1, head=1)).logits,
        edited(vit, E.Zero("k", 1, head=[0, 1])).logits,
    )
    assert not torch.equal(edited(vit, E.Zero("v", 1, head=[2, 3])).logits, base.logits)


@pytest.mark.parametrize("words", [{"when": "later"}, {"renormalise": True}])
def test_a_knock_out_that_contradicts_itself_is_refused(words):
    with refused(vl.UsageError):
        E.KnockOut(0, query=1, key=2, **words)


def test_edits_say_what_they_do():
    assert repr(E.Zero("z", 3, head=2)) == "Zero(site='z', layer=3, head=2)"
    add = E.Add("attn_out", 1, torch.zeros(2, 48), token=slice(1, 4))
    said = "Add(site='attn_out', layer=1, token=slice(1, 4, None), vector=Tensor[2, 48])"
    assert repr(add) == said
    vit = vl.load(timm_model("CLS"))
    assert "edited by Zero(site='z', layer=0, head=1)" in repr(edited(vit, E.Zero("z", 0, head=1)))
