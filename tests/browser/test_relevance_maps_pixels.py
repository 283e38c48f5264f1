"""Heat and thumbnails against NumPy's, on grids that are not square, with and without prefix."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.painted import LEGEND_GREY, VEIL, canvas_pixels, opacity
from tests.browser.relevance_page import coloured, curve, heat, panel, place, shown, tile
from tests.widgets.fake_relevance import random_relevances
from vitlens_widgets.export.stills import colors

REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))
CASES = {
    "one prefix": {},
    "no prefix": {"prefix": (), "rows": 5, "cols": 3, "layers": 2, "heads": 3},
    "registers": {"prefix": REGISTERS, "layers": 2, "heads": 5},
    "dropped": {"tokens": [0, 2, 3, 7, 8, 9, 15, 24]},
}


@pytest.fixture(params=CASES, ids=str)
def source(request):
    return random_relevances(3, images=2, **CASES[request.param])


def assert_heat(found, values, end, *, diverges, scale="linear"):
    """Colour and opacity of every patch; veiled where there is no number."""
    gone = np.isnan(values)
    assert (found[gone] == VEIL).all()
    where = place(np.where(gone, 0, values), end, diverges=diverges, scale=scale)
    covers = opacity(np.abs(2 * where - 1)) if diverges else opacity(where, of_heat=True)
    assert np.abs(found[..., 3] - 255 * covers)[~gone].max() <= 0.51
    # A canvas keeps colours multiplied by their opacity: the fainter, the less precise.
    apart = np.abs(found[..., :3] - coloured(where, diverges=diverges)).max(-1)
    assert (apart <= 1.5 + 128 / np.maximum(found[..., 3], 1))[~gone].all()


def largest(*maps):
    return max(np.nanmax(np.abs(one)) for one in maps)


@pytest.mark.parametrize("method", ["class_embedding", "chefer"])
@pytest.mark.parametrize("scale", ["linear", "sqrt"])
def test_one_class_over_all_blocks_and_heads(page, source, method, scale):
    hosted, root = shown(page, source, 2, method=method, scale=scale, image=1)
    values = hosted.widgets[0].relevance[0].patches(1)
    diverges = method == "class_embedding"
    assert_heat(heat(root), values, largest(values), diverges=diverges, scale=scale)


@pytest.mark.parametrize("show", ["all", "layer", "head"])
def test_two_classes_and_their_difference_share_a_scale_or_have_their_own(page, source, show):
    where = {"all": {}, "layer": {"layer": 1}, "head": {"layer": 1, "head": 1}}[show]
    words = {"show": show, "layer": 1, "head": 1, "norm": "map", "method": "chefer", "image": 1}
    hosted, root = shown(page, source, [2, 4], **words)
    one, other = (found.patches(1, **where) for found in hosted.widgets[0].relevance)
    maps = {0: one, 1: other, "difference": one - other}
    for whose, values in maps.items():
        diverges = whose == "difference"
        assert_heat(heat(root, whose), values, largest(*maps.values()), diverges=diverges)
    hosted.receive(shared=False)
    for whose, values in maps.items():
        assert_heat(heat(root, whose), values, largest(values), diverges=whose == "difference")


@pytest.mark.parametrize("norm", ["all", "layer", "map"])
def test_heads_and_sums_of_layers_are_thumbnails(page, source, norm):
    hosted, root = shown(page, source, 2, norm=norm, show="head", layer=0, head=1)
    found = hosted.widgets[0].relevance[0]
    n_layers, n_heads = source.n_layers, source.n_heads
    heads = [[found.patches(0, k, h) for h in range(n_heads)] for k in range(n_layers)]
    sums = [found.patches(0, k) for k in range(n_layers)]
    for layer in range(n_layers):
        end_of_sum = largest(*sums) if norm == "all" else largest(sums[layer])
        among = sum(heads, []) if norm == "all" else heads[layer]  # noqa: RUF017
        for head in range(n_heads):
            own = heads[layer][head]
            assert_tile(root, layer, head, own, largest(own if norm == "map" else among))
        assert_tile(root, layer, n_heads, sums[layer], end_of_sum)
    assert_heat(
        heat(root), heads[0][1],
        largest(heads[0][1]) if norm == "map" else largest(*(sum(heads, []) if norm == "all" else heads[0])),  # noqa: E501, RUF017
        diverges=True,
    )  # fmt: skip


def assert_tile(root, layer, head, values, end):
    """A thumbnail: a colour for each patch, grey where there is no number."""
    found = canvas_pixels(tile(root, layer, head).locator("canvas"))
    gone = np.isnan(values)
    wanted = coloured(place(np.where(gone, 0, values), end, diverges=True), diverges=True)
    wanted[gone] = 128
    box = tile(root, layer, head).locator("canvas").bounding_box()
    assert round(box["width"], 3) % values.shape[1] == 0
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 3


def test_the_overview_shows_the_second_class_or_the_difference(page):
    source = random_relevances(3)
    hosted, root = shown(page, source, [2, 4], heads_of="against", norm="map", shared=False)
    one, other = hosted.widgets[0].relevance
    values = other.patches(0, 2, 1)
    assert_tile(root, 2, 1, values, largest(values))
    hosted.receive(heads_of="difference")
    values = one.patches(0, 2, 1) - values
    assert_tile(root, 2, 1, values, largest(values))


def test_zero_is_dark_by_itself_in_the_dark_and_in_the_legend_as_on_the_image(page):
    source = random_relevances(3)
    page.emulate_media(color_scheme="dark")
    hosted, root = shown(page, source, 2, norm="map", scheme="dark")
    values = hosted.widgets[0].relevance[0].patches(0, 2, 1)
    where = place(values, largest(values), diverges=True)
    dark = colors.table("blue_orange_dark")[np.floor(255 * where + 0.5).astype(int)]
    assert np.abs(canvas_pixels(tile(root, 2, 1).locator("canvas")) - dark).max() <= 3
    ramp = canvas_pixels(panel(root, 0).locator(".vl-ramp"))[0]
    along = np.linspace(0, 1, len(ramp))
    covers = opacity(np.abs(2 * along - 1))[:, None]
    expected = LEGEND_GREY * (1 - covers) + coloured(along, diverges=True) * covers
    assert np.abs(ramp - expected).max() <= 1


def test_what_is_removed_is_hatched_on_the_original_image(page):
    source = random_relevances(1, rows=7, cols=7, patch=60)
    page.set_viewport_size({"width": 1400, "height": 900})
    widget_words = {"n_points": 48, "n_random": 2}
    hosted, root = shown(page, source, 2, **widget_words)
    widget = hosted.widgets[0]
    widget.saved()
    names = ("_curves", "_curves_of", "_curve_answers", "_falling")
    hosted.receive(**{name: getattr(widget, name) for name in names})
    slider = curve(root).get_by_role("slider")
    for _ in range(5):
        slider.press("ArrowRight")
    falling = source.falling(widget.relevance[0], 0)
    hatched = hidden(root, 60)
    assert set(np.flatnonzero(hatched.ravel())) == set(falling[:5])
    assert panel(root, 0).locator(".vl-heat").is_hidden()
    ground = canvas_pixels(panel(root, 0).locator(".vl-picture > .vl-canvas"))
    np.testing.assert_array_equal(ground, source.picture(0))
    slider.press("ArrowUp")
    assert set(np.flatnonzero(hidden(root, 60).ravel())) == set(falling[-5:])
    slider.press("Escape")
    assert panel(root, 0).locator(".vl-heat").is_visible()
    assert panel(root, 0).locator(".vl-hatch").is_hidden()


def hidden(root, cell):
    """Which patches are hatched: opaque in their middle, `[row, col]`."""
    alpha = (
        panel(root, 0)
        .locator(".vl-hatch")
        .evaluate(
            """canvas => [canvas.height, canvas.width, Array.from(canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 3))]"""  # noqa: E501
        )
    )
    rows, cols, data = alpha
    return np.array(data).reshape(rows, cols)[cell // 2 :: cell, cell // 2 :: cell] == 255
