"""AttentionMaps on its page: sizes, themes, errors, neighbours, and what it leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import map_pixels
from tests.browser.painted import canvas_pixels
from tests.browser.widget_page import WidgetPage, eventually
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import random_reading

REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")
SHAPES = {
    "7x7, 12x12 heads": {"rows": 7, "cols": 7, "layers": 12, "heads": 12, "d": 2},
    "10x14, registers, 3 images": {
        "rows": 10, "cols": 14, "layers": 4, "heads": 6, "prefix": REGISTERS, "images": 3
    },
    "3x5, no prefix, one head": {"rows": 3, "cols": 5, "layers": 1, "heads": 1, "prefix": ()},
    "24x24": {"rows": 24, "cols": 24, "layers": 6, "heads": 1, "patch": 2, "d": 2},
    "37x37, registers": {
        "rows": 37, "cols": 37, "layers": 1, "heads": 1, "prefix": REGISTERS, "patch": 2, "d": 2
    },
    "2x20, many heads": {"rows": 2, "cols": 20, "layers": 3, "heads": 25, "d": 2},
}  # fmt: skip
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PARTS = (".vl-controls", ".vl-heads", ".vl-sheet", ".vl-picture", ".vl-this-head", ".vl-pair")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_fits_at_every_width_without_running_over(page, shape):
    maps = random_maps(1, **SHAPES[shape])
    hosted = WidgetPage(page)
    widget = hosted.add(vl.AttentionMaps(maps, token=2, key=3), "attention_maps")
    modes = {}
    for width in (400, 560, 700, 880, 1000, 1100, 1300, 1500):
        page.set_viewport_size({"width": width, "height": 800})
        widget.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        modes[width] = widget.get_attribute("data-mode")
        assert page.evaluate(OVERFLOW) <= 0, width
        for part in PARTS:
            box = widget.locator(part).bounding_box()
            assert box["x"] >= 0, (part, width)
            assert box["x"] + box["width"] <= width, (part, width)
    assert [modes[w] for w in (400, 1500)] == ["stack", "columns"]
    # rather in two columns than a map of less than a pixel a cell
    assert modes[1000] == ("two" if shape == "24x24" else "columns")


def test_the_parts_do_not_lie_upon_each_other(page):
    maps = random_maps(1, **SHAPES["10x14, registers, 3 images"])
    hosted = WidgetPage(page)
    widget = hosted.add(vl.AttentionMaps(maps, token=2, key=3), "attention_maps")
    for width in (400, 700, 900, 1000, 1200, 1500):
        page.set_viewport_size({"width": width, "height": 800})
        widget.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        boxes = [widget.locator(part).bounding_box() for part in PARTS[1:]]
        for i, one in enumerate(boxes):
            for other in boxes[i + 1 :]:
                apart = (
                    one["x"] + one["width"] <= other["x"] + 0.5
                    or other["x"] + other["width"] <= one["x"] + 0.5
                    or one["y"] + one["height"] <= other["y"] + 0.5
                    or other["y"] + other["height"] <= one["y"] + 0.5
                )
                assert apart, (width, one, other)


@pytest.mark.parametrize("width", [1000, 1200, 1400])
def test_overview_map_and_image_begin_at_one_height(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    maps = random_maps(1, **SHAPES["7x7, 12x12 heads"])
    widget = WidgetPage(page).add(vl.AttentionMaps(maps), "attention_maps")
    first = widget.locator(".vl-head-tile").first.bounding_box()["y"]
    tops = [widget.locator(part).bounding_box()["y"] for part in (".vl-sheet", ".vl-picture")]
    assert max(abs(top - first) for top in tops) <= 1


def test_in_a_hidden_tab_it_waits_and_draws_when_shown(page):
    hosted = WidgetPage(page)
    hosted.hide_until_added()
    widget = hosted.add(vl.AttentionMaps(random_maps()), "attention_maps")
    assert widget.get_attribute("data-vitlens-drawn") == "head 0 of 2, pattern, image 0"
    assert not page.evaluate("window.drawnWhileHidden")


def test_maps_look_the_same_in_the_dark_and_all_else_follows_the_theme(page):
    widget = WidgetPage(page).add(vl.AttentionMaps(random_maps()), "attention_maps")
    light = map_pixels(widget)
    dots = widget.locator(".vl-dots").first
    before = strip_pixels(dots)
    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    eventually(page, lambda: strip_pixels(dots) != before and painted(dots) > 20)
    np.testing.assert_array_equal(map_pixels(widget), light)
    colour = widget.evaluate("root => getComputedStyle(root).backgroundColor")
    assert colour == "rgb(17, 17, 17)"


def test_a_theme_that_changes_while_the_page_is_hidden_is_drawn_when_it_is_shown(page):
    """JupyterLab hides its page while it loads a theme."""
    widget = WidgetPage(page).add(vl.AttentionMaps(random_maps()), "attention_maps")
    dots = widget.locator(".vl-dots").first
    before = strip_pixels(dots)
    widget.evaluate("""async (widget) => {
      const page = document.querySelector("main");
      const probe = widget.querySelector(".vl-theme-probe");
      const noticed = new Promise((done) => probe.addEventListener("transitioncancel", done));
      document.documentElement.style.colorScheme = "dark";
      getComputedStyle(probe).color;  // the change has begun
      page.style.display = "none";
      await noticed;
      page.style.display = "";
    }""")
    eventually(page, lambda: strip_pixels(dots) != before and painted(dots) > 20)


def strip_pixels(canvas):
    return canvas.evaluate("c => c.toDataURL()")


def painted(canvas):
    """How many of its pixels are not transparent."""
    return canvas.evaluate("""c => c.width && c.getContext("2d")
      .getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0).length""")


def test_an_error_of_the_kernel_is_a_sentence_and_the_map_stays(page):
    hosted = WidgetPage(page)
    widget = hosted.add(vl.AttentionMaps(random_maps()), "attention_maps")
    before = map_pixels(widget)
    hosted.receive(error="The kernel <i>ran out</i> of memory.")
    alert = widget.get_by_role("alert")
    assert "The kernel <i>ran out</i> of memory." in alert.inner_text()
    np.testing.assert_array_equal(map_pixels(widget), before)
    alert.get_by_role("button", name="Dismiss").click()
    assert hosted.saved() == [{"error": ""}]


def test_it_stands_beside_a_patch_grid_and_another_of_its_kind(page):
    hosted = WidgetPage(page)
    grid = hosted.add(vl.PatchGrid(random_reading(1), state=2))
    shown = canvas_pixels(grid.locator(".vl-picture > .vl-canvas"))
    first = hosted.add(vl.AttentionMaps(random_maps(1)), "attention_maps")
    second = hosted.add(vl.AttentionMaps(random_maps(2)), "attention_maps")
    first.locator(".vl-cell").nth(3).click()
    first.locator(".vl-head-tile").nth(1).click()
    assert second.locator("[role=gridcell][aria-selected=true]").count() == 0
    assert hosted.saved(2) == []
    assert hosted.saved(0) == []
    np.testing.assert_array_equal(canvas_pixels(grid.locator(".vl-picture > .vl-canvas")), shown)
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), node => node.id)")
    assert len(ids) == len(set(ids))


def test_two_views_of_one_model_show_the_same(page):
    hosted = WidgetPage(page)
    first = hosted.add(vl.AttentionMaps(random_maps(1)), "attention_maps")
    second = hosted.show_again()
    first.locator(".vl-head-tile").nth(0).click()
    assert second.get_attribute("data-vitlens-drawn") == "head 0 of 0, pattern, image 0"


def test_when_disposed_it_leaves_no_node_and_no_listener(page):
    hosted = WidgetPage(page)
    page.evaluate(
        """() => {
          window.outside = [];  // listeners of the widget's module, on anything but the widget
          for (const target of [window, document, document.body, document.documentElement]) {
            const add = target.addEventListener;
            target.addEventListener = function (...words) {
              if (new Error().stack.includes("blob:")) window.outside.push(words);
              return add.apply(this, words);
            };
          }
        }"""
    )
    widget = hosted.add(vl.AttentionMaps(random_maps(), token=2, key=5), "attention_maps")
    widget.get_by_role("button", name="Neurons", exact=True).click()
    widget.get_by_role("button", name="Zoom into the map").click()
    assert page.evaluate("window.hosted[0].model.listeners()") > 0
    page.evaluate("window.hosted[0].dispose()")
    assert page.evaluate("window.hosted[0].model.listeners()") == 0
    left = "window.outside.filter(([, , how]) => !how?.signal?.aborted).map(([name]) => name)"
    assert page.evaluate(left) == []
    assert page.locator(".vitlens").count() == 0
    hosted.receive(layer=0)


def test_it_is_read_by_those_who_do_not_see_it(page):
    maps = random_maps(2, rows=4, cols=6)
    widget = WidgetPage(page).add(vl.AttentionMaps(maps, token=3, key=9), "attention_maps")
    heads = widget.get_by_role("group", name="All heads").get_by_role("button")
    assert heads.count() == 6
    entropy = maps.statistics(0).values["entropy"][2, 0]
    name = heads.nth(4).get_attribute("aria-label")
    assert name == f"Layer 2, head 0, entropy {entropy:.2f} nats"
    grid = widget.get_by_role("grid", name="Layer 2, head 0: rows ask, columns are asked")
    assert grid.get_attribute("aria-rowcount") == grid.get_attribute("aria-colcount") == "25"
    image = widget.get_by_role("grid", name="Patches of the image")
    assert image.get_by_role("row").count() == 4
    assert image.get_by_role("gridcell").nth(7).get_attribute("aria-label") == "row 1, col 1"
    assert widget.locator(".vl-pair-line").get_attribute("aria-live") == "polite"
    stops = widget.locator("[tabindex='0'], button:not([tabindex]), select").all()
    named = "n => n.getAttribute('aria-label') || n.textContent.trim() || n.title"
    assert all(stop.evaluate(named) for stop in stops)
    assert widget.locator("[tabindex='0']").count() <= 12


def test_focus_is_seen_on_every_stop(page):
    widget = WidgetPage(page).add(vl.AttentionMaps(random_maps()), "attention_maps")
    page.keyboard.press("Tab")
    seen = 0
    for _ in range(40):
        ring = page.evaluate(
            """() => { const a = document.activeElement;
              if (!a.closest('.vitlens')) return null;
              const [own, after] = [getComputedStyle(a), getComputedStyle(a, '::after')];
              return own.outlineStyle !== 'none' || after.borderStyle === 'solid'; }"""
        )
        if ring is not None:
            assert ring, page.evaluate("document.activeElement.outerHTML").split(">")[0]
            seen += 1
        page.keyboard.press("Tab")
    assert seen > 12
    assert widget.is_visible()
