"""The figure holds the statistics' numbers."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.embed import file_html
from bokeh.models import Legend, Line, Scatter
from bokeh.resources import INLINE

import vitlens_widgets as vl
from tests.analysis.head_oracle import random_patterns, trace_with
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model


def found_for(seed):
    trace = trace_with("CLS", random_patterns(3, 2, 4, 16, 16, seed=seed))
    return vl.analysis.heads.statistics(trace)


def lines(plot):
    return [r.data_source.data["y"] for r in plot.renderers if isinstance(r.glyph, Line)]


@pytest.fixture(scope="module")
def found():
    return found_for(0)


def dots(plot):
    return [r.data_source.data for r in plot.renderers if isinstance(r.glyph, Scatter)]


def test_every_head_has_a_dot_every_layer_a_mean_and_uniform_attention_a_line(found):
    plot = found.figure("distance")
    (data,) = dots(plot)
    np.testing.assert_allclose(data["value"], found.values["distance"].ravel())
    assert data["layer"].tolist() == np.repeat(range(3), 4).tolist()
    assert data["head"].tolist() == [0, 1, 2, 3] * 3
    means, null = lines(plot)
    np.testing.assert_allclose(means, found.values["distance"].mean(1))
    assert null == [found.null("distance")] * 2
    assert not plot.select(Legend)
    assert "how far patches look" in file_html(plot, INLINE)


def test_models_stand_side_by_side_with_marks_of_their_own(found):
    other = found_for(1)
    plot = vl.analysis.compare({"trained": found, "random": other}, "entropy")
    first, second = dots(plot)
    np.testing.assert_allclose(second["value"], other.values["entropy"].ravel())
    assert (second["x"] > first["x"]).all()
    marks = {r.glyph.marker for r in plot.renderers if isinstance(r.glyph, Scatter)}
    assert len(marks) == 2
    assert [item.label.value for item in plot.select(Legend)[0].items] == ["trained", "random"]


def test_models_of_other_grids_and_depths_have_nulls_of_their_own(found):
    vit = vl.load(timm_model("CLS", depth=5, img_size=(96, 64)))
    deeper = vl.analysis.heads.statistics(vit.trace(pixels_for((96, 64)), preprocessed=True))
    plot = vl.analysis.compare({"small": found, "large": deeper}, "distance")
    nulls = [r for r in plot.renderers if getattr(r.glyph, "line_dash", None) == [2, 4]]
    assert [r.data_source.data["y"][0] for r in nulls] == [
        found.null("distance"),
        deeper.null("distance"),
    ]
    assert found.null("distance") != deeper.null("distance")
    assert len({r.glyph.line_color for r in nulls}) == 2
    assert plot.xaxis.ticker.ticks == [0, 1, 2, 3, 4]
    alike = vl.analysis.compare({"one": found, "other": found_for(1)}, "distance")
    assert len(lines(alike)) == 3


def test_agreement_has_no_null_line(found):
    assert len(lines(found.figure("agreement"))) == 1


def test_what_cannot_be_shown_is_refused(found):
    with refused(vl.UsageError):
        found.figure("distanc")
    with refused(vl.UsageError):
        vl.analysis.compare({str(i): found for i in range(5)}, "entropy")
