"""Every statistic against loops, on random asymmetric patterns, and what must always hold."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.head_oracle import head_statistics, random_patterns, trace_with
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis.heads import shares
from vitlens_widgets.analysis.heads.measures import HeadMeasures, LayerSums
from vitlens_widgets.analysis.heads.places import Places

TOKENS = {
    "mean of patches": 15,
    "CLS": 16,
    "distillation": 14,
    "four registers and layer scale": 29,
}
"""Small models with 0, 1, 2 and 5 prefix tokens: how many tokens they have."""


def check(found, patterns, layout, tokens):
    """`patterns [layer, image, head, query, key]` against the oracle, head by head."""
    for layer in range(patterns.shape[0]):
        for head in range(patterns.shape[2]):
            expected = head_statistics(patterns[layer, :, head], layout, tokens)
            assert found.sinks[layer, head] == expected.pop("sink_position")
            assert set(expected) == set(found.names) - {"agreement"}
            for name, value in expected.items():
                assert found.values[name][layer, head] == pytest.approx(value, rel=2e-5), name


@pytest.mark.parametrize("special", TOKENS)
def test_each_statistic_is_what_its_loops_give(special):
    n = TOKENS[special]
    patterns = random_patterns(3, 2, 4, n, n)
    trace = trace_with(special, patterns)
    check(heads.statistics(trace), patterns, trace.layout, list(range(n)))
    check(heads.statistics(trace, 1), patterns[:, 1:], trace.layout, list(range(n)))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 5), st.sampled_from([0, 1, 5, 8]), st.integers(0, 2**32 - 1)
)
def test_what_pairs_count_is_found_for_any_queries_as_loops_find_it(rows, cols, n_prefix, seed):
    rng = np.random.default_rng(seed)
    layout = vl.TokenLayout(rows, cols, tuple(f"register {i}" for i in range(n_prefix)))
    every = layout.n_tokens
    for n in (every, int(rng.integers(1, every + 1))):  # all tokens, and some
        tokens = np.sort(rng.permutation(every)[:n])
        measures = HeadMeasures(Places(layout, torch.from_numpy(tokens)))
        first, last = sorted(rng.integers(0, n + 1, 2).tolist())
        found = measures._offsets_of(slice(first, last))
        assert found.shape == (len(shares.BY_OFFSET), last - first, n)
        for i, count in enumerate(shares.BY_OFFSET.values()):
            for q, k in itertools.product(range(first, last), range(n)):
                a, b = (int(tokens[at]) - n_prefix for at in (q, k))
                down, right = (
                    torch.tensor(b // cols - a // cols),
                    torch.tensor(b % cols - a % cols),
                )
                expected = float(count(down, right)) if min(a, b) >= 0 else 0.0
                assert found[i, q - first, k] == expected


def test_dropped_patches_are_in_no_statistic():
    patterns = random_patterns(3, 2, 4, 25, 25)
    trace = trace_with("four registers and layer scale", patterns, drop=(6, 11, 12, 28))
    assert len(trace.tokens) == 25
    check(heads.statistics(trace), patterns, trace.layout, trace.tokens.tolist())


def test_statistics_are_of_the_traces_own_patterns():
    vit = vl.load(timm_model("four registers and layer scale"))
    trace = vit.trace(pixels_for((56, 84)), preprocessed=True)
    own = np.stack([trace.attention(layer).numpy() for layer in range(3)])
    check(heads.statistics(trace), own, trace.layout, list(range(29)))


def test_half_precision_gives_the_statistics_of_its_patterns():
    vit = vl.load(timm_model("CLS").to(torch.bfloat16))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    own = np.stack([trace.attention(layer).float().numpy() for layer in range(3)])
    check(heads.statistics(trace), own, trace.layout, list(range(16)))


def test_statistics_of_absent_tokens_are_absent():
    names = {
        special: set(heads.statistics(trace_with(special, random_patterns(3, 1, 4, n, n))).names)
        for special, n in TOKENS.items()
    }
    assert not any(name in names["mean of patches"] for name in ("on_cls", "on_registers"))
    assert "on_cls" in names["CLS"]
    assert "on_registers" not in names["CLS"]
    assert {"on_cls", "on_distillation"} <= names["distillation"]
    assert {"on_cls", "on_registers"} <= names["four registers and layer scale"]


def measured(pattern, layout):
    """The statistics of one head's pattern `[query, key]` on any layout."""
    measures = HeadMeasures(heads.Places(layout, torch.arange(layout.n_tokens)))
    over_images = LayerSums(measures, 1, compared=False)
    over_images.see(torch.as_tensor(pattern, dtype=torch.float32)[None])
    return {name: float(value) for name, value in over_images.values().items()}, measures


layouts = st.builds(
    vl.TokenLayout,
    st.integers(1, 6),
    st.integers(2, 7),
    st.sampled_from([(), ("CLS",), ("CLS", "distillation"), ("CLS", "register 1", "register 2")]),
)


@given(layouts)
@settings(max_examples=40, deadline=None)
def test_uniform_attention_has_the_nulls(layout):
    n, patches = layout.n_tokens, layout.n_patches
    found, measures = measured(np.full((n, n), 1 / n), layout)
    assert found["entropy"] == pytest.approx(math.log(n), rel=1e-5)
    for name in ("on_itself", "largest_weight", "sink"):
        assert found[name] == pytest.approx(1 / n, rel=1e-5)
    if layout.prefix:
        assert found["on_cls"] == pytest.approx(1 / n, rel=1e-5)
    corners = len({(r, c) for r in (0, layout.rows - 1) for c in (0, layout.cols - 1)})
    assert found["corner"] == pytest.approx(corners / patches, rel=1e-5)
    assert found["row"] == pytest.approx((layout.cols - 1) / patches, rel=1e-5)
    assert found["column"] == pytest.approx((layout.rows - 1) / patches, abs=1e-6)
    nulls = measures.uniform
    assert set(nulls) == set(found) - {"sink_position"}
    for name, null in nulls.items():  # the nulls are exact, what is measured is in float32
        assert null == pytest.approx(found[name], rel=2e-5, abs=1e-7), name


