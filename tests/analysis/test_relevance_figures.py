"""The figures of removal hold the numbers of the results."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import GlyphRenderer, Line, Span

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.analysis.test_class_space_figures import drawn
from tests.sentences import refused
from tests.small_models import pixels_for

KEY = ("least relevant first", "most relevant first", "random")


@pytest.fixture(scope="module")
def vit():
    return vl.load(MODELS["CLS"]())


def test_accuracy_over_the_share_that_is_removed(vit):
    data = examples(vit, 4)
    found = vl.analysis.perturbation_test(vit, data, methods=["rollout"], n_points=4, n_random=2)
    head, plot = found.figure().children
    assert head.elements[0].html.startswith("<div><b>Accuracy as patches are removed: ")
    assert all(f"</i>{name}<" in head.elements[0].html for name in KEY)
    curves = plot.select(GlyphRenderer)
    lines = {one.data_source.data["curve"][0]: one.data_source for one in curves if named(one)}
    called = {"least relevant first": "rollout_negative", "most relevant first": "rollout_positive"}
    assert {*lines} == {*called, "random"}
    for label, source in lines.items():
        mean = found.curve(called.get(label, label)).mean
        np.testing.assert_allclose(source.data["value"], mean)
    np.testing.assert_allclose(plot.renderers[0].data_source.data["x"], found.removed)  # a band
    baseline = plot.select_one(Span).location
    assert baseline == pytest.approx(float(found.all_patches.mean))
    assert not plot.legend
    (named_beside,) = plot.right
    assert [*named_beside.major_label_overrides.items()] == [(baseline, "all\npatches")]
    assert named_beside.ticker.ticks == [baseline]


def named(renderer):
    return "curve" in renderer.data_source.data


def test_each_method_has_a_figure_of_its_own_with_the_same_axes(vit):
    methods = ["rollout", "chefer", "class_embedding", "gradient_rollout"]
    found = vl.analysis.perturbation_test(vit, examples(vit, 2), methods=methods, n_points=2)
    _, *figures = found.figure().children
    said = ["rollout", "Chefer", "class embedding", "gradient rollout"]
    assert [plot.title.text for plot in figures] == said
    for axis in ("x_range", "y_range"):
        assert len({getattr(plot, axis).id for plot in figures}) == 1
    for plot in figures:
        lines = [one for one in plot.select(GlyphRenderer) if isinstance(one.glyph, Line)]
        least, most, random = (
            next(
                one.glyph for one in lines if curve_of(one) == name and isinstance(one.glyph, Line)
            )
            for name in KEY
        )
        assert len({least.line_color, most.line_color, random.line_color}) == 3
        assert least.line_dash != most.line_dash


def curve_of(renderer):
    return renderer.data_source.data["curve"][0] if named(renderer) else None


def test_random_orders_alone_have_a_figure(vit):
    found = vl.analysis.perturbation_test(vit, examples(vit, 2), methods=[], n_points=2)
    head, plot = found.figure().children
    assert {curve_of(line) for line in plot.select(GlyphRenderer)} - {None} == {"random"}
    assert "most relevant" not in head.elements[0].html


def test_nothing_cannot_stand_side_by_side():
    with refused(vl.UsageError):
        vl.charts.beside([])


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
