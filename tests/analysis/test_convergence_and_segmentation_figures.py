"""The figures hold the numbers of what was measured over many images."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import ColumnDataSource

import vitlens_widgets as vl
from tests.sentences import refused


@pytest.fixture(scope="module")
def scenes():
    return [vl.world.scene(seed, objects=2) for seed in range(6)]


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/p32-taught")


@pytest.fixture(scope="module")
def near(vit, scenes):
    reading = vl.LogitLens(vit).read(vit.trace([scene.image for scene in scenes]))
    return vl.analysis.convergence(reading, [scene.names for scene in scenes])


@pytest.fixture(scope="module")
def drawn(vit, scenes):
    return vl.analysis.segmentation(vl.LogitLens(vit), scenes)


def curves(plot):
    """Values by the curve's name, in the order of drawing (`plot.select` has none)."""
    sources = [renderer.data_source.data for renderer in plot.renderers]
    return {data["curve"][0]: data["value"] for data in sources if "curve" in data}


def test_convergence_stands_beside_what_other_images_give(near):
    found = curves(near.figure("rank_of_truth"))
    np.testing.assert_allclose(found["its own"], near.of("rank_of_truth").mean(1))
    np.testing.assert_allclose(found["other images'"], near.others["rank_of_truth"])
    assert list(curves(near.figure("entropy"))) == ["its own"]
    several = vl.analysis.compare({"a": near, "b": near}, "similarity_to_final")
    assert list(curves(several)) == ["a", "b"]


def test_bars_say_at_which_state_answers_come_to_stay(near):
    plot = vl.analysis.compare({"a": near, "b": near}, "converged")
    for source in plot.select(ColumnDataSource):
        counted = [(near.converged() == k).mean() for k in range(7)]
        np.testing.assert_allclose(source.data["share"], counted)
    assert list(plot.x_range.factors) == near.state_names
    assert len(plot.legend) == 1
    assert not near.figure("converged").legend


def test_segmentation_is_drawn_with_its_interval(drawn):
    for name in ("iou", "separation", "everywhere"):
        (found,) = curves(drawn.figure(name)).values()
        np.testing.assert_allclose(found, drawn.mean(name).mean)
    assert list(curves(vl.analysis.compare({"taught": drawn}))) == ["taught"]


def test_classes_and_states_hold_one_number_each(drawn):
    plot = drawn.figure(by_class=True)
    data = next(s.data for s in plot.select(ColumnDataSource) if "said" in s.data)
    assert len(data["iou"]) == 7 * len(np.unique(drawn.label))
    at = {pair: i for i, pair in enumerate(zip(data["state"], data["class"], strict=True))}
    table = drawn.classes(state=3)
    for row in table.to_dict("records"):
        assert data["iou"][at["3_pre", row["class"]]] == row["iou"]
        assert data["said"][at["3_pre", row["class"]]] == f"{row['iou']:.2f}"


def test_what_cannot_be_drawn_is_said_in_a_sentence(near, drawn):
    other = vl.load("toy/attn-only-1l")
    scene = vl.world.scene(0)
    shallow = vl.analysis.segmentation(vl.LogitLens(other), [scene])
    for nothing in ({}, [], drawn):
        with refused(vl.UsageError):
            vl.analysis.compare(nothing)
    for others in ({"a": drawn, "b": near}, {"a": drawn, "b": 5}, {"a": scene}):
        with refused(vl.UsageError):
            vl.analysis.compare(others)
    with refused(vl.UsageError):
        vl.analysis.compare({"a": drawn, "b": shallow})
    with refused(vl.UsageError):
        near.figure("rank_of_truh")
    with refused(vl.UsageError):
        drawn.figure("iuo")
