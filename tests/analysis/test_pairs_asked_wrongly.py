"""What makes no sense to ask of a pair is refused by every experiment on pairs, in one sentence."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import experiments
from vitlens_widgets.analysis.circuits.graph import Graph

PAIRS = [name for name, one in experiments.items() if one.takes == "pair"]
MORE = {"faithfulness": {"edges": [("embedding", "logits")]}}
BY_GRADIENT = {
    "attribution_patching": [{}, {"integrate": "inputs"}, {"integrate": "activations"}],
    "edge_attribution_patching": [{}, {"method": "eap-ig"}, {"method": "eap-ig-activations"}],
    "circuit": [{}],
}


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS", depth=2))


@pytest.fixture(scope="module")
def runs(vit):
    return [vit.trace(pixels_for(vit.image_size, 1, seed), preprocessed=True) for seed in (1, 2)]


def asked(name, clean, corrupted, metric, **words):
    return experiments[name].function(clean, corrupted, metric, **MORE.get(name, {}), **words)


def test_all_are_asked():
    assert {*PAIRS} >= {*MORE} | {*BY_GRADIENT}
    assert len(PAIRS) >= 6


@pytest.mark.parametrize("name", PAIRS)
def test_runs_and_metrics_that_cannot_be_compared(vit, runs, name):
    clean, corrupted = runs
    linear = torch.nn.Linear(vit.width, 4)
    twins = [
        vl.load(vit.model, classifier=linear, image_size=vit.image_size),
        vl.load(timm_model("CLS", depth=2)),
    ]
    pixels = pixels_for(vit.image_size, 1, 2)
    two = vit.trace(pixels_for(vit.image_size, 2, 3), preprocessed=True)
    for wrong in (clean, two, *(one.trace(pixels, preprocessed=True) for one in twins)):
        with refused(vl.UsageError):
            asked(name, clean, wrong, 3)
    for metric in ((3, 3), ("class 3", 3), 99, None, lambda logits: logits[:, 3] / 0):
        with refused(vl.UsageError):
            asked(name, clean, corrupted, metric)


@pytest.mark.parametrize("name", BY_GRADIENT)
def test_a_metric_without_a_gradient_has_no_estimate(runs, name):
    def is_first(logits):
        return (logits.argmax(-1) == 3).float()

    for words in BY_GRADIENT[name]:
        with refused(vl.UsageError):
            asked(name, *runs, is_first, **words)


def test_nothing_is_no_place_and_no_edge(runs):
    for places in ([], [[]]):
        with refused(vl.UsageError):
            asked("activation_patching", *runs, 3, places=places)
    for edges in ([], ["embedding"], [("embedding",)]):
        with refused(vl.UsageError):
            asked("edge_patching", *runs, 3, edges=edges)
    for several in ([], [runs[0]]):
        with refused(vl.UsageError):
            asked("edge_patching", several, [], 3)


def test_a_twin_of_a_trace_is_named_as_such(vit, runs):
    twin = vl.load(vit.model, classifier=torch.nn.Linear(vit.width, 4), image_size=vit.image_size)
    answered = runs[1].answered_by(twin)
    for name in ("activation_patching", "edge_patching"):
        with pytest.raises(vl.UsageError, match="with another classifier"):
            asked(name, runs[0], answered, 3)
    assert Graph.of(vit) == Graph.of(twin)
