"""First-order estimates of what exchanging values does, with the mends of AtP*."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import attribution_patching, edge_attribution_patching
from vitlens_widgets.analysis.circuits.nodes import estimates_at
from vitlens_widgets.world.network import AttentionBlock


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS", depth=3).double())


@pytest.fixture(scope="module")
def runs(vit):
    return [
        vit.trace(pixels_for(vit.image_size, 2, seed).double(), preprocessed=True)
        for seed in (1, 2)
    ]


def differ(logits):
    return logits[:, 3] - logits[:, 7]


def changed(run, edit):
    """What an edit changes in the metric, `[image]`."""
    return (differ(run.rerun([edit]).logits) - differ(run.logits)).numpy()


def onward(base, other, site, layer, share, **place):
    """An edit that puts in a share of the way to the other run's values."""
    value = base[site, layer].lerp(other[site, layer], share)
    if "head" in place:
        value = value[:, :, [place["head"]]]
    if "token" in place:
        value = value[:, [place["token"]]]
    return vl.edits.Replace(site, layer, value, **place)


PLACES = {
    "resid_pre": (("layer", "token"), (1, 4), {"token": 4}),
    "z": (("layer", "head"), (2, 1), {"head": 1}),
    "v": (("head", "layer"), (3, 0), {"head": 3}),
    "q": (("layer", "head"), (1, 2), {"head": 2}),
    "k": (("layer", "head"), (0, 2), {"head": 2}),
    "attn_out": (("layer",), (1,), {}),
    "mlp_out": (("layer", "token"), (2, 0), {"token": 0}),
}


@pytest.mark.parametrize("how", ["denoising", "noising"])
@pytest.mark.parametrize("site", PLACES)
def test_an_estimate_is_the_derivative_of_exchanging(runs, site, how):
    by, at, place = PLACES[site]
    found = attribution_patching(*runs, differ, site=site, by=by, how=how)
    base, other = runs[::-1] if how == "denoising" else runs
    layer = at[by.index("layer")]
    ends = [changed(base, onward(base, other, site, layer, h, **place)) for h in (1e-4, -1e-4)]
    own = differ(base.logits).numpy()
    estimate = found.metric[(slice(None), *at)] - own
    assert estimate == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-5, abs=1e-9)
    assert found.axes == by


def test_of_a_model_without_anything_that_bends_estimates_are_exact():
    """Values of the last block's heads reach the logits linearly where nothing is normed."""
    model = timm_model("CLS", block_fn=AttentionBlock, depth=2)
    model.norm = torch.nn.Identity()
    vit = vl.load(model.double())
    clean, corrupted = (
        vit.trace(pixels_for(vit.image_size, 2, seed).double(), preprocessed=True)
        for seed in (1, 2)
    )
    found = attribution_patching(clean, corrupted, differ)
    for head in range(4):
        exact = vl.edits.Replace("z", 1, clean, head=head)
        estimate = found.metric[:, 1, head] - differ(corrupted.logits).numpy()
        assert estimate == pytest.approx(changed(corrupted, exact), rel=1e-9, abs=1e-12)


def test_neurons_and_patterns_are_estimated_place_by_place(vit, runs):
    clean, corrupted = runs
    neurons = attribution_patching(*runs, differ, site="mlp_post", by=("layer", "neuron"))
    whole = attribution_patching(*runs, differ, site="mlp_out", by="layer")
    own = differ(corrupted.logits).numpy()[:, None]
    assert neurons.metric.shape == (2, 3, 192)
    sums = (neurons.metric - own[..., None]).sum(-1)
    assert sums == pytest.approx(whole.metric - own, rel=1e-6)  # the MLP's end is linear
    patterns = attribution_patching(*runs, differ, site="pattern", by=("layer", "head", "query"))
    n_tokens = vit.adapter.layout().n_tokens
    assert patterns.metric.shape == (2, 3, 4, n_tokens)
    half = corrupted.attention(2).lerp(clean.attention(2), 1e-4)[:, [1]]
    edit = vl.edits.Replace("pattern", 2, half, head=1)
    estimate = (patterns.metric[:, 2, 1] - own).sum(-1)
    assert estimate == pytest.approx(changed(corrupted, edit) / 1e-4, rel=1e-2, abs=1e-7)


