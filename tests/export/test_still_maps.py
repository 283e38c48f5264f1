"""Still pictures of attention: maps in the colours of their numbers, and the image under a row."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fake_maps import random_maps
from PIL import Image

from vitlens_widgets.export.stills import attention_maps
from vitlens_widgets.export.stills.colors import colored
from vitlens_widgets.export.stills.heads import Heads
from vitlens_widgets.widgets.attention_maps.codes import coded
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
    codes, shades = Heads(widget._pictured()).shown
    drawn = shades.pixels(codes)
    lo, hi, top = coded(values, kind)[1]
    if kind == "scores":
        place, name = 0.5 + values / np.abs(values).max() / 2, "blue_orange"
    elif scale == "log":
        lowest = 10.0 ** round(np.log10(0.05 / len(values)))
        place, name = (
            np.log(values / lowest) / np.log(max(hi, min(1, 20 / len(values))) / lowest),
            "magma",
        )
    else:
        place, name = (values / top) ** (0.5 if scale == "sqrt" else 1), "magma"
    assert lo <= values.min()
    expected = colored(np.clip(place, 0, 1), name).astype(int)
    assert np.abs(drawn - expected).max() <= 12  # a byte a weight
    assert (drawn.argmax(-1) == expected.argmax(-1)).mean() > 0.95


def test_the_map_that_was_chosen_last_is_the_one_drawn():
    maps = random_maps(9, layers=3, heads=2)
    widget = AttentionMaps(maps)
    first = picture(widget)
    widget.layer, widget.head, widget.token = 0, 1, 3
    state = widget._pictured()
    codes, shades = Heads(state).shown
    np.testing.assert_array_equal(codes, coded(maps.of_head(0, 1), "pattern")[0])
    assert (picture(widget) != first[: picture(widget).shape[0]]).any()
    widget.show = "rollout"
    codes, _ = Heads(widget._pictured()).shown
    np.testing.assert_array_equal(codes, coded(maps.rollout(0), "pattern")[0])
    assert shades.map == "magma"


def test_what_a_pinned_token_attends_to_is_laid_over_the_image():
    maps = random_maps(10, layers=2, heads=2, rows=3, cols=4, patch=20, sharpness=2)
    widget = AttentionMaps(maps, layer=1, head=1, token=7, scale="linear")
    drawn = attention_maps.draw(widget._pictured()).image
    cell = 260 // 4
    image = np.asarray(drawn, float)[84 : 84 + 3 * cell, 720 : 720 + 4 * cell]
    light = image.reshape(3, cell, 4, cell, 3)[:, 12:-12, :, 12:-12].mean((1, 3, 4))
    weights = maps.of_head(1, 1)[7, 1:].reshape(3, 4)
    assert np.unravel_index(light.argmax(), (3, 4)) == np.unravel_index(weights.argmax(), (3, 4))


def test_knocked_out_keys_and_tokens_that_were_dropped_are_drawn():
    bias = np.zeros((13, 13), np.float32)
    bias[:, 5] = -np.inf
    maps = random_maps(11, rows=3, cols=4, bias=bias)
    state = AttentionMaps(maps, kind="scores", token=0)._pictured()
    codes, shades = Heads(state).shown
    assert (shades.pixels(codes)[:, 5] == 156).all()
    picture(AttentionMaps(maps, kind="scores", token=0))
    picture(AttentionMaps(random_maps(12, tokens=[0, 2, 3, 5, 8]), token=3))
