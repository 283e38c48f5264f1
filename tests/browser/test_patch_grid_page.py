"""The widget on its page: sizes, themes, errors, neighbours, and what it leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import canvas_pixels
from tests.browser.widget_page import WidgetPage, eventually
from tests.widgets.fake_reading import FakeLabels, random_reading

SHAPES = {
    "7x7, 5 states": {"rows": 7, "cols": 7, "states": 5, "patch": 8},
    "20x30, registers, 13 states": {
        "rows": 20, "cols": 30, "states": 13, "prefix": ("CLS", "register 1", "register 2")
    },
    "30x20, 2 states": {"rows": 30, "cols": 20, "states": 2},
    "24x24, 25 states": {"rows": 24, "cols": 24, "states": 25, "patch": 4},
    "37x37, 49 states": {"rows": 37, "cols": 37, "states": 49, "patch": 2, "images": 1},
}  # fmt: skip
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_fits_at_every_width_without_running_over(page, shape):
    names = [f"a thing of a rather long name, number {c}" for c in range(20)]
    reading = random_reading(1, classes=20, labels=FakeLabels(names), **SHAPES[shape])
    hosted = WidgetPage(page)
    widget = hosted.add(vl.PatchGrid(reading, token=2, caption="a caption of some length"))
    modes = {}
    for width in (400, 560, 700, 880, 1000, 1100, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        widget.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        modes[width] = widget.get_attribute("data-mode")
        assert page.evaluate(OVERFLOW) <= 0, width
        picture = widget.locator(".vl-picture").bounding_box()
        cell = picture["width"] / reading.layout.cols
        assert cell == int(cell)
        assert picture["height"] == cell * reading.layout.rows
        for part in (".vl-slider", ".vl-table", ".vl-controls", ".vl-readout"):
            box = widget.locator(part).bounding_box()
            assert box["x"] >= 0, (part, width)
            assert box["x"] + box["width"] <= width, (part, width)
    assert [modes[w] for w in (400, 700, 1100)] == ["stack", "side", "columns"]


def test_the_widgets_own_width_decides_not_the_windows(page):
    page.set_viewport_size({"width": 1400, "height": 800})
    widget = WidgetPage(page, width="700px").add(vl.PatchGrid(random_reading()))
    assert widget.get_attribute("data-mode") == "side"


def test_in_a_hidden_tab_it_waits_and_draws_when_shown(page):
    hosted = WidgetPage(page)
    hosted.hide_until_added()
    widget = hosted.add(vl.PatchGrid(random_reading()))
    assert widget.get_attribute("data-vitlens-drawn") == "final"
    assert not page.evaluate("window.drawnWhileHidden")


def test_a_live_change_of_theme_is_followed_by_the_canvases(page):
    reading = random_reading(rows=7, cols=7, patch=58)
    widget = WidgetPage(page).add(vl.PatchGrid(reading, tint="class", glyph="none"))
    canvas = widget.locator(".vl-picture > .vl-canvas")
    light = canvas_pixels(canvas).mean()
    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    eventually(page, lambda: canvas_pixels(canvas).mean() < light - 20)
    assert background(widget) < 150
    page.evaluate("document.documentElement.style.colorScheme = 'light'")
    eventually(page, lambda: canvas_pixels(canvas).mean() == light)


def background(widget):
    """Sum of the probe's red, green and blue: what the canvases take for their ground."""
    return widget.evaluate(
        """root => { const c = document.createElement('canvas').getContext('2d');
          c.fillStyle = getComputedStyle(root.querySelector('.vl-theme-probe')).color;
          c.fillRect(0, 0, 1, 1);
          return c.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((a, b) => a + b); }"""
    )


def test_jupyterlabs_colours_are_taken_where_they_are_given(page):
    hosted = WidgetPage(page)
    page.add_style_tag(
        content=":root{--jp-layout-color0:rgb(1,2,3);--jp-ui-font-color1:rgb(4,5,6)}"
    )
    widget = hosted.add(vl.PatchGrid(random_reading()))
    style = widget.evaluate("r => [getComputedStyle(r).backgroundColor, getComputedStyle(r).color]")
    assert style == ["rgb(1, 2, 3)", "rgb(4, 5, 6)"]


def test_an_error_of_the_kernel_is_a_sentence_and_the_picture_stays(page):
    hosted = WidgetPage(page)
    widget = hosted.add(vl.PatchGrid(random_reading(rows=7, cols=7, patch=58)))
    canvas = widget.locator(".vl-picture > .vl-canvas")
    before = canvas_pixels(canvas)
    alert = widget.get_by_role("alert")
    assert alert.is_hidden()
    hosted.receive(error="The kernel <i>ran out</i> of memory.")
    assert "The kernel <i>ran out</i> of memory." in alert.inner_text()
    np.testing.assert_array_equal(canvas_pixels(canvas), before)
    alert.get_by_role("button", name="Dismiss").click()
    assert hosted.saved() == [{"error": ""}]
    assert alert.is_hidden()


def test_what_the_kernel_sets_is_drawn(page):
    hosted = WidgetPage(page)
    widget = hosted.add(vl.PatchGrid(random_reading(states=5)))
    hosted.receive(state=1, token=4, tint="class", glyph="label")
    assert widget.get_attribute("data-vitlens-drawn") == "1_pre"
    assert widget.get_by_role("slider").get_attribute("aria-valuenow") == "1"
    assert widget.locator("[aria-selected=true]").get_attribute("data-token") == "4"
    assert widget.get_by_role("combobox", name="Tint").input_value() == "class"
    assert hosted.saved() == []


