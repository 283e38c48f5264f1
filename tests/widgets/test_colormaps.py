"""The front end's colour tables against Bokeh's palettes."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from bokeh.palettes import Cividis256, Magma256, Viridis256

from vitlens_widgets.export.stills import colors

TABLES = Path(__file__).parents[2] / "js" / "lib" / "colormap_tables.js"


def table(name):
    found = re.search(rf'{name} =\s*"([^"]+)"', TABLES.read_text(encoding="utf-8"))
    return np.frombuffer(base64.b64decode(found.group(1)), np.uint8).reshape(256, 3).astype(int)


@pytest.mark.parametrize(
    ("name", "palette"),
    [("VIRIDIS", Viridis256), ("CIVIDIS", Cividis256), ("MAGMA", Magma256)],
)
def test_sequential_tables_are_bokehs(name, palette):
    expected = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in palette]
    np.testing.assert_array_equal(table(name), expected)


def test_the_diverging_table_is_grey_in_the_middle_blue_below_and_orange_above():
    colours = table("BLUE_ORANGE")
    assert np.abs(colours[127:129] - 238).max() <= 1
    assert (colours[:100, 2] > colours[:100, 0]).all()
    assert (colours[156:, 0] > colours[156:, 2]).all()


def test_the_diverging_table_darkens_evenly_to_both_sides():
    luminance = table("BLUE_ORANGE") @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[:128]) >= -0.5).all()
    assert (np.diff(luminance[128:]) <= 0.5).all()


def test_the_front_end_has_the_colours_of_the_package():
    for name in ("VIRIDIS", "CIVIDIS", "MAGMA", "BLUE_ORANGE"):
        np.testing.assert_array_equal(table(name), colors.table(name.lower()))
    text = TABLES.read_text(encoding="utf-8")
    classes = re.search(r"CLASS_COLORS = \[(.*)\]", text).group(1)
    assert tuple(re.findall(r"#\w{6}", classes)) == colors.CLASS_COLORS
    assert f'OTHER_COLOR = "{colors.OTHER_COLOR}"' in text