def test_a_heads_edges_sum_to_its_own_score():
    vit = vl.load(timm_model("four registers and layer scale"))
    clean, corrupted = (
        vit.trace(pixels_for(vit.image_size, 2, seed), preprocessed=True) for seed in (1, 2)
    )
    own = differ(corrupted.logits).numpy()
    for words in ({}, {"steps": 3}):
        method = {"method": "eap-ig"} if words else {}
        integrate = {"integrate": "inputs"} if words else {}
        edges = edge_attribution_patching(clean, corrupted, differ, **method, **words)
        by_sender = edges.effects.sum(1)
        heads = attribution_patching(clean, corrupted, differ, **integrate, **words)
        mlps = attribution_patching(
            clean, corrupted, differ, site="mlp_out", by="layer", **integrate, **words
        )
        for layer in range(3):
            of_heads = by_sender[:, edges.graph.heads(layer)]
            assert of_heads == pytest.approx(heads.metric[:, layer] - own[:, None], abs=2e-5)
            of_mlp = by_sender[:, edges.graph.mlp(layer)]
            assert of_mlp == pytest.approx(mlps.metric[:, layer] - own, abs=2e-5)


@pytest.mark.parametrize("site", ["q", "k"])
def test_the_softmax_is_computed_anew(vit, runs, site):
    clean, corrupted = runs
    both = attribution_patching(*runs, differ, site=site, mends="softmax")
    single = attribution_patching(
        *runs, differ, site=site, by=("layer", "head", "token"), mends="softmax"
    )
    run = corrupted.rerun([], keep=["pattern"], grad=True, first=0)
    slopes = torch.autograd.grad(differ(run.logits).sum(), [run["pattern", k] for k in range(3)])
    own = differ(corrupted.logits).numpy()
    layer, head = 1, 2
    exact = vit.adapter.exact_scores

    def estimated(token):
        parts = {one: corrupted[one, layer].clone() for one in ("q", "k")}
        parts[site][:, token] = clean[site, layer][:, token]
        moved = exact(layer, **parts).softmax(-1) - corrupted.attention(layer)
        return (moved * slopes[layer])[:, head].sum((1, 2)).numpy()

    for token in (0, 7):
        assert single.metric[:, layer, head, token] - own == pytest.approx(estimated([token]))
    every = estimated(range(len(corrupted.tokens)))
    assert both.metric[:, layer, head] - own == pytest.approx(every)


def test_grad_drop_is_the_mean_size_without_each_other_block(vit, runs):
    clean, corrupted = runs
    found = attribution_patching(*runs, differ, site="z", mends="grad_drop")
    plain = attribution_patching(*runs, differ, site="z")
    own = differ(corrupted.logits).numpy()
    sizes = np.zeros((2, 3, 4))
    for dropped in range(3):
        seen, state = {}, corrupted.states[0].clone()
        for k, block in enumerate(vit.model.blocks):
            z = corrupted["z", k].clone().requires_grad_()
            seen[k] = z
            hook = block.attn.proj.register_forward_pre_hook(
                lambda _module, args, z=z: (z.flatten(2) + 0 * args[0],)
            )
            # z itself stays on the path: what it was made of, and its own leaf
            attended = block.attn(block.norm1(state))
            hook.remove()
            attended = block.attn(block.norm1(state)) + attended - attended.detach()
            attended = attended.detach() if k == dropped else attended
            middle = state + attended
            added = block.mlp(block.norm2(middle))
            state = middle + (added.detach() if k == dropped else added)
        metric = differ(vit.adapter.readout_logits(state)).sum()
        for k, z in seen.items():
            slope = torch.autograd.grad(metric, z, retain_graph=True, allow_unused=True)[0]
            if slope is not None:
                moved = (clean["z", k] - corrupted["z", k]) * slope
                sizes[:, k] += moved.sum((1, 3)).abs().numpy()
    estimate = found.metric - own[:, None, None]
    assert abs(estimate) == pytest.approx(sizes / 2, rel=1e-6)
    assert (np.sign(estimate) == np.sign(plain.metric - own[:, None, None])).all()


def test_integrated_along_the_site_it_is_what_exchanging_the_whole_site_does(runs):
    clean, corrupted = runs
    found = attribution_patching(
        *runs, differ, site="attn_out", by="layer", integrate="activations", steps=12
    )
    for layer in range(3):
        exact = changed(corrupted, vl.edits.Replace("attn_out", layer, clean))
        estimate = found.metric[:, layer] - differ(corrupted.logits).numpy()
        assert estimate == pytest.approx(exact, rel=1e-3)


