"""Pointing, both ways: a cell of the map lights the right patches, a patch the right row."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import Places, colors, heat_pixels, read_out, shades
from tests.browser.painted import in_words, opacity
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_maps import random_maps

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")
GRIDS = {
    "7x7, 50 tokens": {"rows": 7, "cols": 7},
    "14x14, 197 tokens": {"rows": 14, "cols": 14, "patch": 4},
    "24x24, 577 tokens": {"rows": 24, "cols": 24, "patch": 4},
    "16x16 and registers": {"rows": 16, "cols": 16, "prefix": REGISTERS, "patch": 4},
    "10x14, distillation": {"rows": 10, "cols": 14, "prefix": ("CLS", "distillation"), "patch": 4},
    "3x5, no prefix": {"rows": 3, "cols": 5, "prefix": ()},
}


NARROW = ("14x14, 197 tokens", "3x5, no prefix")  # of these both widths are looked at


def pytest_generate_tests(metafunc):
    if "maps" in metafunc.fixturenames:
        pairs = [(1300, grid) for grid in GRIDS] + [(700, grid) for grid in NARROW]
        metafunc.parametrize(("hosted", "maps"), pairs, indirect=True)
    else:
        metafunc.parametrize("hosted", [1300, 700], indirect=True)


@pytest.fixture
def maps(request):
    return random_maps(seed=9, layers=2, heads=2, **GRIDS[request.param])


@pytest.fixture
def hosted(request, page):
    page.set_viewport_size({"width": request.param, "height": 2600})
    return WidgetPage(page)


def cells_of(maps, seed=0):
    """Some cells, corners among them; positions."""
    n = len(maps.tokens)
    rng = np.random.default_rng(seed)
    corners = [(0, 0), (0, n - 1), (n - 1, 0), (n - 1, n - 1)]
    return [*corners, *(tuple(map(int, rng.integers(0, n, 2))) for _ in range(8))]


def test_nothing_moves_while_numbers_come_and_go(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    places = Places(widget, maps)
    before = boxes(widget)
    places.point_at_patch(1, 1)
    assert boxes(widget) == before
    places.point_at_cell(2, 3)
    assert boxes(widget) == before
    widget.get_by_role("radio", name="Attended by").click()
    places.point_at_patch(0, 2)
    assert boxes(widget) == before


def boxes(widget):
    """Where everything stands; a jump would show."""
    return widget.evaluate(
        """root => Array.from(
          root.querySelectorAll("section, .vl-picture, .vl-sheet, .vl-scale, .vl-chip, .vl-pair"),
          node => node.getBoundingClientRect().toJSON())"""
    )


def settled(page, widget):
    """Waits until the read-out's numbers have arrived."""
    line = widget.locator(".vl-pair-line").element_handle()
    page.wait_for_function("line => !line.innerText.includes('…')", arg=line)


def test_pointing_at_a_cell_marks_its_query_and_key_on_the_image(hosted, maps, page):
    widget = hosted.add(vl.AttentionMaps(maps, layer=1, head=1), "attention_maps")
    places = Places(widget, maps)
    pattern, scores = (maps.of_layer(1, kind)[1] for kind in ("pattern", "scores"))
    for query, key in cells_of(maps):
        places.point_at_cell(query, key)
        assert places.crossed() == (query, key)
        at = [maps.layout.row_col(int(maps.tokens[p])) for p in (query, key)]
        assert places.ringed("query") == at[0]
        assert places.ringed("key") == (None if query == key else at[1])
        settled(page, widget)
        text = read_out(widget)
        names = [maps.layout.describe(int(maps.tokens[p])) for p in (query, key)]
        assert f"query {names[0]}" in text
        assert f"key {names[1]}" in text
        p = pattern[query, key]
        assert f"pattern {in_words(p, 4)}" in text
        score = scores[query, key]
        sign = "−" if score < 0 else ""
        assert f"score {sign}{in_words(abs(score), 2)}" in text
        rank = 1 + int((pattern[query] > p).sum())
        assert f"rank {rank} of {len(maps.tokens)}" in text
    assert hosted.saved() == []