@given(layouts)
@settings(max_examples=20, deadline=None)
def test_reading_only_oneself_is_distance_0_and_diagonal_1(layout):
    found, _ = measured(np.eye(layout.n_tokens), layout)
    assert found["on_itself"] == found["largest_weight"] == 1
    assert found["entropy"] == found["distance"] == 0
    assert found["row"] == found["column"] == found["neighbours"] == 0
    assert found["sink"] == pytest.approx(1 / layout.n_tokens)


@given(layouts, st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_mirroring_the_grid_changes_no_statistic_but_where_the_sink_is(layout, seed):
    pattern = random_patterns(layout.n_tokens, layout.n_tokens, seed=seed)
    grid = np.arange(layout.n_patches).reshape(layout.rows, layout.cols)[::-1, ::-1].ravel()
    order = [*range(layout.n_prefix), *(layout.n_prefix + grid)]
    plain, _ = measured(pattern, layout)
    mirrored, _ = measured(pattern[np.ix_(order, order)], layout)
    for name in set(plain) - {"sink_position"}:
        assert mirrored[name] == pytest.approx(plain[name], rel=1e-4, abs=1e-6), name
    assert order[int(mirrored["sink_position"])] == plain["sink_position"]


@given(layouts, st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_statistics_stay_within_their_ranges(layout, seed):
    n = layout.n_tokens
    found, _ = measured(random_patterns(n, n, seed=seed), layout)
    assert 0 <= found["entropy"] <= math.log(n) + 1e-5
    assert 0 <= found["distance"] <= math.hypot(layout.rows - 1, layout.cols - 1)
    assert 1 / n <= found["sink"] <= found["largest_weight"] + 1e-6 <= 1 + 1e-5
    assert 0 <= found["corner"] <= found["edge"] + 1e-6 <= 1 + 1e-5
    assert found["row"] + found["column"] <= 1 + 1e-5


def test_where_no_patch_reads_a_patch_their_shares_are_not_numbers():
    vit = vl.load(timm_model("CLS"))
    only_cls = vl.edits.KnockOut(1, query=vit.layout.patches, key=vit.layout.patches)
    trace = vit.trace(pixels_for((48, 80)), edits=[only_cls], preprocessed=True)
    found = heads.statistics(trace)
    assert np.isnan(found.values["distance"][1]).all()
    assert np.isfinite(found.values["distance"][[0, 2]]).all()
    assert np.isfinite(found.values["entropy"]).all()
    assert found.table().isna().any(axis=None)
    assert "distance" in repr(found)


@pytest.fixture(scope="module")
def found():
    return heads.statistics(trace_with("CLS", random_patterns(3, 2, 4, 16, 16)))


def test_the_table_has_a_row_per_head_and_sorts(found):
    table = found.table()
    assert len(table) == 12
    assert table["layer"].tolist() == [layer for layer in range(3) for _ in range(4)]
    assert table["head"].tolist() == [0, 1, 2, 3] * 3
    assert list(table)[2:-1] == found.names
    assert table["entropy"].tolist() == found.values["entropy"].ravel().tolist()
    falling = found.table(by="corner")["corner"].tolist()
    assert falling == sorted(falling, reverse=True)
    rising = found.table(by="corner", largest_first=False)
    assert rising["corner"].tolist() == sorted(falling)
    row = rising.to_dict("records")[0]
    assert found.values["corner"][row["layer"], row["head"]] == row["corner"]
    position = found.sinks[row["layer"], row["head"]]
    assert row["sink_token"] == found.places.layout.describe(int(position))


def test_every_statistic_says_what_it_is(found):
    assert found.names[:3] == ["entropy", "distance", "on_cls"]
    assert found.unit("entropy") == "nats"
    assert found.unit("distance") == "patches"
    for name in found.names:
        assert found.values[name].shape == found.shape == (3, 4)
        assert found.values[name].dtype == np.float64
        assert found.meaning(name)
        assert name in repr(found)
    assert len({line.index(" .. ") for line in repr(found).splitlines()[1:]}) == 1
    assert found.null("corner") == pytest.approx(4 / 15)
    np.testing.assert_allclose(found.ratio("corner"), found.values["corner"] * 15 / 4)


@pytest.mark.parametrize(
    "ask",
    [
        lambda f: f.unit("entrpy"),
        lambda f: f.table(by="on_registers"),
        lambda f: f.ratio("agreement"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(found, ask):
    with refused(vl.UsageError):
        ask(found)


def test_an_image_that_is_not_there_is_refused():
    trace = trace_with("CLS", random_patterns(3, 2, 4, 16, 16))
    with refused(vl.UsageError):
        heads.statistics(trace, 2)


def test_prefix_matching_says_why_it_is_not_there():
    with refused(vl.UsageError):
        heads.prefix_matching(None)


def test_an_interrupt_leaves_model_and_trace_as_they_were(monkeypatch):
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    expected = heads.statistics(trace)

    def interrupted(*_args, **_words):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vit.adapter, "score_parts", interrupted)
        with pytest.raises(KeyboardInterrupt):
            heads.statistics(trace)
    assert not any(module._forward_hooks for module in vit.model.modules())
    again = heads.statistics(trace)
    for name in expected.names:
        np.testing.assert_array_equal(again.values[name], expected.values[name])