def test_integrated_along_inputs_it_is_the_mean_gradient_of_a_plain_loop(vit, runs):
    clean, corrupted = runs
    model = vit.model

    def written(state):
        """What each MLP adds when the blocks run on a state, and the metric."""
        added = []
        for block in model.blocks:
            middle = state + block.attn(block.norm1(state))
            added.append(block.mlp(block.norm2(middle)))
            state = middle + added[-1]
        return added, differ(model.forward_head(model.norm(state)))

    ends = [run.states[0] for run in (corrupted, clean)]
    before, after = (written(end)[0] for end in ends)
    expected = np.zeros((2, vit.n_layers))
    for share in (1 / 8, 3 / 8, 5 / 8, 7 / 8):
        added, metric = written(ends[0].lerp(ends[1], share).requires_grad_())
        for layer, slope in enumerate(torch.autograd.grad(metric.sum(), added)):
            moved = after[layer] - before[layer]
            expected[:, layer] += (moved * slope).sum((1, 2)).detach().numpy() / 4
    words = {"site": "mlp_out", "by": "layer", "integrate": "inputs", "steps": 4}
    found = attribution_patching(*runs, differ, **words)
    assert differ(corrupted.logits).numpy()[:, None] + expected == pytest.approx(found.metric)
    assert abs(expected).min() > 1e-4


def test_what_does_not_go_together_is_refused(runs):
    for words in (
        {"mends": "softmax"},
        {"mends": "atp"},
        {"mends": 3},
        {"mends": "grad_drop", "integrate": "inputs"},
        {"integrate": "path"},
        {"steps": 50},
        {"steps": 0, "integrate": "inputs"},
        {"by": "head"},
    ):
        with refused(vl.UsageError):
            attribution_patching(*runs, differ, **words)
    with refused(vl.UsageError):
        attribution_patching(*runs, vl.analysis.metrics.rank(3))
    with refused(vl.UsageError):
        estimates_at(*runs, vl.analysis.metrics.rank(3), {"z": ("layer", "head")})
    with refused(vl.UsageError):
        estimates_at(*runs, differ, {"z": ("layer", "head"), "elsewhere": "layer"})
    short = vl.load(timm_model("CLS", depth=1))
    two = [short.trace(pixels_for(short.image_size, 1, k), preprocessed=True) for k in (1, 2)]
    with refused(vl.UsageError):
        attribution_patching(*two, 3, mends="grad_drop")


@pytest.mark.parametrize("how", ["denoising", "noising"])
@pytest.mark.parametrize("name", ["CLS", "four registers and layer scale", "mean of patches"])
def test_several_sites_at_once_are_those_one_by_one(name, how, monkeypatch):
    vit = vl.load(timm_model(name, depth=3).double())
    pixels = (pixels_for(vit.image_size, 2, seed).double() for seed in (4, 5))
    runs = [vit.trace(one, preprocessed=True) for one in pixels]
    sites = {
        "pattern": ("layer", "head"),
        "mlp_out": "layer",
        "resid_pre": ("token", "layer"),
        "k": ("layer", "head", "token"),
    }
    apart = {
        site: attribution_patching(*runs, differ, site=site, by=by, how=how)
        for site, by in sites.items()
    }
    passes, grad = [], torch.autograd.grad
    blocks, run_block = [], vit.adapter.run_block
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or grad(*a, **k))
    monkeypatch.setattr(vit.adapter, "run_block", lambda *a: blocks.append(1) or run_block(*a))
    found = estimates_at(*runs, differ, sites, how)
    assert len(passes) == 1
    # of the gradient; and of the other run, for "mlp_out" with "k", and for the pattern
    assert len(blocks) == vit.n_layers * (1 + 2)
    assert [*found] == [*sites]
    for site, one in found.items():
        assert one.axes == apart[site].axes
        np.testing.assert_allclose(one.metric, apart[site].metric, rtol=1e-10, atol=1e-12)


def test_the_clean_runs_gradient_of_a_distance_from_it_is_refused(runs):
    kl = vl.analysis.metrics.kl()
    with refused(vl.UsageError):
        attribution_patching(*runs, kl, how="noising")
    along = attribution_patching(*runs, kl, how="noising", integrate="inputs", steps=2)
    assert abs(along.metric).max() > 1e-6
