"""What each edge carries: gradient scores, and edges exchanged for real."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis import circuit_oracle as oracle
from tests.analysis.test_circuit_runs import near
from tests.analysis.titles import title_of
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import (
    activation_patching,
    circuit,
    edge_attribution_patching,
    edge_patching,
    metrics,
)
from vitlens_widgets.analysis.circuits.edge_gradients import EdgeGradients
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.runs import CircuitRuns


def traced(vit, n_images=1, dtype=torch.float32):
    return [
        vit.trace(pixels_for(vit.image_size, n_images, seed).to(dtype), preprocessed=True)
        for seed in (1, 2)
    ]


def differ(logits):
    return logits[:, 3] - logits[:, 7]


@pytest.mark.parametrize("special", ["four registers and layer scale", "qk-norm"])
def test_scores_are_finite_differences_along_single_edges(special):
    vit = vl.load(timm_model(special).double())
    clean, corrupted = traced(vit, 2, torch.float64)
    found = edge_attribution_patching(clean, corrupted, differ)
    graph = found.graph
    kept = {(graph.senders[s], graph.readers[r]) for r, s in graph.edges}
    state = corrupted.states[0, 1].numpy()
    ablated = oracle.sent(vit.model, state)
    of_clean = oracle.sent(vit.model, clean.states[0, 1].numpy())
    for edge in (
        ("embedding", "L0 H2 q"),
        ("L0 H1", "L0 MLP"),
        ("L0 MLP", "L2 H3 k"),
        ("L1 H0", "L2 H1 v"),
        ("L2 MLP", "logits"),
        ("embedding", "L2 MLP"),
    ):
        moved = of_clean[edge[0]] - ablated[edge[0]]
        ends = [
            answer(vit, oracle.final_state(vit.model, state, ablated, kept, put={edge: value}))
            for value in (ablated[edge[0]] + 1e-4 * moved, ablated[edge[0]] - 1e-4 * moved)
        ]
        expected = (ends[0] - ends[1]) / 2e-4
        assert found.effects[1][graph.edge(*edge)] == pytest.approx(expected, rel=1e-4, abs=1e-7)


def answer(vit, state):
    with torch.no_grad():
        return differ(vit.adapter.readout_logits(torch.from_numpy(state)[None])).item()


@pytest.mark.parametrize("name", ["toy/attn-only-1l", "toy/attn-mlp-2l"])
def test_edges_exchanged_one_by_one_on_embedded_models(name):
    vit = vl.load(name)
    clean, corrupted = (vit.trace(vl.world.scene(seed, objects=2).image) for seed in (3, 5))
    metric = ("cat", "dog")
    index = [vit.labels.index(one) for one in metric]
    gained = edge_patching(clean, corrupted, metric)
    graph = gained.graph
    kept = {(graph.senders[s], graph.readers[r]) for r, s in graph.edges}
    sent = [oracle.sent(vit.model, run.states[0, 0].double().numpy()) for run in (clean, corrupted)]
    chosen = np.random.default_rng(0).permutation(graph.edges)[:12]
    lost = edge_patching(clean, corrupted, metric, edges=named(graph, chosen), how="noising")

    def asked(entering, put):
        state = oracle.final_state(vit.model, entering, sent[1], kept, put=put)
        logits = oracle.logits(vit, state)
        return logits[index[0]] - logits[index[1]]

    gap = gained.of_clean - gained.of_corrupted
    for reader, sender in chosen:
        edge = (graph.senders[sender], graph.readers[reader])
        into_corrupted = asked(sent[1]["embedding"], {edge: sent[0][edge[0]]})
        into_clean = asked(sent[0]["embedding"], {edge: sent[1][edge[0]]})
        found = gained.effects[0, reader, sender], lost.effects[0, reader, sender]
        expected = (into_corrupted - gained.of_corrupted[0], lost.of_clean[0] - into_clean)
        assert found == pytest.approx(expected, abs=2e-5 * abs(gap).max())
    assert np.isnan(lost.mean).sum() == graph.n_edges - 12
    assert len(lost.table()) == 12


def test_some_edges_at_a_time_are_all_of_them_and_an_interrupt_keeps_what_is_done(monkeypatch):
    runs = [traced(vl.load(timm_model("CLS", depth=2)))] * 2
    clean, corrupted = ([pair[side] for pair in runs] for side in (0, 1))
    graph = Graph.of(clean[0].vit)
    edges = graph.edges[::5]
    names = named(graph, edges)
    whole = edge_patching(clean, corrupted, differ, edges=names)
    logits, asked = CircuitRuns.logits, []

    def counted(self, keep, *rest, **words):
        if len(asked) == stop:
            raise KeyboardInterrupt
        asked.append(len(keep))
        return logits(self, keep, *rest, **words)

    monkeypatch.setattr(CircuitRuns, "logits", counted)
    monkeypatch.setattr("vitlens_widgets.analysis.circuits.edges._EDGES", 5)
    stop = -1
    parts = edge_patching(clean, corrupted, differ, edges=names)
    assert max(asked) == 5
    np.testing.assert_allclose(parts.effects, whole.effects, atol=1e-6)
    stop = len(asked) + 5  # within the third part
    stopped = edge_patching(clean, corrupted, differ, edges=names)
    known = ~np.isnan(stopped.mean[edges[:, 0], edges[:, 1]])
    assert known.sum() == 10 == len(stopped.table())
    assert known[:10].all()
    assert f"stopped after 10 of {len(edges)}" in stopped.title
    stop = len(asked)
    with pytest.raises(KeyboardInterrupt):
        edge_patching(clean, corrupted, differ, edges=names)


def test_one_run_on_the_way_lives_at_a_time(monkeypatch):
    given, alive = [], []
    scores = EdgeGradients.scores

    def watched(self, at, path):
        value = path.edits[0].by
        gc.collect()
        alive.append(sum(one() is not None for one in given))
        given.append(weakref.ref(value))
        return scores(self, at, path)

    monkeypatch.setattr(EdgeGradients, "scores", watched)
    runs = traced(vl.load(timm_model("CLS", depth=2)))
    edge_attribution_patching(*runs, differ, method="eap-ig-activations", steps=3)
    assert len(given) == 15
    assert max(alive) <= 1


def named(graph, edges):
    return [(graph.senders[sender], graph.readers[reader]) for reader, sender in edges]


def test_the_clean_runs_gradient_is_the_other_ones_with_the_two_exchanged():
    vit = vl.load(timm_model("CLS"))
    a, b = traced(vit, 2)
    there = edge_attribution_patching(a, b, differ, how="noising").effects
    back = edge_attribution_patching(b, a, differ).effects
    assert near(there, -back) < 1e-6


def test_a_batch_is_its_images_one_by_one():
    vit = vl.load(timm_model("mean of patches, norm before"))
    pixels = [pixels_for(vit.image_size, 2, seed) for seed in (1, 2)]
    both = edge_attribution_patching(*traced(vit, 2), differ, method="eap-ig", steps=2)
    runs = [
        [vit.trace(of_run[i : i + 1], preprocessed=True) for i in range(2)] for of_run in pixels
    ]
    apart = edge_attribution_patching(*runs, differ, method="eap-ig", steps=2)
    assert near(both.effects, apart.effects) < 1e-5
    assert both.of_clean == pytest.approx(apart.of_clean, rel=1e-5)


def test_several_traces_have_a_class_for_each_image_of_all():
    vit = vl.load(timm_model("CLS", depth=2))
    pixels = [pixels_for(vit.image_size, 3, seed) for seed in (1, 2)]
    parts = slice(0, 1), slice(1, 3)
    runs = [[vit.trace(one[i], preprocessed=True) for i in parts] for one in pixels]
    metric = metrics.logit_difference([3, 7, 1], [0, 2, 4])
    found = edge_attribution_patching(*runs, metric)
    together = [vit.trace(one, preprocessed=True) for one in pixels]
    assert near(found.effects, edge_attribution_patching(*together, metric).effects) < 1e-5
    assert found.metric.name == "logit difference of each image's class - each image's class"
    with refused(vl.UsageError):
        edge_attribution_patching(*runs, metrics.logit([3, 7]))


def test_a_gap_is_divided_by_by_one_rule():
    """A thousandth of the larger answers of a function, in patching and in circuits."""
    clean, corrupted = traced(vl.load(timm_model("CLS", depth=2)))
    ends = [run.logits.double().mean().item() for run in (clean, corrupted)]
    for share, enough in ((0.5e-3, False), (2e-3, True)):
        size = abs(ends[0] - ends[1]) / share

        def metric(logits, size=size):
            return logits.double().mean(1) + size

        found = edge_attribution_patching(clean, corrupted, metric)
        patched = activation_patching(clean, corrupted, metric, site="attn_out", by="layer")
        assert ("too small to divide by" in found.summary()) != enough
        assert patched.gap.is_enough.all() == enough
        if enough:
            assert circuit(clean, corrupted, metric, scores=found, n_random=0).size
        else:
            with refused(vl.UsageError):
                circuit(clean, corrupted, metric, scores=found)


def test_integrated_along_inputs_the_embeddings_edges_carry_the_whole_gap():
    clean, corrupted = traced(vl.load(timm_model("CLS")), 2)
    found = edge_attribution_patching(clean, corrupted, differ, method="eap-ig", steps=15)
    gap = found.of_clean - found.of_corrupted
    assert found.effects.sum(1)[:, 0] == pytest.approx(gap, rel=1e-3)


def test_integrated_along_activations_a_places_edges_carry_what_exchanging_it_does():
    vit = vl.load(timm_model("four registers and layer scale"))
    clean, corrupted = traced(vit, 2)
    found = edge_attribution_patching(
        clean, corrupted, differ, method="eap-ig-activations", steps=12
    )
    by_sender, graph = found.effects.sum(1), found.graph
    places = {("resid_pre", 0): by_sender[:, 0]}
    for layer in range(3):
        places["z", layer] = by_sender[:, graph.heads(layer)].sum(1)
        places["mlp_out", layer] = by_sender[:, graph.mlp(layer)]
    for (site, layer), effect in places.items():
        run = corrupted.rerun([vl.edits.Replace(site, layer, clean)])
        exact = (differ(run.logits) - differ(corrupted.logits)).numpy()
        assert effect == pytest.approx(exact, rel=2e-3, abs=1e-5)


def test_the_largest_stand_first_and_shares_are_of_the_gap():
    found = edge_attribution_patching(*traced(vl.load(timm_model("CLS")), 2), differ)
    table = found.table()
    assert len(table) == found.graph.n_edges
    assert table.effect.abs().is_monotonic_decreasing
    gap = found.of_clean.mean() - found.of_corrupted.mean()
    assert table.share.to_numpy() == pytest.approx(table.effect.to_numpy() / gap)
    assert f"a gap of {gap:+.3g}" in found.summary()
    with refused(vl.UsageError):
        found.table(0)


def test_cells_say_their_share_and_where_there_is_no_edge_there_is_no_cell():
    found = edge_attribution_patching(*traced(vl.load(timm_model("CLS")), 2), differ)
    (cells,) = {one.data_source for one in found.figure().renderers}
    rows = zip(*(cells.data[x] for x in ("from", "to", "share of all")), strict=True)
    shown = {(one, other): share for one, other, share in rows}
    expected: dict[tuple[str, str], float] = {}
    for reader, sender in found.graph.edges:
        ends = found.graph.senders[sender].split()[0], found.graph.readers[reader].split()[0]
        expected[ends] = expected.get(ends, 0) + abs(found.mean[reader, sender])
    whole = sum(expected.values())
    assert shown == pytest.approx({ends: size / whole for ends, size in expected.items()})
    assert ("L1", "L0") not in shown
    assert "share of all effects' sizes" in title_of(found.figure())


def test_what_is_asked_wrongly_is_refused():
    clean, corrupted = traced(vl.load(timm_model("CLS")))
    for words in (
        {"method": "ig"},
        {"how": "both"},
        {"steps": 50},
        {"steps": 0, "method": "eap-ig"},
        {"method": "eap-ig", "how": "noising"},
        {"method": "eap-ig-activations", "how": "noising"},
    ):
        with refused(vl.UsageError):
            edge_attribution_patching(clean, corrupted, 3, **words)
    with refused(vl.UsageError):
        edge_attribution_patching(clean, corrupted, metrics.kl(), how="noising")
    assert edge_attribution_patching(clean, corrupted, metrics.kl()).effects.any()
    for edge in (("L1 H0", "L0 H1 q"), ("L9 H0", "logits"), ("L0 H0", "L1 H1")):
        with refused(vl.UsageError):
            edge_patching(clean, corrupted, 3, edges=[edge])
