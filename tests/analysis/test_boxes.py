"""Box plots' numbers against the definitions, value by value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import (
    MODELS,
    examples,
    pixels_of,
    place,
    readout_logits,
    run_one,
    token_logits,
)
from vitlens_widgets.analysis.boxes import boxes_of, boxes_of_counts, boxes_of_ranks

NAMES = ("low", "lower", "median", "upper", "high")


def by_hand(values):
    """The five numbers of a list."""
    values = sorted(values)
    lower, median, upper = (
        np.quantile(values, q, method="inverted_cdf") for q in (0.25, 0.5, 0.75)
    )
    reach = 1.5 * (upper - lower)
    within = [v for v in values if lower - reach - 1e-9 <= v <= upper + reach + 1e-9]
    return [within[0], lower, median, upper, within[-1]]


@given(st.lists(st.integers(0, 11), min_size=1, max_size=60))
def test_boxes_are_those_of_the_values_themselves(ranks):
    scores = [1 - rank / 12 for rank in ranks]
    counts = np.bincount(ranks, minlength=12)
    found = boxes_of_ranks(counts)
    assert [getattr(found, name) for name in NAMES] == pytest.approx(by_hand(scores))
    listed = boxes_of(np.array([scores, scores]))
    for i in range(2):
        assert [getattr(listed, name)[i] for name in NAMES] == pytest.approx(by_hand(scores))


def test_a_value_far_off_is_beyond_the_whisker():
    found = boxes_of(np.array([5.0, 1, 1, 2, 2, 2, 3, 3, 100]))
    assert [float(getattr(found, name)) for name in NAMES] == [1, 2, 2, 3, 3]


def test_nothing_has_no_box():
    found = boxes_of_counts(np.array([[0, 0, 0], [0, 2, 0]]), np.array([1.0, 2, 3]))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(found, name), [np.nan, 2])


@pytest.mark.parametrize("name", ["CLS", "mean of patches", "registers and layer scale"])
def test_ranks_are_counted_token_by_token_whatever_the_batches(name):
    vit = vl.load(MODELS[name]())
    data, n, prefix = examples(vit), len(vit.labels), vit.layout.n_prefix
    expected = {name: np.zeros((vit.n_layers + 1, n), int) for name in ("image_tokens", "readout")}
    for i, pixels in enumerate(pixels_of(vit, data)):
        for k, state in enumerate(run_one(vit.model, pixels).states):
            for logits in token_logits(vit.model, state)[prefix:]:
                expected["image_tokens"][k, place(logits, data[i].label)] += 1
            readout = readout_logits(vit.model, state)
            expected["readout"][k, place(readout, data[i].label)] += 1
    found = vl.analysis.identifiability(vit, data, batch_size=2)
    cut = vl.analysis.attention_perturbation(vit, data, kinds=["self_only"], batch_size=3)
    for which, counts in expected.items():
        np.testing.assert_array_equal(found.counts[which], counts)
    np.testing.assert_array_equal(cut.counts["unperturbed"], expected["image_tokens"])
    assert cut.counts["self_only"].sum() == (vit.n_layers + 1) * 5 * vit.layout.n_tokens
    scores = 1 - np.arange(n) / n
    for which, measure in (("image_tokens", "score"), ("readout", "readout_score")):
        mean = found.counts[which] @ scores / found.counts[which].sum(1)
        np.testing.assert_allclose(mean, found.mean(measure).mean)


def test_results_have_the_boxes_of_what_they_count():
    vit = vl.load(MODELS["CLS"]())
    data, baseline = examples(vit), vl.untrained(vit)
    found = vl.analysis.class_and_context(vit, data, remove=False)
    for label, box in found.boxes.items():
        np.testing.assert_array_equal(box.median, found.quantile(label))
    values = vl.analysis.class_value_agreement(vit, baseline=baseline)
    assert list(values.boxes) == ["attention", "MLP", "attention, baseline", "MLP, baseline"]
    for kind, best in values.best.items():
        expected = [by_hand(scores)[2] for scores in best.score.tolist()]
        np.testing.assert_allclose(values.boxes[kind].median, expected)
    perturbed = vl.analysis.attention_perturbation(vit, data).boxes
    assert list(perturbed) == ["unperturbed", "self_only", "no_cls"]
