"""Results of traces, readings and probes have what those of all experiments have."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.models import ColorBar, ColumnDataSource
from pandas import DataFrame

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.sentences import refused
from vitlens_widgets.analysis import Result, heads


@pytest.fixture(scope="module")
def scenes():
    return [vl.world.scene(seed, objects=2) for seed in range(3)]


@pytest.fixture(scope="module")
def trace(scenes):
    return vl.load("toy/p32").trace([scene.image for scene in scenes])


def probes(*_):
    vit = vl.load(MODELS["CLS"]())
    return vl.analysis.linear_probes(vit, examples(vit, 9), examples(vit, 2, seed=8), shots=1)


def removed(trace, _):
    found = vl.analysis.relevance(trace, 1, method="rollout")
    return vl.analysis.removal_curves(trace, found, n_points=2, n_random=0)


RESULTS = {
    "convergence": lambda trace, _: vl.analysis.convergence(vl.LogitLens(trace.vit).read(trace)),
    "segmentation": lambda trace, scenes: vl.analysis.segmentation(trace.vit, scenes),
    "head statistics": lambda trace, _: heads.statistics(trace),
    "neighbourhood": lambda trace, _: heads.neighbourhood(trace),
    "relevance": lambda trace, _: vl.analysis.relevance(trace, "cat"),
    "removal curves": removed,
    "linear probes": probes,
}


@pytest.mark.parametrize("name", RESULTS)
def test_each_has_a_table_a_figure_and_a_summary(trace, scenes, name):
    found = RESULTS[name](trace, scenes)
    assert isinstance(found, Result)
    table = found.table()
    assert isinstance(table, DataFrame)
    assert found.title in table.attrs["title"]
    assert found.figure().select(ColumnDataSource)
    assert found.summary().startswith(found.title)
    assert len(found.summary().splitlines()) > 1


def test_relevance_names_the_patch_that_counts_most(trace):
    found = vl.analysis.relevance(trace, "cat")
    grid = found.patches(1)
    row, col = np.unravel_index(grid.argmax(), grid.shape)
    assert f"image 1, cat: most at row {row}, col {col}" in found.summary()
    table = found.table(1)
    assert table["relevance"].tolist() == sorted(found.tokens[1].tolist(), reverse=True)
    best = int(found.tokens[1].argmax())
    assert table["token"].iloc[0] == trace.layout.describe(best)
    plot = found.figure(1)
    (data,) = (source.data for source in plot.select(ColumnDataSource))
    np.testing.assert_array_equal(data["relevance"], grid.ravel())
    scale = plot.select_one(ColorBar).color_mapper
    assert (scale.low, scale.high) == (grid.min(), grid.max())
    with refused(vl.UsageError):
        found.figure(3)


def test_a_neighbourhood_is_drawn_for_the_head_that_stands_out_or_another(trace):
    found = heads.neighbourhood(trace)
    rows = found.table().sort_values("ratio")
    best = tuple(rows[["layer", "head"]].iloc[-1])
    assert f"L{best[0]} H{best[1]} reads" in found.summary()
    for head, plot in {best: found.figure(), (2, 1): found.figure(2, 1)}.items():
        (data,) = (source.data for source in plot.select(ColumnDataSource))
        assert data["share"] == found.values[head].ravel().tolist()
        assert data["rows down"] == [*["-1"] * 3, *["0"] * 3, *["1"] * 3]
        assert data["columns right"] == ["-1", "0", "1"] * 3
    with refused(vl.UsageError):
        found.figure(2)
    with refused(vl.UsageError):
        found.figure(2, 3)
