"""The search for the few edges that keep an answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.titles import title_of
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import circuit, edge_attribution_patching, edge_patching
from vitlens_widgets.analysis.circuits.finding import Finding
from vitlens_widgets.analysis.circuits.runs import CircuitRuns
from vitlens_widgets.analysis.circuits.search import CircuitSearch
from vitlens_widgets.world.network import AttentionBlock


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS", block_fn=AttentionBlock, depth=2))


def two_runs(vit):
    return [vit.trace(pixels_for(vit.image_size, 2, seed), preprocessed=True) for seed in (1, 2)]


@pytest.fixture(scope="module")
def runs(vit):
    return two_runs(vit)


@pytest.fixture(scope="module")
def scores(runs):
    return edge_attribution_patching(*runs, differ, method="eap-ig", steps=3)


@pytest.fixture(scope="module")
def search(runs):
    return CircuitSearch(vl.analysis.circuits.pairs.pairs(*runs, differ))


def differ(logits):
    return logits[:, 3] - logits[:, 7]


def share_of(runs, edges, ablation="corrupted"):
    """By single runs, pair by pair."""
    search = CircuitRuns(*runs, ablation)
    whole = search.graph.allowed
    found, full, none = (
        differ(search.logits(one[None])[0]).double().mean().item()
        for one in (edges, whole, np.zeros_like(whole))
    )
    return (found - none) / (full - none)


MODELS = {
    "CLS": lambda: timm_model("CLS", block_fn=AttentionBlock, depth=2),
    "distillation": lambda: timm_model("distillation", block_fn=AttentionBlock, depth=2),
    "MLPs": lambda: timm_model("mean of patches, norm before", depth=2),
}


@pytest.mark.parametrize("ablation", ["corrupted", "mean", "zero"])
@pytest.mark.parametrize("special", MODELS)
def test_a_greedy_circuit_keeps_the_share_and_needs_every_edge(special, ablation):
    runs = two_runs(vl.load(MODELS[special]()))
    found = circuit(*runs, differ, scores="eap", ablation=ablation, n_random=3, keep=0.7)
    assert found.share == pytest.approx(share_of(runs, found.edges, ablation), rel=1e-4, abs=1e-4)
    assert abs(1 - found.share) <= 0.3
    assert found.finished
    assert found.minimal
    others = found.graph.allowed & ~found.edges
    without = share_of(runs, found.graph.pruned(others), ablation)
    assert found.without == pytest.approx(without, rel=1e-4, abs=1e-4)
    for reader, sender in np.argwhere(found.edges):
        left = found.graph.pruned(found.edges & ~found.graph.mask([(reader, sender)]))
        share = share_of(runs, left, ablation)
        assert found.needed[reader, sender] == pytest.approx(
            found.share - share, rel=1e-4, abs=1e-4
        )
        assert abs(1 - share) > 0.3
    assert (found.graph.pruned(found.edges) == found.edges).all()
    assert found.size == found.edges.sum() == len(found.table())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), ablation=st.sampled_from(["corrupted", "mean", "zero"]))
def test_what_is_lost_without_edges_is_lost_without_their_dead_ends(runs, seed, ablation):
    search = CircuitSearch(vl.analysis.circuits.pairs.pairs(*runs, differ), ablation)
    generator, graph = np.random.default_rng(seed), search.graph
    tried = search.tried([graph.allowed & (generator.random(graph.allowed.shape) < 0.4)])[0]
    edges = generator.permutation(np.argwhere(tried.edges))[:9]
    groups = [edges[:3], edges[3:4], edges[4:]]
    lost = search.losses(tried, groups)
    for found, group in zip(lost, groups, strict=True):
        left = graph.pruned(tried.edges & ~graph.mask(group))
        assert found == pytest.approx(tried.share - share_of(runs, left, ablation), abs=1e-4)


def test_by_threshold_it_is_the_first_edges_of_the_ranking(runs, scores):
    found = circuit(*runs, differ, scores=scores, method="threshold", n_random=0)
    ranked, graph = scores.ranked(), scores.graph
    passing = [
        size
        for size in range(1, len(ranked) + 1)
        if (graph.pruned(graph.mask(ranked[:size])) == found.edges).all()
    ]
    assert passing
    assert abs(1 - found.share) <= 0.2
    before = graph.pruned(graph.mask(ranked[: passing[0] - 1]))
    assert abs(1 - share_of(runs, before)) > 0.2
    assert found.curves[0].asked[-1] == graph.n_edges
    assert found.curves[0].shares[-1] == pytest.approx(1)


def test_edges_are_run_from_the_block_in_which_they_read(runs):
    search = CircuitRuns(*runs)
    base = search.graph.allowed
    changed = [base & ~search.graph.mask([edge]) for edge in search.graph.edges[::7]]
    found, expected = (search.logits(np.stack(changed), base=one) for one in (base, None))
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 48) | st.integers(1, 3), seed=st.integers(0, 10**6))
@example(size=2, seed=11)  # the one edge comes first, to which no path adds a single one
def test_random_paths_have_just_so_many_edges_and_no_dead_ends(search, size, seed):
    size = min(size, search.graph.n_edges)
    edges = search._paths(size, np.random.default_rng(seed))
    assert edges.sum() == size
    assert (search.graph.pruned(edges) == edges).all()


def test_what_was_measured_of_a_circuit_stays_until_it_changes(runs, scores):
    finding = Finding(vl.analysis.circuits.pairs.pairs(*runs, differ), scores, 0.8)
    steps = finding.by_rank()
    while not (finding.found and finding.found.size):
        next(steps)
    finding.measure(3, needed=False)
    known = finding.circuit()
    finding.measure(0, needed=False)
    assert len(known.random) == 3
    assert (finding.circuit().random == known.random).all()
    *_, _last = steps
    assert finding.circuit().size > known.size
    finding.measure(0, needed=False)
    assert len(finding.circuit().random) == 0


def test_several_traces_are_a_data_set_of_pairs(vit, runs, scores):
    apart = [
        [
            vit.trace(pixels_for(vit.image_size, 2, seed)[i : i + 1], preprocessed=True)
            for i in (0, 1)
        ]
        for seed in (1, 2)
    ]
    words = {"scores": scores, "method": "threshold", "n_random": 2}
    together, found = (circuit(*given, differ, **words) for given in (runs, apart))
    assert (found.edges == together.edges).all()
    assert found.share == pytest.approx(together.share, abs=1e-5)
    assert found.random == pytest.approx(together.random, abs=1e-5)
    assert found.answers == pytest.approx(together.answers, abs=1e-4)


def test_a_mean_is_that_of_all_corrupted_images_whatever_traces_they_are_in(vit):
    pixels = [pixels_for(vit.image_size, 3, seed) for seed in (1, 2)]
    parts = slice(0, 1), slice(1, 3)
    runs = [vit.trace(one, preprocessed=True) for one in pixels]
    apart = [[vit.trace(one[i], preprocessed=True) for i in parts] for one in pixels]
    generator = np.random.default_rng(4)
    searches = [
        CircuitSearch(vl.analysis.circuits.pairs.pairs(*given, differ), "mean")
        for given in (runs, apart)
    ]
    some = generator.random((3, *searches[0].graph.allowed.shape)) < 0.5
    expected, found = (search.metric(some & search.graph.allowed) for search in searches)
    assert found == pytest.approx(expected, abs=1e-5)


def test_answers_of_a_double_model_are_double():
    vit = vl.load(timm_model("CLS", depth=2).double())
    pixels = [pixels_for(vit.image_size, 1, seed).double() for seed in (1, 2)]
    clean, corrupted = (vit.trace(one, preprocessed=True) for one in pixels)
    runs = CircuitRuns(clean, corrupted)
    found = runs.logits(runs.graph.allowed[None])[0]
    assert (found - clean.logits).abs().max() <= 1e-11 * clean.logits.abs().max()


def test_an_interrupt_keeps_what_is_done(runs, scores, monkeypatch):
    greedy = CircuitSearch.greedy

    def stopped(self, *given):
        for i, step in enumerate(greedy(self, *given)):
            if i == 1:
                raise KeyboardInterrupt
            yield step

    monkeypatch.setattr(CircuitSearch, "greedy", stopped)
    found = circuit(*runs, differ, scores=scores)
    assert not found.finished
    assert len(found.curves[1].tried) == 1
    assert found.share == pytest.approx(share_of(runs, found.edges), abs=1e-5)
    assert "stopped" in found.summary()


@pytest.mark.parametrize(("step", "known"), [("tried", []), ("random", [1]), ("losses", [1, 2])])
def test_an_interrupt_after_the_search_keeps_the_circuit(runs, scores, monkeypatch, step, known):
    words = {"scores": scores, "method": "threshold", "n_random": 2}
    whole, own, n_asked = circuit(*runs, differ, **words), getattr(CircuitSearch, step), [0]

    def stopped(self, given, *rest):
        """Of circuits that are tried, the one without the circuit's own edges is the last."""
        others = step == "tried" and (given[0] == (whole.graph.allowed & ~whole.edges)).all()
        if others or step != "tried":
            n_asked[0] += 1
            raise KeyboardInterrupt
        return own(self, given, *rest)

    monkeypatch.setattr(CircuitSearch, step, stopped)
    found = circuit(*runs, differ, **words)
    assert n_asked == [1]
    assert (found.edges == whole.edges).all()
    assert not found.finished
    assert np.isnan(found.needed).all()
    assert np.isnan(found.without) == (1 not in known)
    assert len(found.random) == (2 if 2 in known else 0)
    assert "stopped" in found.summary()
    assert ("without them" in found.summary()) == (1 in known)
    assert len(found.table()) == found.size


