"""Where a model's classes are each a yes or a no, figures and tables say that it is a sigmoid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import heads
from vitlens_widgets.models.probabilities import word_of

WORDS = {"softmax": "probability", "sigmoid": "probability (sigmoid)"}


@pytest.fixture(scope="module", params=WORDS)
def traced(request):
    vit = vl.load(timm_model("CLS"), probabilities=request.param)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    own = {"softmax": trace.logits.softmax(-1), "sigmoid": torch.sigmoid(trace.logits)}
    return trace, own[request.param], WORDS[request.param]


def test_the_word_has_one_place():
    assert {kind: word_of(kind) for kind in WORDS} == WORDS


def test_removal_curves(traced):
    trace, own, word = traced
    relevance = vl.analysis.relevance(trace, 3, method="rollout")
    found = vl.analysis.removal_curves(trace, relevance, n_points=2, n_random=1)
    table = found.table(1)
    assert np.isclose(table[f"{word}, negative"][0], own[1, 3].item(), rtol=1e-5)
    columns = [name for name in table if "probability" in name]
    assert columns == [f"{word}, {kind}" for kind in ("negative", "positive", "random")]
    assert found.figure().yaxis[0].axis_label == f"{word} of {trace.vit.labels[3]}"
    assert found.summary().splitlines()[0].endswith(f": mean {word}")


def test_over_states(traced):
    trace, _, word = traced
    plot = vl.analysis.over_states.probability(vl.LogitLens(trace.vit).read(trace), target=3)
    assert plot.yaxis[0].axis_label == word


def test_what_a_head_reads(traced):
    trace, _, word = traced
    reading = vl.LogitLens(trace.vit).read(trace)
    table = heads.read_keys(trace, reading, 1, 0, 0)
    assert [name for name in table if "probability" in name] == [word]
    expected = reading.top(1).probability[1, 0, table["key"].to_numpy(), 0]
    np.testing.assert_allclose(table[word], expected, rtol=1e-6)
