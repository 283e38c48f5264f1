"""Still pictures of attention: maps in the colours of their numbers, and the image under a row."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.widgets.fake_maps import random_maps
from vitlens_widgets.export.stills.colors import colored
from vitlens_widgets.widgets.attention_maps import still
from vitlens_widgets.widgets.attention_maps.codes import coded, decoded
from vitlens_widgets.widgets.attention_maps.still import ShownMaps
from vitlens_widgets.widgets.attention_maps.widget import AttentionMaps


def picture(widget):
    """The still picture, `[height, width, 3]`."""
    return np.asarray(Image.open(io.BytesIO(widget.still())).convert("RGB"))


@pytest.mark.parametrize("kind", ["pattern", "scores"])
@pytest.mark.parametrize("scale", ["log", "sqrt", "linear"])
def test_a_map_is_drawn_in_the_colours_of_its_numbers(kind, scale):
    maps = random_maps(8, rows=3, cols=4)
    widget = AttentionMaps(maps, layer=2, head=1, kind=kind, scale=scale)
    values = maps.of_head(2, 1, kind=kind)
    shown, shades = ShownMaps(widget._pictured()).shown()
    hi, top = coded(values, kind)[1][1:]
    if kind == "scores":
        place, name = 0.5 + values / np.abs(values).max() / 2, "blue_orange"
    elif scale == "log":
        lowest, most = (
            10.0 ** round(np.log10(0.05 / len(values))),
            max(hi, min(1, 20 / len(values))),
        )
        place, name = np.log(values / lowest) / np.log(most / lowest), "magma"
    else:
        place, name = (values / top) ** (0.5 if scale == "sqrt" else 1), "magma"
    drawn, expected = shades.pixels(shown), colored(np.clip(place, 0, 1), name).astype(int)
    assert np.abs(drawn - expected).max() <= 12  # a byte a weight
    assert (drawn.argmax(-1) == expected.argmax(-1)).mean() > 0.95


@pytest.mark.parametrize("kind", ["pattern", "scores"])
def test_codes_stand_for_their_numbers(kind):
    values = random_maps(8, rows=3, cols=4).of_head(2, 1, kind=kind).copy()
    values[0, :2] = -np.inf, np.nan
    codes, ranges = coded(values, kind)
    found = decoded(codes, ranges, kind)
    assert np.isneginf(found[0, 0])
    assert np.isnan(found[0, 1])
    np.testing.assert_allclose(found[1:], values[1:], rtol=0.05, atol=0.01 * np.nanmax(values))


def test_the_map_that_was_chosen_last_is_the_one_drawn():
    maps = random_maps(9, layers=3, heads=2)
    widget = AttentionMaps(maps)
    first = picture(widget)
    widget.layer, widget.head, widget.token = 0, 1, 3
    assert ShownMaps(widget._pictured()).chosen == (0, 1)
    values = ShownMaps(widget._pictured()).shown()[0]
    np.testing.assert_allclose(values, maps.of_head(0, 1), rtol=0.05, atol=1e-3)
    assert (picture(widget) != first[: picture(widget).shape[0]]).any()
    widget.show = "rollout"
    values, scale = ShownMaps(widget._pictured()).shown()
    np.testing.assert_allclose(values, maps.rollout(0), rtol=0.05, atol=1e-3)
    assert scale.map == "magma"


def test_what_a_pinned_token_attends_to_is_laid_over_the_image():
    maps = random_maps(10, layers=2, heads=2, rows=3, cols=4, patch=20, sharpness=2)
    widget = AttentionMaps(maps, layer=1, head=1, token=7, scale="linear")
    drawn, cell = still.draw(widget._pictured()).image, still.IMAGE // 4
    pixels = np.asarray(drawn, float)[still.TOP :, still.IMAGE_LEFT :][: 3 * cell, : 4 * cell]
    light = pixels.reshape(3, cell, 4, cell, 3)[:, 12:-12, :, 12:-12].mean((1, 3, 4))
    weights = maps.of_head(1, 1)[7, 1:].reshape(3, 4)
    assert np.unravel_index(light.argmax(), (3, 4)) == np.unravel_index(weights.argmax(), (3, 4))


def test_knocked_out_keys_and_tokens_that_were_dropped_are_drawn():
    bias = np.zeros((13, 13), np.float32)
    bias[:, 5] = -np.inf
    widget = AttentionMaps(random_maps(11, rows=3, cols=4, bias=bias), kind="scores", token=0)
    values, shades = ShownMaps(widget._pictured()).shown()
    assert (shades.pixels(values)[:, 5] == 156).all()
    picture(widget)
    picture(AttentionMaps(random_maps(12, tokens=[0, 2, 3, 5, 8]), token=3))
