"""The figures of removal hold the numbers of the results."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import Span

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.analysis.test_class_space_figures import drawn
from tests.sentences import refused
from tests.small_models import pixels_for


@pytest.fixture(scope="module")
def vit():
    return vl.load(MODELS["CLS"]())


def test_accuracy_over_the_share_that_is_removed(vit):
    data = examples(vit, 4)
    found = vl.analysis.perturbation_test(vit, data, methods=["rollout"], n_points=4, n_random=2)
    plot = found.figure()
    curves = drawn(plot)
    assert list(curves) == ["rollout, negative", "rollout, positive", "random"]
    for name, label in found.labels.items():
        np.testing.assert_allclose(curves[label], found.curve(name).mean)
    places = plot.renderers[0].data_source.data
    np.testing.assert_allclose(places["x"], found.removed)  # a band
    assert plot.select_one(Span).location == pytest.approx(float(found.all_patches.mean))


def test_both_curves_of_a_method_have_its_colour(vit):
    methods = ["rollout", "chefer", "class_embedding", "gradient_rollout"]
    found = vl.analysis.perturbation_test(vit, examples(vit, 2), methods=methods, n_points=2)
    items = {item.label.value: item.renderers[0].glyph for item in found.figure().legend[0].items}
    labels = ["rollout", "Chefer", "class embedding", "gradient rollout"]
    colours = [items[f"{label}, negative"].line_color for label in labels]
    assert len(set(colours)) == len(methods)
    assert [items[f"{label}, positive"].line_color for label in labels] == colours
    dashes = [items[f"Chefer, {order}"].line_dash for order in ("negative", "positive")]
    assert dashes[0] != dashes[1]
    assert items["random"].line_color not in colours


def test_probability_over_the_share_of_one_image(vit):
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    found = vl.analysis.removal_curves(
        trace, vl.analysis.relevance(trace, 3), n_points=4, n_random=2
    )
    plot = found.figure(1)
    curves = drawn(plot)
    assert list(curves) == ["negative", "positive", "random"]
    for kind, values in curves.items():
        np.testing.assert_allclose(values, found.probability[kind][1], rtol=1e-6)
    assert plot.yaxis.axis_label == f"probability of {vit.labels[3]}"
    with refused(vl.UsageError):
        found.figure(2)