def test_two_widgets_on_one_page_do_not_interfere(page):
    hosted = WidgetPage(page)
    first = hosted.add(vl.PatchGrid(random_reading(1), state=2))
    second = hosted.add(vl.PatchGrid(random_reading(2), state=2))
    first.get_by_role("slider").press("Home")
    first.locator(".vl-cell").nth(3).click()
    assert second.get_attribute("data-vitlens-drawn") == "2_pre"
    assert second.locator("[aria-selected=true]").count() == 0
    assert hosted.saved(1) == []
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), node => node.id)")
    assert len(ids) == len(set(ids))


def test_two_views_of_one_model_show_the_same(page):
    hosted = WidgetPage(page)
    first = hosted.add(vl.PatchGrid(random_reading(1), state=2))
    second = hosted.show_again()
    first.get_by_role("slider").press("Home")
    assert second.get_attribute("data-vitlens-drawn") == "0_pre"


def test_when_disposed_it_leaves_no_node_no_listener_and_no_timer(page):
    hosted = WidgetPage(page)
    hosted.stop_clock()
    widget = hosted.add(vl.PatchGrid(random_reading(states=6), state=0))
    widget.get_by_role("button", name="Play through the states").click()
    assert page.evaluate("window.hosted[0].model.listeners()") > 0
    page.evaluate("window.hosted[0].dispose()")
    page.clock.run_for(5000)
    assert page.evaluate("window.hosted[0].model.listeners()") == 0
    assert hosted.get("state") == 0
    assert page.locator(".vitlens").count() == 0


def test_it_is_read_by_those_who_do_not_see_it(page):
    reading = random_reading(2, labels=FakeLabels(["cat", "dog", "tree"]), classes=3)
    widget = WidgetPage(page).add(vl.PatchGrid(reading, state=1, target="tree"))
    grid = widget.get_by_role("grid", name="Patches and their top answers")
    assert grid.get_by_role("row").count() == 3
    cell = grid.get_by_role("gridcell").nth(7)
    top = reading.top(1)
    index, p = top.index[1, 0, 8, 0], top.probability[1, 0, 8, 0]
    name = ["cat", "dog", "tree"][index]
    assert cell.get_attribute("aria-label").startswith(f"row 1, col 2: {name} {p:.2f}")
    tab_stops = widget.locator("[tabindex='0'], button:not([tabindex]), select, input").all()
    assert all(accessible_name(stop) for stop in tab_stops)


def accessible_name(node):
    return node.evaluate("n => n.getAttribute('aria-label') || n.textContent.trim() || n.title")


def test_names_of_states_of_any_length_stand_clear_of_the_answers(page):
    reading = random_reading(states=12)
    reading.state_names = [f"{block}_attn_out" for block in range(12)]
    page.set_viewport_size({"width": 1400, "height": 1000})
    widget = WidgetPage(page).add(vl.PatchGrid(reading, token=1))
    free = widget.evaluate(
        """(node) => [...node.querySelectorAll(".vl-table tbody tr")].map((row) => {
            const name = document.createRange();
            name.selectNodeContents(row.querySelector("th"));
            const answer = row.querySelector("td").getBoundingClientRect();
            return answer.left - name.getBoundingClientRect().right;
        })"""
    )
    assert len(free) == 12
    assert min(free) >= 2


APART = """slider => {
    const boxes = [...slider.querySelectorAll(".vl-panel-name, .vl-panel-answer")]
        .filter(node => node.textContent && !node.hidden)
        .map(node => { const range = document.createRange(); range.selectNodeContents(node);
                       const { left, right, top, bottom } = range.getBoundingClientRect();
                       return [left, right, top, bottom]; });
    const touch = (a, b) => a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3];
    return boxes.filter((a, i) => boxes.some((b, j) => i < j && touch(a, b))).length;
}"""


def test_a_fine_grid_opens_full_with_classes_by_colour_and_numbers_that_do_not_touch(page):
    names = [f"thing {c}" for c in range(300)]
    labels = FakeLabels(names, ["\U0001f98a"] * 300)
    sizes = {"rows": 21, "cols": 20, "states": 13, "patch": 8, "classes": 300, "labels": labels}
    reading = random_reading(5, **sizes)
    grid = vl.PatchGrid(reading)
    assert grid.tint == "class"  # single patches are too small for a sign
    hosted = WidgetPage(page)
    widget = hosted.add(grid)
    rows = widget.locator(".vl-answers tbody tr")
    answers = reading.readout.top(1)
    for state in (0, 7, 12):  # nothing is pinned: what the classifier reads
        assert f"thing {answers.index[state, 0, 0]}" in rows.nth(state).inner_text()
    for width in (700, 1000, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        hosted.wait_two_frames()
        assert widget.locator(".vl-slider").evaluate(APART) == 0
    by_class = canvas_pixels(widget.locator(".vl-panel > .vl-canvas").nth(3))
    hosted.receive(tint="probability")
    drawn = canvas_pixels(widget.locator(".vl-panel > .vl-canvas").nth(3))
    np.testing.assert_array_equal(drawn, by_class)
    assert "top class" in widget.locator(".vl-filmstrip .vl-hint").inner_text()
    hosted.receive(tint="entropy")  # a quantity that was chosen is shown
    assert (canvas_pixels(widget.locator(".vl-panel > .vl-canvas").nth(3)) != by_class).any()
