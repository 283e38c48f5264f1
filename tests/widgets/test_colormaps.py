"""The front end's colour tables against Bokeh's palettes; colours of classes told apart."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from bokeh.palettes import Cividis256, Magma256, Viridis256
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.browser import painted
from vitlens_widgets.export.stills import colors, scales, tinting

TABLES = Path(__file__).parents[2] / "js" / "lib" / "colormap_tables.js"
TINTING = TABLES.with_name("tinting.js")


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


def test_on_a_dark_page_the_diverging_table_is_dark_in_the_middle_and_brightens_to_both_sides():
    colours = table("BLUE_ORANGE_DARK")
    assert np.abs(colours[127:129] - 30).max() <= 1
    np.testing.assert_array_equal(colours[[0, 255]], table("BLUE_ORANGE")[[0, 255]])
    luminance = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[:128]) <= 0.5).all()
    assert (np.diff(luminance[128:]) >= -0.5).all()


def test_the_front_end_has_the_colours_of_the_package():
    for name in ("VIRIDIS", "CIVIDIS", "MAGMA", "BLUE_ORANGE", "BLUE_ORANGE_DARK"):
        np.testing.assert_array_equal(table(name), colors.table(name.lower()))
    text = TABLES.read_text(encoding="utf-8")
    classes = re.search(r"CLASS_COLORS = \[(.*)\]", text).group(1)
    assert tuple(re.findall(r"#\w{6}", classes)) == colors.CLASS_COLORS
    assert f'OTHER_COLOR = "{colors.OTHER_COLOR}"' in text


# Machado, Oliveira & Fernandes (2009), severity 1.0: of linear light.
VISION = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
DARK_AND_LIGHT = (0.10, 0.27, 0.44, 0.60, 0.785, 0.97)  # of the ground, in both themes


def seen(color, matrix):
    """sRGB `[..., 3]`, 0..1, as somebody sees it whose cones the matrix imitates."""
    light = np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ np.transpose(matrix), 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("ground", DARK_AND_LIGHT)
def test_class_colours_are_told_apart_over_a_picture(vision, ground):
    hexes = (*colors.CLASS_COLORS, colors.OTHER_COLOR)
    solid = np.stack([colors.bytes_of(color) for color in hexes]) / 255
    shown = solid * tinting.CLASS_OPACITY + ground * (1 - tinting.CLASS_OPACITY)
    lab = rgb2lab(seen(shown, VISION[vision]))
    one, other = np.triu_indices(len(lab), 1)
    assert deltaE_ciede2000(lab[one], lab[other]).min() >= 11


def test_what_the_colours_of_classes_lie_over_is_as_in_the_front_end():
    text = TINTING.read_text(encoding="utf-8")
    assert float(re.search(r"CLASS_OPACITY = ([\d.]+)", text).group(1)) == tinting.CLASS_OPACITY
    grounds = re.findall(r"dark: ([\d.]+), light: ([\d.]+), color: 0.45", text)
    ends = {float(end) for ground in grounds for end in ground}
    assert ends == {0.10, 0.44, 0.60, 0.97} <= set(DARK_AND_LIGHT)


def test_the_front_end_covers_pictures_as_the_package_does():
    text = TINTING.read_text(encoding="utf-8")
    said = dict(re.findall(r"const (\w+) = ([\d.]+);", text))
    for module, name, theirs in (
        (tinting, "VEIL_OPACITY", "VEIL_OPACITY"),
        (scales, "GROUND_GREY", "LEGEND_GREY"),
    ):
        assert getattr(module, name) == float(said[theirs])
    assert (scales.MISSING, scales.KNOCKED_OUT) == (painted.MISSING, painted.KNOCKED_OUT)
    place = np.linspace(0, 1, 7)
    for name, of_heat in (("viridis", False), ("magma", True)):
        found = scales.ColorScale(name, 1).cover(place)[:, 3]
        np.testing.assert_allclose(found, painted.opacity(place, of_heat=of_heat))
