"""The curves hold the reading's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from bokeh.embed import file_html
from bokeh.models import ColumnDataSource
from bokeh.resources import INLINE

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model


@pytest.fixture(scope="module")
def reading():
    vit = vl.load(timm_model("four registers and layer scale"))
    return vl.LogitLens(vit).read(vit.trace(pixels_for((56, 84)), preprocessed=True))


def curves(plot):
    sources = plot.select(ColumnDataSource)
    return {source.data["curve"][0]: source.data["value"] for source in sources}


def test_probability_and_rank_of_classes_at_places(reading):
    targets, tokens = ["class 2", 5], ["readout", 2, 9]
    for chart, measure in [("probability", "probability"), ("rank", "rank")]:
        found = curves(getattr(vl.analysis.over_states, chart)(reading, targets, tokens, image=1))
        assert len(found) == 6
        values = getattr(reading, measure)(5)[:, 1, 9]
        np.testing.assert_allclose(found["class 5, row 0, col 4"], values)
        at_readout = getattr(reading.readout, measure)(2)[:, 1]
        np.testing.assert_allclose(found["class 2, readout (CLS)"], at_readout)
        assert "class 5, register 2" in found


def test_one_class_needs_no_list(reading):
    assert list(curves(vl.analysis.over_states.probability(reading, "class 4"))) == [
        "class 4, readout (CLS)"
    ]
    assert list(curves(vl.analysis.over_states.entropy(reading, 9))) == ["row 0, col 4"]


def test_entropy_and_divergence_at_places(reading):
    for chart in ("entropy", "kl_to_final"):
        found = curves(getattr(vl.analysis.over_states, chart)(reading, ["readout", 28]))
        np.testing.assert_allclose(found["row 3, col 5"], getattr(reading, chart)()[:, 0, 28])


def test_a_figure_draws_every_state_and_needs_no_network(reading):
    plot = vl.analysis.over_states.entropy(reading)
    assert list(plot.x_range.factors) == ["0_pre", "1_pre", "2_pre", "final"]
    assert "cdn.bokeh.org" not in file_html(plot, INLINE)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: vl.analysis.over_states.rank(r, ["clas 5"]),
        lambda r: vl.analysis.over_states.entropy(r, [29]),
        lambda r: vl.analysis.over_states.entropy(r, "CLS"),
        lambda r: vl.analysis.over_states.rank(r.trace, [5]),
        lambda r: vl.analysis.over_states.entropy(r.trace),
        lambda r: vl.analysis.over_states.kl_to_final(r, image=2),
    ],
)
def test_what_is_not_there_is_refused(reading, ask):
    with refused(vl.UsageError):
        ask(reading)


def test_the_table_of_a_reading(reading):
    table = reading.table(image=1, tokens=[0, 9], target="class 5")
    assert len(table) == 3 * 4
    assert table.attrs["title"].endswith("image 1")
    row = table.iloc[4 * 2 + 1]
    assert (row["place"], row["state"]) == ("row 0, col 4", "1_pre")
    assert row["answer"] == reading.labels[int(reading.top(1).index[1, 1, 9, 0])]
    assert row["rank(class 5)"] == int(reading.rank(5)[1, 1, 9])
    assert row["KL to final"] == float(reading.kl_to_final()[1, 1, 9])
