"""What is asked of an answer: against NumPy, and with gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax, softmax

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import metrics
from vitlens_widgets.analysis.metrics import bound

KINDS = ("softmax", "sigmoid")


@pytest.fixture(scope="module", params=KINDS)
def trace(request):
    vit = vl.load(timm_model("CLS"), probabilities=request.param)
    return vit.trace(pixels_for((48, 80)), preprocessed=True)


@pytest.fixture
def logits():
    return 3 * torch.randn(5, 11, generator=torch.Generator().manual_seed(2))


IMAGE = torch.tensor([1, 0, 0, 1, 1])


def kl_by_numpy(clean, logits, kind):
    if kind == "softmax":
        p, log_p = log_softmax(clean, -1), log_softmax(logits, -1)
        return (np.exp(p) * (p - log_p)).sum(-1)
    p, q = expit(clean), expit(logits)
    return (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).sum(-1)


def test_every_metric_is_that_of_numpy(trace, logits):
    x, of = logits.double().numpy(), IMAGE.numpy()
    target, other = np.array([3, 7])[of], np.array([5, 2])[of]
    at = np.arange(5)
    p = softmax(x, -1) if trace.vit.probabilities == "softmax" else expit(x)
    clean = trace.logits.double().numpy()[of]
    expected = [
        (metrics.logit([3, 7]), x[at, target]),
        (metrics.logit_difference([3, 7], [5, 2]), x[at, target] - x[at, other]),
        (metrics.probability([3, 7]), p[at, target]),
        (metrics.rank([3, 7]), 1 + (x > x[at, target][:, None]).sum(1)),
        (metrics.kl(), kl_by_numpy(clean, x, trace.vit.probabilities)),
        (lambda logits: logits.std(1), x.std(1, ddof=1)),
    ]
    for metric, numbers in expected:
        found = bound(metric, trace)(logits, IMAGE)
        np.testing.assert_allclose(found.numpy(), numbers, rtol=1e-5, atol=1e-5)


def test_a_short_form_is_what_it_stands_for(trace, logits):
    label = trace.vit.labels[4]
    logit, difference = bound(label, trace), bound((4, 9), trace)
    assert torch.equal(logit(logits[:2]), logits[:2, 4])
    assert torch.equal(difference(logits[:2]), logits[:2, 4] - logits[:2, 9])
    assert logit.name == f"logit of {label}"
    assert difference.name == f"logit difference of {label} - {trace.vit.labels[9]}"
    assert bound(metrics.kl(), trace).name == "KL from the clean answer"
    assert bound(metrics.logit([1, 2]), trace).name == "logit of each image's class"


def test_a_distance_is_taken_where_the_answer_is(trace, logits):
    elsewhere = logits.to("meta")  # the clean answer stays on the processor
    assert bound(metrics.kl(), trace)(elsewhere, IMAGE).is_meta


def test_the_clean_answer_is_at_no_distance_from_itself(trace):
    assert bound(metrics.kl(), trace)(trace.logits).abs().max() < 1e-6


@pytest.mark.parametrize(
    "metric", [3, (3, 5), metrics.probability(3), metrics.kl()], ids=["l", "d", "p", "kl"]
)
def test_gradients_are_those_of_finite_differences(trace, logits, metric):
    of = bound(metric, trace)
    assert of.has_gradient
    assert not bound(metrics.rank(3), trace).has_gradient
    assert torch.autograd.gradcheck(
        lambda x: of(x, IMAGE), logits.double().requires_grad_(), raise_exception=True
    )


def test_half_precision_is_read_in_single(trace, logits):
    found = bound(metrics.probability(3), trace)(logits.bfloat16(), IMAGE)
    assert found.dtype == torch.float32


def test_what_is_no_metric_is_refused(trace, logits):
    for wrong in (None, "no such class", 99, ("a", "b", "c"), True, metrics.logit([1, 2, 3])):
        with refused(vl.UsageError):
            bound(wrong, trace)
    for function in (lambda logits: logits, lambda _logits: 3.0):
        with refused(vl.UsageError):
            bound(function, trace)(logits, IMAGE)
    without = vl.load(timm_model("CLS", num_classes=0))
    with refused(vl.UsageError):
        bound(3, without.trace(pixels_for((48, 80)), preprocessed=True))