def test_its_tables_figure_and_words(runs, scores):
    found = circuit(*runs, differ, scores=scores, n_random=2)
    sizes = found.table("sizes")
    assert set(sizes.circuits) == {"by scores", "least needed removed"}
    assert title_of(found.figure()) == f"Share of the gap by size: {found.title}"
    said = found.summary()
    assert f"{found.size} of {found.graph.n_edges} edges" in said
    assert "its answers, of 2" in said
    assert set(found.nodes) <= set(found.graph.senders)
    with refused(vl.UsageError):
        found.table("curves")


def test_what_is_asked_wrongly_is_refused(runs):
    few = edge_patching(*runs, differ, edges=[("embedding", "logits")])
    for words in (
        {"keep": 1},
        {"keep": "80 %"},
        {"method": "best"},
        {"ablation": "noise"},
        {"scores": "atp"},
        {"scores": few},
        {"n_random": -1},
        {"seed": 0.5},
    ):
        with refused(vl.UsageError):
            circuit(*runs, differ, **words)
    with refused(vl.UsageError):
        circuit(runs[0], runs[0], 3)


def test_a_mean_of_one_image_or_of_other_tokens_is_refused(vit):
    pixels = [pixels_for(vit.image_size, 1, seed) for seed in (1, 2)]
    one, other = (vit.trace(image, preprocessed=True) for image in pixels)
    fewer = [run.rerun([vl.edits.DropTokens([3])]) for run in (one, other)]
    for clean, corrupted in ((one, other), ([one, fewer[0]], [other, fewer[1]])):
        with refused(vl.UsageError):
            circuit(clean, corrupted, differ, ablation="mean", scores="eap")
