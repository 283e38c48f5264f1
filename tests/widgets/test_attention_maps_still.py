"""Still pictures of attention: maps in the colours of their numbers, and the image under a row."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.widgets.fake_maps import random_maps
from vitlens_widgets.export.stills.colors import table
from vitlens_widgets.widgets.attention_maps.codes import coded, decoded
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
    shades_of = table(name)[np.floor(255 * np.clip(place, 0, 1) + 0.5).astype(int)]
    drawn, expected = shades.pixels(shown), shades_of.astype(int)
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


@pytest.mark.parametrize("direction", ["to", "from"])
def test_what_a_pinned_token_attends_to_is_laid_over_the_image(direction):
    maps = random_maps(10, layers=2, heads=2, rows=3, cols=4, patch=20)
    widget = AttentionMaps(maps, layer=1, head=1, token=7, key=3, scale="linear")
    widget.direction = direction
    shown = ShownMaps(widget._pictured())
    words, cover = shown.of_pinned()
    whole = maps.of_head(1, 1)
    weights = (whole[7, 1:] if direction == "to" else whole[1:, 3]).reshape(3, 4)
    place = np.clip(weights / coded(whole, "pattern")[1][2], 0, 1)
    np.testing.assert_allclose(cover[..., 3], 0.36 + 0.54 * place, atol=0.02)
    expected = {"to": "what row 1, col 2 attends to", "from": "who attends to row 0, col 2"}
    assert words == expected[direction]
    assert shown.pinned_pair() == [(0, 7 / 13, 1, 1 / 13), (3 / 13, 0, 1 / 13, 1)]
    widget.token = widget.key = None
    words, cover = ShownMaps(widget._pictured()).of_pinned()
    assert words == "image"
    assert not cover.any()


def test_every_head_is_drawn_in_the_colours_of_its_own_scale():
    maps = random_maps(10, layers=3, heads=2, rows=3, cols=4)
    shown = ShownMaps(AttentionMaps(maps, scale="linear")._pictured())
    thumbnails = shown.thumbnails()
    assert thumbnails.shape == (3, 2, 13, 13, 3)
    for layer, head in np.ndindex(3, 2):
        whole = maps.of_head(layer, head)
        place = np.clip(whole / coded(whole, "pattern")[1][2], 0, 1)
        expected = table("magma")[np.floor(255 * place + 0.5).astype(int)].astype(int)
        assert np.abs(thumbnails[layer, head] - expected).max() <= 12  # a byte a weight


def test_knocked_out_keys_and_tokens_that_were_dropped_are_drawn():
    bias = np.zeros((13, 13), np.float32)
    bias[:, 5] = -np.inf
    widget = AttentionMaps(random_maps(11, rows=3, cols=4, bias=bias), kind="scores", token=0)
    values, shades = ShownMaps(widget._pictured()).shown()
    assert (shades.pixels(values)[:, 5] == 156).all()
    picture(widget)
    picture(AttentionMaps(random_maps(12, tokens=[0, 2, 3, 5, 8]), token=3))
