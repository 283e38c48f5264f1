"""Numbers on patches: one-sided scales from the smallest to the largest, signed ones around 0."""

import numpy as np
import pytest
from bokeh.models import ColorBar

import vitlens_widgets.charts as charts


def scale(values):
    plot = charts.map_of_patches("title", "logit", np.asarray(values, float))
    (bar,) = plot.select({"type": ColorBar})
    return bar.color_mapper.low, bar.color_mapper.high


@pytest.mark.parametrize("values", [[[1, 4], [2, np.nan]], [[0, 3], [1, 2]]])
def test_numbers_that_are_not_below_0_have_a_scale_from_the_smallest(values):
    assert scale(values) == (np.nanmin(values), np.nanmax(values))


def test_signed_numbers_have_0_in_the_middle():
    low, high = scale([[-3, 1], [np.nan, 2]])
    assert (low, high) == (-3, 3)
