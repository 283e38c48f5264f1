"""Still pictures of attention: maps in the colours of their numbers, and the image under a row."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.attention_pages import colors, shades
from tests.browser.painted import opacity
from tests.widgets.fake_maps import random_maps
from vitlens_widgets.export.stills.scales import KNOCKED_OUT
from vitlens_widgets.widgets.attention_maps.shown import ShownMaps
from vitlens_widgets.widgets.attention_maps.widget import AttentionMaps


def picture(widget):
    """The still picture, `[height, width, 3]`."""
    return np.asarray(Image.open(io.BytesIO(widget.still())).convert("RGB"))


@pytest.mark.parametrize("kind", ["pattern", "scores"])
@pytest.mark.parametrize("scale", ["log", "sqrt", "linear"])
def test_a_map_is_drawn_in_the_colours_of_its_numbers(kind, scale):
    maps = random_maps(8, rows=3, cols=4)
    widget = AttentionMaps(maps, layer=2, head=1, kind=kind, scale=scale)
    values, (shown, colored) = maps.of_head(2, 1, kind=kind), ShownMaps(widget._pictured()).shown()
    np.testing.assert_allclose(colored.place(shown), shades(values, kind, scale), atol=1e-4)
    assert colored.map == ("blue_orange" if kind == "scores" else "magma")


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


@pytest.mark.parametrize("direction", ["to", "from"])
def test_what_a_pinned_token_attends_to_is_laid_over_the_image(direction):
    maps = random_maps(10, layers=2, heads=2, rows=3, cols=4, patch=20)
    widget = AttentionMaps(maps, layer=1, head=1, token=7, key=3, scale="linear")
    widget.direction = direction
    shown = ShownMaps(widget._pictured())
    words, cover = shown.of_pinned()
    whole = shades(maps.of_head(1, 1), "pattern", "linear")
    weights = (whole[7, 1:] if direction == "to" else whole[1:, 3]).reshape(3, 4)
    np.testing.assert_allclose(cover[..., 3], opacity(weights, of_heat=True), atol=1e-4)
    expected = {"to": "what row 1, col 2 attends to", "from": "who attends to row 0, col 2"}
    assert words == expected[direction]
    assert shown.pinned_pair() == [(0, 7 / 13, 1, 1 / 13), (3 / 13, 0, 1 / 13, 1)]
    widget.token = widget.key = None
    words, cover = ShownMaps(widget._pictured()).of_pinned()
    assert words == {"to": "what CLS attends to", "from": "who attends to CLS"}[direction]
    weights = (whole[0, 1:] if direction == "to" else whole[1:, 0]).reshape(3, 4)
    np.testing.assert_allclose(cover[..., 3], opacity(weights, of_heat=True), atol=1e-4)


@pytest.mark.parametrize("norm", ["map", "layer", "all"])
def test_every_head_is_drawn_in_the_colours_of_the_scale_that_it_shares(norm):
    maps = random_maps(10, layers=3, heads=2, rows=3, cols=4)
    shown = ShownMaps(AttentionMaps(maps, scale="linear", norm=norm)._pictured())
    every = np.stack([maps.of_layer(layer) for layer in range(3)])
    for layer, head in np.ndindex(3, 2):
        shared = {"map": None, "layer": every[layer], "all": every}[norm]
        expected = colors(shades(every[layer, head], "pattern", "linear", shared))
        np.testing.assert_array_equal(shown.thumbnails()[layer, head], expected)


def test_knocked_out_keys_and_tokens_that_were_dropped_are_drawn():
    bias = np.zeros((13, 13), np.float32)
    bias[:, 5] = -np.inf
    widget = AttentionMaps(random_maps(11, rows=3, cols=4, bias=bias), kind="scores", token=0)
    values, shades = ShownMaps(widget._pictured()).shown()
    assert (shades.pixels(values)[:, 5] == KNOCKED_OUT).all()
    picture(widget)
    picture(AttentionMaps(random_maps(12, tokens=[0, 2, 3, 5, 8]), token=3))
