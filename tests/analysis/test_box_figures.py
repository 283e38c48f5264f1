"""Box plots hold the five numbers of the results, and stars where they belong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bokeh.models import HoverTool, Legend, Span, VBar

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.sentences import refused

NAMES = ("low", "lower", "median", "upper", "high")


@pytest.fixture(scope="module")
def vit():
    return vl.load(MODELS["CLS"]())


def bodies(plot):
    """The data of the boxes, in the order of drawing."""
    return [one for one in plot.renderers if isinstance(one.glyph, VBar)]


def check(plot, found, places):
    """Every box is drawn from the five numbers of what was found."""
    drawn = bodies(plot)
    legend = plot.select_one(Legend)
    assert [item.label.value for item in legend.items] == list(found.boxes)
    for body, (name, box) in zip(drawn, found.boxes.items(), strict=True):
        data = body.data_source.data
        assert (data["state"], data["name"]) == (places, [name] * len(places))
        for number in NAMES:
            np.testing.assert_array_equal(data[number], getattr(box, number))
        assert (body.glyph.top, body.glyph.bottom) == ("upper", "lower")
        ends = [
            (one.glyph.y0, one.glyph.y1)
            for one in plot.renderers
            if one.data_source is body.data_source and hasattr(one.glyph, "y0")
        ]
        assert ends == [("low", "lower"), ("upper", "high")]
    offsets = [body.glyph.x.transform.value for body in drawn]
    assert offsets == sorted(set(offsets))
    assert sum(offsets) == pytest.approx(0)
    assert len(plot.select(HoverTool)) >= len(drawn)


def starred(plot):
    """Where stars stand."""
    return [r.data_source.data["state"] for r in plot.renderers if "p" in r.data_source.data]


def test_identifiability_has_image_tokens_beside_readouts(vit):
    found = vl.analysis.identifiability(vit, examples(vit))
    plot = found.figure("boxes")
    check(plot, found, found.state_names)
    assert plot.select_one(Span).location == pytest.approx(12 / 22)  # 11 classes
    assert starred(plot) == []
    p = {"all_tokens": np.array([0.2, 0.04, 0.06, 0.001])}
    assert starred(dataclasses.replace(found, p=p).figure("boxes")) == [["1_pre", "final"]]


def test_perturbed_attention_and_labels_of_tokens_have_boxes(vit):
    found = vl.analysis.attention_perturbation(vit, examples(vit))
    check(found.figure("boxes"), found, found.state_names)
    found = vl.analysis.class_and_context(vit, examples(vit), remove=False)
    found = dataclasses.replace(found, p=np.array([0.01, 0.9, 0.9, 0.04]))
    plot = found.figure("boxes")
    check(plot, found, found.state_names)
    assert starred(plot) == [["0_pre", "final"]]


def test_class_value_agreement_has_a_box_per_block_and_kind(vit):
    found = vl.analysis.class_value_agreement(vit, baseline=vl.untrained(vit))
    plot = found.figure("boxes")
    check(plot, found, ["0", "1", "2"])
    assert plot.xaxis[0].axis_label == "block"
    assert plot.select(Span) == []


def test_what_has_no_boxes_is_refused(vit):
    found = vl.analysis.class_similarity_change(vit, examples(vit))
    with refused(vl.UsageError):
        found.figure("boxes")
