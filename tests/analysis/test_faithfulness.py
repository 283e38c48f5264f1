"""What given edges keep, on any pairs, against plain loops in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import vitlens_widgets as vl
from tests.analysis import circuit_oracle as oracle
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import circuit, faithfulness
from vitlens_widgets.world.network import AttentionBlock


def traced(vit, n_images, seed):
    return vit.trace(pixels_for(vit.image_size, n_images, seed), preprocessed=True)


def differ(logits):
    return logits[:, 3] - logits[:, 7]


def in_numpy(model, clean, corrupted, edges, ablation):
    """The answers of a circuit `(sender, reader)`, `[pair, class]`: each edge by itself."""
    found = []
    written = [oracle.sent(model, one.double().numpy()) for one in corrupted.states[0]]
    mean = {name: np.mean([one[name] for one in written], axis=0) for name in written[0]}
    for image, state in enumerate(clean.states[0].double().numpy()):
        zero = {name: np.zeros_like(state) for name in mean}
        ablated = {"corrupted": written[image], "mean": mean, "zero": zero}[ablation]
        final = oracle.final_state(model, state, ablated, set(edges))
        found.append(oracle.logits(clean.vit, final))
    return np.stack(found)


EDGES = {
    "CLS": [
        ("embedding", "L0 H2 v"),
        ("L0 H2", "L1 H1 v"),
        ("L0 H2", "L1 MLP"),
        ("L1 H1", "logits"),
        ("L1 MLP", "logits"),
        ("embedding", "logits"),
    ],
    "four registers and layer scale": [("embedding", "L1 H3 q"), ("L1 H3", "logits")],
}


@pytest.mark.parametrize("ablation", ["corrupted", "mean", "zero"])
@pytest.mark.parametrize("kind", EDGES)
def test_own_edges_keep_what_a_plain_loop_says(kind, ablation):
    model = timm_model(kind, depth=2)
    vit = vl.load(model)
    clean, corrupted = traced(vit, 3, 1), traced(vit, 3, 2)
    found = faithfulness(clean, corrupted, differ, EDGES[kind], ablation=ablation, n_random=2)
    graph = found.graph
    every = {(graph.senders[s], graph.readers[r]) for r, s in graph.edges}
    others = graph.pruned(graph.allowed & ~found.edges)
    rest = [(graph.senders[s], graph.readers[r]) for r, s in np.argwhere(others)]
    runs = {
        "clean": every,
        "ablated": (),
        "kept": EDGES[kind],
        "without": rest,
    }
    said = {
        name: differ(in_numpy(model, clean, corrupted, edges, ablation))
        for name, edges in runs.items()
    }
    mine = {
        "clean": found.gap.clean,
        "ablated": found.gap.corrupted,
        "kept": found.kept,
        "without": found.without,
    }
    for name, values in mine.items():
        np.testing.assert_allclose(values, said[name], rtol=1e-4, atol=1e-4, err_msg=name)
    gap = said["clean"].mean() - said["ablated"].mean()
    expected = (said["kept"].mean() - said["ablated"].mean()) / gap
    assert float(found.share.mean) == pytest.approx(expected, abs=1e-3)
    answers = in_numpy(model, clean, corrupted, EDGES[kind], ablation)
    np.testing.assert_allclose(found.answers, answers, rtol=1e-4, atol=1e-4)
    same = answers.argmax(1) == clean.logits.numpy().argmax(1)
    assert found.same_answer.tolist() == same.tolist()
    assert len(found.random) == 2


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS", block_fn=AttentionBlock, depth=2))


def test_the_interval_of_a_share_is_that_of_a_ratio(vit):
    clean, corrupted = traced(vit, 9, 1), traced(vit, 9, 2)
    every = [("embedding", "logits"), ("embedding", "L0 H1 v"), ("L0 H1", "logits")]
    found = faithfulness(clean, corrupted, differ, every, n_random=0)
    change, gap = found.kept - found.gap.corrupted, found.gap.clean - found.gap.corrupted
    ratio = change.mean() / gap.mean()
    half = stats.sem((change - ratio * gap) / gap.mean()) * stats.t.ppf(0.975, 8)
    assert float(found.share.mean) == pytest.approx(ratio)
    assert float(found.share.half) == pytest.approx(half)
    assert f"share kept: {ratio:.3f} ± {half:.3f}" in found.summary()
    table = found.table()
    assert table["share"].tolist() == pytest.approx((change / gap).tolist(), nan_ok=True)
    assert len(table) == 9
    figure = found.figure()
    assert figure.x_range.factors == [str(pair) for pair in range(9)]  # as they were given
    drawn = {one.glyph.marker: one.data_source.data["value"].tolist() for one in figure.renderers}
    of = found.gap.clean, found.kept, found.without, found.gap.corrupted
    assert list(drawn.values()) == [one.tolist() for one in of]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 4))
def test_traces_one_after_the_other_are_one_data_set(vit, seed, cut):
    """Also: all edges keep all, and a mask says the same as the names."""
    whole = [traced(vit, 5, 1), traced(vit, 5, 2)]
    pixels = [pixels_for(vit.image_size, 5, one) for one in (1, 2)]
    parts = [
        [vit.trace(one[some], preprocessed=True) for some in (slice(0, cut), slice(cut, 5))]
        for one in pixels
    ]
    graph = vl.analysis.circuits.graph.Graph.of(vit)
    generator = np.random.default_rng(seed)
    edges = graph.allowed & (generator.random(graph.allowed.shape) < 0.6)
    if not graph.pruned(edges).any():
        return
    names = [(graph.senders[s], graph.readers[r]) for r, s in np.argwhere(edges)]
    one = faithfulness(*whole, differ, edges, n_random=0)
    other = faithfulness(*parts, differ, names, n_random=0)
    np.testing.assert_allclose(one.kept, other.kept, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one.without, other.without, rtol=1e-4, atol=1e-5)
    assert (one.edges == other.edges).all()
    full = faithfulness(*whole, differ, graph.allowed, n_random=0)
    assert float(full.share.mean) == pytest.approx(1)
    assert full.same_answer.all()


def test_a_circuit_is_judged_on_other_pairs(vit):
    runs, others = ([traced(vit, 2, seed + more) for seed in (1, 2)] for more in (0, 10))
    found = circuit(*runs, differ, scores="eap", n_random=2, ablation="mean", seed=4)
    again = found.on(*runs, differ, n_random=2, seed=4)
    assert float(again.share.mean) == pytest.approx(found.share, abs=1e-5)
    assert float(again.share_without.mean) == pytest.approx(found.without, abs=1e-4)
    np.testing.assert_allclose(again.random, found.random, atol=1e-5)
    np.testing.assert_allclose(again.answers, found.answers, rtol=1e-4, atol=1e-5)
    elsewhere = found.on(*others, differ, n_random=0)
    alone = faithfulness(*others, differ, found.edges, ablation="mean", n_random=0)
    assert elsewhere.kept.tolist() == alone.kept.tolist()
    assert elsewhere.kept.tolist() != again.kept.tolist()
    assert "mean values outside" in elsewhere.title


def test_what_is_asked_wrongly_is_refused(vit):
    runs = [traced(vit, 1, seed) for seed in (1, 2)]
    whole = vl.analysis.circuits.graph.Graph.of(vit).allowed
    for edges in (
        [],
        7,
        ["embedding"],
        [("embedding", "L9 H1 q")],
        [("L1 H1", "L0 H1 q")],
        [("embedding", "L1 H1 q")],  # leads nowhere
        whole[:-1],
        ~whole,
        whole.astype(int),
        np.zeros_like(whole),
    ):
        with refused(vl.UsageError):
            faithfulness(*runs, differ, edges)
    for words in ({"ablation": "none"}, {"n_random": -1}, {"seed": "x"}, {"ablation": "mean"}):
        with refused(vl.UsageError):
            faithfulness(*runs, differ, [("embedding", "logits")], **words)
    larger = [
        vl.load(timm_model("CLS", block_fn=AttentionBlock)).trace(
            pixels_for(vit.image_size, 1, seed), preprocessed=True
        )
        for seed in (1, 2)
    ]
    found = circuit(*runs, differ, scores="eap", method="threshold", n_random=0)
    with refused(vl.UsageError):
        found.on(*larger, differ)
