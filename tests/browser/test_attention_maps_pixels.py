"""What stands on the canvases, against NumPy's picture, pixel by pixel."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import colors, heat_pixels, map_pixels, shades
from tests.browser.painted import KNOCKED_OUT, MISSING, VEIL, canvas_pixels, opacity
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_maps import random_maps
from vitlens_widgets.widgets.attention_maps import data
from vitlens_widgets.widgets.attention_maps.codes import coded, pooled
from vitlens_widgets.widgets.attention_maps.shown import ShownMaps

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")
CASES = {
    "7x7": {"rows": 7, "cols": 7},
    "4x6, no prefix": {"rows": 4, "cols": 6, "prefix": ()},
    "10x14, distillation": {"rows": 10, "cols": 14, "prefix": ("CLS", "distillation"), "patch": 2},
    "9x5, registers": {"rows": 9, "cols": 5, "prefix": REGISTERS},
    "24x24": {"rows": 24, "cols": 24, "layers": 1, "heads": 2, "patch": 2},
    "dropped": {"rows": 4, "cols": 6, "tokens": [0, 2, 3, 7, 8, 9, 15, 24]},
}


@pytest.fixture
def page(page):
    """Wide enough for 577 tokens at one pixel a cell."""
    page.set_viewport_size({"width": 1300, "height": 900})
    return page


@pytest.fixture(params=CASES, ids=str)
def maps(request):
    return random_maps(seed=3, images=2, **CASES[request.param])


def shown(page, maps, **choices):
    hosted = WidgetPage(page)
    return hosted, hosted.add(vl.AttentionMaps(maps, **choices), "attention_maps")


def assert_same(found, expected):
    """Equal, but for single shades where a logarithm falls on the middle between two."""
    different = (found != expected).any(-1)
    assert different.mean() < 1e-3
    assert np.abs(found - expected).max() <= 6


def test_every_scale_is_drawn_as_numpy_draws_it(page, maps):
    layer = maps.n_layers - 1
    hosted, widget = shown(page, maps, image=1, head=1)
    every = np.stack([maps.of_layer(k, "pattern", 1) for k in range(maps.n_layers)])
    for scale in ("log", "sqrt", "linear"):
        for norm, shared in (("map", None), ("layer", every[layer]), ("all", every)):
            hosted.receive(scale=scale, norm=norm)
            place = shades(every[layer, 1], "pattern", scale, shared)
            assert_same(map_pixels(widget), colors(place))


def test_scores_are_blue_below_zero_orange_above_and_grey_at_zero(page, maps):
    _, widget = shown(page, maps, kind="scores", image=1)
    scores = maps.of_layer(maps.n_layers - 1, "scores", 1)[0]
    found = map_pixels(widget)
    orange = found[..., 0] - found[..., 2]
    strong = np.abs(scores) > 0.1 * np.abs(scores).max()
    np.testing.assert_array_equal(np.sign(orange)[strong], np.sign(scores)[strong])
    nearly = np.abs(scores) < 0.003 * np.abs(scores).max()
    assert np.abs(found[nearly] - MISSING).max(initial=0) <= 4


@pytest.mark.parametrize("show", ["mean", "rollout"])
def test_means_and_rollouts_are_drawn_when_they_have_been_asked_for(page, maps, show):
    hosted, widget = shown(page, maps, image=1)
    hosted.receive(show=show, layer=0)
    widget.and_(page.locator(f"[data-vitlens-drawn^='{show} of 0']")).wait_for(state="attached")
    values = maps.rollout(0, 1) if show == "rollout" else maps.mean_of_heads(0, "pattern", 1)
    assert_same(map_pixels(widget), colors(shades(values, "pattern", "sqrt")))
    assert hosted.asked[0][1] == "_map"


def test_cells_are_whole_pixels_and_prefix_tokens_stand_apart(page, maps):
    _, widget = shown(page, maps)
    n = len(maps.tokens)
    before = int((maps.tokens < maps.layout.n_prefix).sum())
    box = widget.locator(".vl-sheet").bounding_box()
    cell = (box["width"] - (2 if before else 0)) / n
    assert cell == int(cell)
    pane = widget.locator(".vl-pane[data-rows='patches'][data-cols='patches']")
    inner, canvas = pane.bounding_box(), pane.locator("canvas").bounding_box()
    assert canvas["width"] == canvas["height"] == (n - before) * cell
    assert inner["x"] - box["x"] == inner["y"] - box["y"] == before * cell + (2 if before else 0)


def test_thumbnails_of_whole_maps_are_the_maps_themselves(page):
    maps = random_maps(2, layers=3, heads=2, rows=4, cols=6)
    _, widget = shown(page, maps)
    tiles = widget.locator(".vl-head-tile canvas")
    assert tiles.count() == 6
    for index in range(6):
        values = maps.of_layer(index // 2)[index % 2]
        found = canvas_pixels(tiles.nth(index))
        assert_same(found, colors(shades(values, "pattern", "sqrt")))
        side = round(tiles.nth(index).bounding_box()["width"], 3)  # a float32 of the browser
        assert side % len(maps.tokens) == 0


def test_thumbnails_of_large_maps_are_means_of_blocks_in_the_colours_of_the_map(page, monkeypatch):
    monkeypatch.setattr(data, "thumbnail_side", lambda *_: 8)
    maps = random_maps(2, layers=3, heads=2, rows=4, cols=6)
    _, widget = shown(page, maps)
    for index in range(6):
        whole = maps.of_layer(index // 2)[index % 2]
        codes, (_, hi, _) = coded(pooled(whole, 8), "pattern")
        number = float(hi) * (codes / 253) ** 4
        top = float(coded(whole, "pattern")[1][2])
        place = np.sqrt(np.clip(number / max(top, 8 / 25), 0, 1))
        found = canvas_pixels(widget.locator(".vl-head-tile canvas").nth(index))
        side = found.shape[0] // 8
        assert_same(found[side // 2 :: side, side // 2 :: side][:8, :8], colors(place))


def test_a_statistic_colours_the_thumbnails(page):
    maps = random_maps(2, layers=3, heads=2)
    _, widget = shown(page, maps, color="largest")
    values = maps.statistics(0).values["largest"].ravel()
    place = (values - values.min()) / (values.max() - values.min())
    greens = [
        canvas_pixels(widget.locator(".vl-head-tile canvas").nth(i))[0, 0, 1] for i in range(6)
    ]
    assert np.argsort(greens).tolist() == np.argsort(place).tolist()
    assert widget.locator(".vl-overview-note .vl-ticks").inner_text().startswith("0.")


def test_cells_without_a_number_are_striped_and_named(page):
    bias = np.zeros((25, 25), np.float32)
    bias[:, [4, 9]] = -np.inf
    maps = random_maps(5, bias=bias)
    hosted, widget = shown(page, maps, kind="scores")
    found = map_pixels(widget)
    striped = {(KNOCKED_OUT,) * 3, (208, 208, 208)}
    assert set(map(tuple, found[:, [4, 9]].reshape(-1, 3).astype(int))) == striped
    other = np.delete(found, [4, 9], axis=1)
    assert not any(tuple(p) in striped for p in other.reshape(-1, 3).astype(int))
    assert "−∞: knocked out" in widget.locator(".vl-map-legend").inner_text()
    hosted.receive(key=4, token=7)
    assert "score −∞" in widget.locator(".vl-pair-line").inner_text().replace("\n", " ")


def test_what_is_not_a_number_is_red_and_said(page):
    maps = random_maps(5)
    maps.q[0, 2, 0, 6] = np.nan
    _, widget = shown(page, maps, token=int(maps.tokens[6]), key=3)
    found = map_pixels(widget)
    red = (found[..., 0] - found[..., 1]) > 60
    assert red[6].all()
    assert "NaN" in widget.locator(".vl-map-legend").inner_text()
    assert re.search(r"pattern\s+NaN", widget.locator(".vl-pair-line").inner_text())


@pytest.mark.parametrize("direction", ["to", "from"])
def test_the_heat_on_the_image_has_the_colours_of_the_maps_row_or_column(page, maps, direction):
    token = int(maps.tokens[-3])
    pinned = {"token": token} if direction == "to" else {"key": token}
    _, widget = shown(page, maps, image=1, direction=direction, **pinned)
    place = shades(maps.of_layer(maps.n_layers - 1, "pattern", 1)[0], "pattern", "sqrt")
    line = place[-3] if direction == "to" else place[:, -3]
    heat = heat_pixels(widget)
    grid = maps.layout
    for position, of in enumerate(maps.tokens):
        if of < grid.n_prefix:
            continue
        row, col = divmod(of - grid.n_prefix, grid.cols)
        alpha = heat[row, col, 3]
        assert abs(alpha - 255 * opacity(line[position], of_heat=True)) <= 0.51
        # A canvas keeps colours multiplied by their opacity, so that they lose some precision.
        assert np.abs(heat[row, col, :3] - colors(line[position])).max() <= 3
    gone = set(range(grid.n_prefix, grid.n_tokens)) - set(maps.tokens.tolist())
    for of in gone:
        row, col = divmod(of - grid.n_prefix, grid.cols)
        assert heat[row, col].tolist() == VEIL


RESTING = {
    "CLS": (("CLS",), True),
    "distillation": (("CLS", "distillation"), True),
    "no CLS": ((), True),
    "CLS that is not read": (("CLS",), False),
}


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize(("prefix", "reads_cls"), RESTING.values(), ids=RESTING)
def test_while_nothing_is_looked_at_cls_asks_or_else_the_patch_most_attended_to(
    page, prefix, reads_cls, direction
):
    maps = random_maps(1, layers=2, rows=4, cols=6, prefix=prefix, sharpness=3)
    maps.reads_cls = reads_cls
    hosted, widget = shown(page, maps, direction=direction)
    pattern = maps.of_layer(1)[0]
    most = len(prefix) + int(pattern.sum(0, dtype=np.float64)[len(prefix) :].argmax())
    at = 0 if prefix and reads_cls else most
    place = shades(pattern, "pattern", "sqrt")
    line = (place[at] if direction == "to" else place[:, at])[len(prefix) :]
    alpha = heat_pixels(widget)[..., 3].ravel()
    assert np.abs(alpha - 255 * opacity(line, of_heat=True)).max() <= 0.51
    assert hosted.saved() == []  # it is looked at, not chosen
    words, cover = ShownMaps(vl.AttentionMaps(maps, direction=direction)._pictured()).of_pinned()
    np.testing.assert_allclose(cover[..., 3].ravel(), opacity(line, of_heat=True), atol=1e-4)
    row, col = divmod(at - len(prefix), 6)
    assert ("CLS" if at == 0 and prefix else f"row {row}, col {col}") in words
    hosted.receive(key=3, token=3)
    other = (place[3] if direction == "to" else place[:, 3])[len(prefix) :]
    alpha = heat_pixels(widget)[..., 3].ravel()
    assert np.abs(alpha - 255 * opacity(other, of_heat=True)).max() <= 0.51
    grey = canvas_pixels(widget.locator(".vl-picture > .vl-canvas"))
    assert np.ptp(grey, axis=-1).max() == 0
    assert widget.locator(".vl-original canvas").is_visible()
