"""Runs in which every reader has an input of its own, edge by edge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis import circuit_oracle as oracle
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from tests.zoo_sweep import small_hf
from vitlens_widgets.analysis import edge_attribution_patching
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.runs import CircuitRuns
from vitlens_widgets.world.network import AttentionBlock

MODELS = {
    "CLS": lambda: timm_model("CLS"),
    "mean of patches": lambda: timm_model("mean of patches, norm before"),
    "distillation": lambda: timm_model("distillation"),
    "four registers and layer scale": lambda: timm_model("four registers and layer scale"),
    "qk-norm": lambda: timm_model("qk-norm"),
    "no MLP": lambda: timm_model("CLS", block_fn=AttentionBlock),
}


def pair(vit, n_images=2):
    return [
        vit.trace(pixels_for(vit.image_size, n_images, seed), preprocessed=True) for seed in (1, 2)
    ]


def some_edges(graph, n, seed=0, share=0.5):
    chosen = np.random.default_rng(seed).random((n, *graph.allowed.shape)) < share
    return chosen & graph.allowed


def near(found, expected):
    return float(abs(found - expected).max() / abs(expected).max())


def test_vit_b16_has_the_published_number_of_edges():
    graph = Graph(12, 12)
    assert (graph.n_senders, graph.n_readers, graph.n_edges) == (157, 445, 32491)
    large = Graph(24, 16)
    assert (large.n_senders, large.n_edges) == (409, 231877)


@pytest.mark.parametrize("special", MODELS)
def test_any_circuit_is_what_plain_loops_make_of_it(special):
    vit = vl.load(MODELS[special]())
    clean, corrupted = pair(vit)
    runs = CircuitRuns(clean, corrupted)
    graph = runs.graph
    keep = some_edges(graph, 3)
    found = runs.logits(keep).numpy()
    for circuit, image in ((0, 0), (1, 1), (2, 0)):
        kept = {
            (graph.senders[sender], graph.readers[reader])
            for reader, sender in np.argwhere(keep[circuit])
        }
        ablated = oracle.sent(vit.model, corrupted.states[0, image].double().numpy())
        entering = clean.states[0, image].double().numpy()
        expected = oracle.logits(vit, oracle.final_state(vit.model, entering, ablated, kept))
        assert near(found[circuit, image], expected) < 1e-5


EVERY = {
    **MODELS,
    "side by side": lambda: timm_model("CLS", block_fn=_scaling()),
    "transformers": hf_model,
    **{
        kind: (lambda kind=kind: shaken(small_hf.small(kind)))
        for kind in ("Dinov2WithRegistersForImageClassification", "DINOv3ViTBackbone")
        if kind in small_hf.KINDS
    },
}


def _scaling():
    from timm.models.vision_transformer import ParallelScalingBlock

    return ParallelScalingBlock


@pytest.mark.parametrize("special", EVERY)
@pytest.mark.filterwarnings("ignore:No image processor")
def test_all_edges_are_the_clean_run_and_none_the_corrupted_one(special):
    vit = vl.load(EVERY[special]())
    if not vit.adapter.has_classifier:
        vit = vl.load(vit.model, classifier=(torch.eye(5, vit.adapter.n_features), None))
    clean, corrupted = pair(vit)
    runs = CircuitRuns(clean, corrupted)
    whole = runs.graph.allowed
    full, none = runs.logits(np.stack([whole, np.zeros_like(whole)]))
    assert near(full, clean.logits) < 2e-6
    assert near(none, corrupted.logits) < 2e-6


def test_a_mean_and_zeros_stand_in_for_the_corrupted_run():
    vit = vl.load(timm_model("CLS"))
    clean, corrupted = pair(vit)
    none = np.zeros_like(Graph.of(vit).allowed)[None]
    sent = [oracle.sent(vit.model, corrupted.states[0, image].double().numpy()) for image in (0, 1)]
    mean = {name: (sent[0][name] + sent[1][name]) / 2 for name in sent[0]}
    zero = {name: np.zeros_like(value) for name, value in mean.items()}
    entering = clean.states[0, 0].double().numpy()
    keep = some_edges(Graph.of(vit), 1)
    for ablation, ablated in (("mean", mean), ("zero", zero)):
        runs = CircuitRuns(clean, corrupted, ablation)
        for edges in (none, keep):
            kept = {
                (runs.graph.senders[s], runs.graph.readers[r]) for r, s in np.argwhere(edges[0])
            }
            expected = oracle.final_state(vit.model, entering, ablated, kept)
            assert near(runs.logits(edges)[0, 0].numpy(), oracle.logits(vit, expected)) < 1e-5


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.02, 0.5))
def test_dead_ends_change_nothing(seed, share):
    runs = small_runs()
    keep = some_edges(runs.graph, 1, seed, share)
    pruned = runs.graph.pruned(keep[0])
    assert not (pruned & ~keep[0]).any()
    assert (runs.graph.pruned(pruned) == pruned).all()
    both = runs.logits(np.stack([keep[0], pruned]))
    assert near(both[1], both[0]) < 1e-5


_made = []


def small_runs():
    if not _made:
        _made.append(CircuitRuns(*pair(vl.load(timm_model("CLS")), 1)))
    return _made[0]


def test_many_circuits_at_once_are_each_by_itself(monkeypatch):
    runs = CircuitRuns(*pair(vl.load(timm_model("CLS")), 3))
    keep = some_edges(runs.graph, 4)
    together = runs.logits(keep)
    monkeypatch.setattr("vitlens_widgets.analysis.circuits.runs._BYTES", 1)
    assert near(runs.logits(keep), together) < 1e-6


def test_heads_that_do_not_add_up_are_refused():
    vit = vl.load(timm_model("scaled attention and MLP norms"))
    with refused(vl.UnsupportedModelError):
        CircuitRuns(*pair(vit))


def test_a_block_whose_branches_run_side_by_side_is_refused():
    from timm.models.vision_transformer import ParallelThingsBlock

    vit = vl.load(timm_model("CLS", block_fn=ParallelThingsBlock))
    with refused(vl.UsageError):
        CircuitRuns(*pair(vit))


def test_pairs_that_do_not_match_are_refused():
    vit = vl.load(timm_model("CLS"))
    clean, corrupted = pair(vit)
    other = vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size, 1)
    for a, b, metric in (
        (clean, "cat", 0),
        ([clean, clean], corrupted, 0),
        (clean, other.trace(pixels_for(vit.image_size), preprocessed=True), 0),
        (clean, vit.trace(pixels, preprocessed=True), 0),
        (clean, vit.trace(pixels_for(vit.image_size), preprocessed=True, grad=True), 0),
        (clean, clean.rerun([vl.edits.Zero("z", 1, head=0)]), 0),
        (clean, corrupted, vl.analysis.metrics.rank(0)),
    ):
        with refused(vl.UsageError):
            edge_attribution_patching(a, b, metric)