@pytest.mark.parametrize("direction", ["to", "from"])
def test_pointing_at_a_patch_shows_its_row_or_column_as_heat(hosted, maps, page, direction):
    widget = hosted.add(vl.AttentionMaps(maps, direction=direction), "attention_maps")
    places = Places(widget, maps)
    place = shades(maps.of_layer(1)[0], "pattern", "sqrt")
    pattern = maps.of_layer(1)[0].astype(np.float64)
    rows, cols, before = maps.layout.rows, maps.layout.cols, maps.layout.n_prefix
    rng = np.random.default_rng(1)
    patches = [(0, 0), (rows - 1, cols - 1), (0, cols - 1), (int(rng.integers(rows)), 1)]
    for row, col in patches:
        places.point_at_patch(row, col)
        position = before + row * cols + col
        line = place[position] if direction == "to" else place[:, position]
        heat = heat_pixels(widget).reshape(-1, 4)
        assert np.abs(heat[:, 3] - 255 * opacity(line[before:], of_heat=True)).max() <= 0.51
        assert np.abs(heat[:, :3] - colors(line[before:])).max() <= 3
        role, other = ("query", "key") if direction == "to" else ("key", "query")
        assert places.ringed(role) == (row, col)
        assert places.ringed(other) is None
        crossed = (position, None) if direction == "to" else (None, position)
        assert places.crossed() == crossed
        exact = pattern[position] if direction == "to" else pattern[:, position]
        chips = widget.locator(".vl-token-chips")
        page.wait_for_function("node => !node.innerText.includes('…')", arg=chips.element_handle())
        text = chips.inner_text()
        for share in exact[:before]:
            assert in_words(share, 3) in text
        assert f"{exact[before:].sum():.3f}" in text


def test_prefix_tokens_are_pointed_at_by_their_chips(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    places = Places(widget, maps)
    place = shades(maps.of_layer(1)[0], "pattern", "sqrt")
    before = maps.layout.n_prefix
    chips = widget.get_by_role("group", name="Prefix tokens").get_by_role("button")
    assert chips.count() == before
    for token in range(before):
        chips.nth(token).hover()
        assert places.crossed() == (token, None)
        assert places.ringed("query") is None
        heat = heat_pixels(widget).reshape(-1, 4)
        assert np.abs(heat[:, 3] - 255 * opacity(place[token, before:], of_heat=True)).max() <= 0.51
        role = chips.nth(token).locator(".vl-role")
        assert role.inner_text() in ("query", "q")
        assert role.get_attribute("title") in (None, "query")


def test_leaving_shows_what_is_pinned_again(hosted, page):
    maps = random_maps(4, rows=7, cols=7)
    widget = hosted.add(vl.AttentionMaps(maps, token=20, key=33), "attention_maps")
    places = Places(widget, maps)
    assert places.crossed() == (20, 33)
    places.point_at_cell(5, 6)
    assert places.crossed() == (5, 6)
    assert widget.locator(".vl-map-ring.vl-ring-pinned").is_visible()
    page.mouse.move(1, 1)
    assert places.crossed() == (20, 33)
    assert places.ringed("query") == maps.layout.row_col(20)
    assert "query row 2, col 5 token 20" in read_out(widget)


def test_pointing_redraws_no_map(hosted, page):
    maps = random_maps(4, rows=7, cols=7)
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    places = Places(widget, maps)
    page.evaluate(
        """() => {
          window.drawn = [];
          const put = CanvasRenderingContext2D.prototype.putImageData;
          CanvasRenderingContext2D.prototype.putImageData = function (...args) {
            window.drawn.push(this.canvas.closest(".vl-pane, .vl-heads") !== null);
            return put.apply(this, args);
          };
        }"""
    )
    for query, key in cells_of(maps):
        places.point_at_cell(query, key)
    places.point_at_patch(3, 4)
    drawn = page.evaluate("window.drawn")
    assert len(drawn) > 5
    assert not any(drawn)
    assert widget.is_visible()


def test_dropped_patches_are_not_pointed_at(hosted):
    maps = random_maps(4, rows=4, cols=6, tokens=[0, 2, 3, 7, 8, 9, 15, 24])
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    places = Places(widget, maps)
    places.point_at_patch(0, 0)  # token 1
    assert places.ringed("query") is None
    assert places.crossed() == (0, None)  # CLS asks while nothing is looked at
    places.point_at_patch(2, 2)  # token 15
    assert places.ringed("query") == (2, 2)
    assert places.crossed() == (6, None)
    widget.locator("[data-token='1']").click()
    assert hosted.saved() == []
    assert "Veiled patches are not in the sequence" in widget.inner_text()
