"""Probabilities are of the model's own kind: one class among all, or each class yes or no."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.analysis.relevance.methods import METHODS
from vitlens_widgets.lenses.difference import divergence
from vitlens_widgets.models.classifier import CosineClassifier


def multi_label():
    return hf_model(problem_type="multi_label_classification")


def one_logit():
    return timm_model("CLS", num_classes=1)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (hf_model, "softmax"),
        (lambda: hf_model(problem_type="single_label_classification"), "softmax"),
        (multi_label, "sigmoid"),
        (one_logit, "sigmoid"),
        (lambda: timm_model("CLS"), "softmax"),
        (lambda: hf_model(id2label={0: "yes"}, label2id={"yes": 0}), "sigmoid"),
    ],
)
@pytest.mark.filterwarnings("ignore:No image processor")
def test_the_kind_is_the_models_own(model, kind):
    assert vl.load(model()).probabilities == kind


@pytest.mark.filterwarnings("ignore:No image processor")
def test_the_user_may_say_the_kind_and_a_given_classifier_brings_its_own():
    assert vl.load(timm_model("CLS"), probabilities="sigmoid").probabilities == "sigmoid"
    assert vl.load(multi_label(), probabilities="softmax").probabilities == "softmax"
    head = torch.nn.Linear(48, 3)
    assert vl.load(multi_label(), classifier=head).probabilities == "softmax"
    with refused(vl.UsageError):
        vl.load(timm_model("CLS"), probabilities="logistic")


@pytest.mark.filterwarnings("ignore:No image processor")
def test_a_regression_is_no_classifier():
    model = hf_model(problem_type="regression")
    with refused(vl.UnsupportedModelError):
        vl.load(model)
    assert vl.load(model, probabilities="sigmoid").probabilities == "sigmoid"
    assert not len(vl.load(model.base_model).labels)


def binary(p):
    return -(p * np.log(p) + (1 - p) * np.log1p(-p))


@pytest.mark.parametrize("model", [multi_label, one_logit])
@pytest.mark.filterwarnings("ignore:No image processor")
def test_a_reading_of_yes_and_no_is_what_numpy_says(model):
    vit = vl.load(model())
    reading = vl.LogitLens(vit).read(vit.trace(pixels_for((48, 80)), preprocessed=True))
    logits = np.stack([reading.logits(k).double() for k in range(reading.n_states)])
    p = 1 / (1 + np.exp(-logits))
    k = min(3, len(vit.labels))
    top = reading.top(k)
    best = -np.sort(-p, axis=-1)[..., :k]
    np.testing.assert_allclose(top.probability, best, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(p, top.index.numpy(), -1), best, atol=1e-12)
    np.testing.assert_allclose(reading.probability(0), p[..., 0], atol=1e-6)
    np.testing.assert_allclose(reading.entropy(), binary(p).sum(-1), atol=1e-5)
    q, of = p, p[-1]
    apart = of * np.log(of / q) + (1 - of) * np.log((1 - of) / (1 - q))
    np.testing.assert_allclose(reading.kl_to_final(), apart.sum(-1), atol=1e-5)
    np.testing.assert_allclose(divergence(reading, reading), 0, atol=1e-6)
    with refused(vl.UsageError):
        reading.logsumexp()
    assert "sigmoid" in reading.table(target=0).attrs["title"]


@pytest.mark.parametrize("model", [multi_label, one_logit])
@pytest.mark.filterwarnings("ignore:No image processor")
def test_all_that_says_a_probability_says_it_by_sigmoid(model):
    vit = vl.load(model())
    trace = vit.trace(pixels_for((48, 80), 1), preprocessed=True)
    p = trace.logits[0].sigmoid().numpy()
    found = vl.analysis.relevance(trace, 0)
    curves = vl.analysis.removal_curves(trace, found, n_points=2)
    np.testing.assert_allclose(curves.probability["positive"][0, 0], p[0], atol=1e-5)
    maps = vl.RelevanceMaps(trace, 0)
    np.testing.assert_allclose(np.frombuffer(maps._probability, "<f4"), p, atol=1e-6)
    assert maps._meta["probability_kind"] == "sigmoid"
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace), target=0)
    assert grid._meta["probabilities"] == "sigmoid"
    assert not grid._logsumexp
    assert grid.still()
    assert maps.still()
    assert METHODS["class_embedding"](trace, torch.tensor([0])).tokens.abs().max() > 0


@pytest.mark.filterwarnings("ignore:No image processor")
def test_the_surprise_at_a_truth_is_that_of_its_own_yes():
    vit = vl.load(multi_label())
    reading = vl.LogitLens(vit).read(vit.trace(pixels_for((48, 80), 1), preprocessed=True))
    found = vl.analysis.convergence(reading, truth=[[1, 2]])
    p = reading.readout.logits(reading.n_states - 1)[0].double().sigmoid()
    either = 1 - (1 - p[1]) * (1 - p[2])
    assert found.values["kl_to_truth"][-1, 0] == pytest.approx(-float(either.log()))


def test_siglips_prompts_are_each_a_yes_or_a_no():
    directions = torch.eye(3)
    assert CosineClassifier(directions, torch.tensor(10.0)).kind == "softmax"
    offset = torch.tensor(-5.0)
    assert CosineClassifier(directions, torch.tensor(10.0), offset).kind == "sigmoid"
