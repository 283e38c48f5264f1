"""RelevanceMaps on its page: sizes, themes, neighbours, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

import vitlens_widgets as vl
from tests.browser.relevance_page import cell, curve, heat, panel, shown, text, tile
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_relevance import random_relevances

PICTURES = Path(__file__).parent / "screenshots"
REGISTERS = ("CLS", *(f"register {i}" for i in range(1, 5)))
SHAPES = {
    "7x7, 12x12 heads": {"rows": 7, "cols": 7, "layers": 12, "heads": 12},
    "10x14, registers, 3 images": {
        "rows": 10, "cols": 14, "layers": 4, "heads": 6, "prefix": REGISTERS, "images": 3
    },
    "3x5, no prefix, one head": {"rows": 3, "cols": 5, "layers": 1, "heads": 1, "prefix": ()},
    "24x24, 24x16 heads": {"rows": 24, "cols": 24, "layers": 24, "heads": 16, "patch": 2},
    "2x20, many heads": {"rows": 2, "cols": 20, "layers": 3, "heads": 25},
}  # fmt: skip
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PARTS = (".vl-header", ".vl-heads", ".vl-stage", ".vl-pair")
WIDTHS = (400, 460, 640, 700, 900, 1000, 1100, 1400, 1700)


def at_width(page, root, width):
    page.set_viewport_size({"width": width, "height": 800})
    root.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("classes", [2, [2, 4]], ids=["one class", "two classes"])
def test_it_fits_at_every_width_without_running_over(page, shape, classes):
    source = random_relevances(1, **SHAPES[shape])
    hosted, root = shown(page, source, classes, n_points=4, token=2)
    hosted.widgets[0].saved()
    hosted.receive(**hosted.widgets[0]._own_state())
    for width in WIDTHS:
        at_width(page, root, width)
        assert page.evaluate(OVERFLOW) <= 0, width
        boxes = [root.locator(part).bounding_box() for part in PARTS]
        for locator in (root.locator(".vl-picture:visible"), root.locator("svg:visible")):
            boxes += [one.bounding_box() for one in locator.all()]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width + 0.5 for box in boxes)
        patch = cell(root, 0, 0, source.layout.cols).bounding_box()
        assert patch["width"] == patch["height"] == int(patch["width"])
    assert root.get_attribute("data-mode") == ("two" if shape.startswith("2x20") else "columns")


@pytest.mark.parametrize("classes", [2, [2, 4]], ids=["one class", "two classes"])
def test_the_parts_do_not_lie_upon_each_other(page, classes):
    source = random_relevances(1, **SHAPES["10x14, registers, 3 images"])
    hosted, root = shown(page, source, classes, n_points=4)
    hosted.widgets[0].saved()
    hosted.receive(**hosted.widgets[0]._own_state())
    names = (".vl-of-heads", ".vl-stage-head", ".vl-panel", ".vl-removal", ".vl-aside", ".vl-pair")
    for width in WIDTHS:
        at_width(page, root, width)
        found = [one for name in names for one in root.locator(f"{name}:visible").all()]
        boxes = [one.bounding_box() for one in found]
        for i, one in enumerate(boxes):
            for other in boxes[i + 1 :]:
                assert (
                    one["x"] + one["width"] <= other["x"] + 0.5
                    or other["x"] + other["width"] <= one["x"] + 0.5
                    or one["y"] + one["height"] <= other["y"] + 0.5
                    or other["y"] + other["height"] <= one["y"] + 0.5
                ), (width, one, other)


def test_two_pictures_and_their_difference_stand_on_one_line(page):
    page.set_viewport_size({"width": 1400, "height": 900})
    _, root = shown(page, random_relevances(1), [2, 4])
    pictures = [panel(root, whose).locator(".vl-picture") for whose in (0, 1, "difference")]
    boxes = [one.bounding_box() for one in pictures]
    assert len({(box["y"], box["width"]) for box in boxes}) == 1
    titles = [text(panel(root, whose).locator("h4")) for whose in (0, 1, "difference")]
    assert titles[2] == "thing 2 − thing 4"
    assert titles[0].startswith("thing 2 probability 0.")


@pytest.mark.parametrize("classes", [2, [2, 4]], ids=["one class", "two classes"])
def test_nothing_moves_when_a_point_of_a_curve_or_a_patch_is_read_out(page, classes):
    hosted, root = shown(page, random_relevances(1, rows=7, cols=7), classes, n_points=30)
    hosted.widgets[0].saved()
    hosted.receive(**hosted.widgets[0]._own_state())
    slider = curve(root).get_by_role("slider")
    for width in (460, 700, 1100, 1400):
        at_width(page, root, width)
        before = places(root)
        for key in ("ArrowRight", "End"):
            slider.press(key)
            assert places(root) == before, width
        slider.press("Escape")
        cell(root, 3, 4, 7).focus()
        assert places(root) == before, width
        cell(root, 3, 4, 7).blur()


def places(root):
    """Where parts stand in the widget, and how high they are."""
    names = (".vl-stage", ".vl-removal", ".vl-aside", ".vl-overview", ".vl-foot-line")
    top = root.bounding_box()["y"]
    boxes = [root.locator(name).first.bounding_box() for name in names]
    return [(round(box["y"] - top), round(box["height"])) for box in boxes]


def test_maps_look_the_same_in_the_dark_and_all_else_follows_the_theme(page):
    _, root = shown(page, random_relevances(1), 2)
    light = heat(root)
    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    expect(root).to_have_css("background-color", "rgb(17, 17, 17)")
    root.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    np.testing.assert_array_equal(heat(root), light)


def test_in_a_hidden_tab_it_waits_and_draws_when_shown(page):
    hosted = WidgetPage(page)
    hosted.hide_until_added()
    root = hosted.add(vl.RelevanceMaps(random_relevances(1), 2), "relevance_maps")
    assert root.get_attribute("data-vitlens-drawn") == "class_embedding: 2, image 0"
    assert not page.evaluate("window.drawnWhileHidden")


def test_everything_has_a_name_and_one_tab_stop(page):
    source = random_relevances(1, prefix=REGISTERS)
    hosted, root = shown(page, source, [2, 4], n_points=4)
    hosted.widgets[0].saved()
    hosted.receive(**hosted.widgets[0]._own_state())
    unnamed = root.evaluate("""root => {
      const kinds = "button, select, input, section, [role=slider], [role=grid], [role=group]";
      const isNamed = (one) => one.getAttribute("aria-label") || one.textContent.trim();
      const shown = [...root.querySelectorAll(kinds)].filter((one) => one.checkVisibility());
      return shown.filter((one) => !isNamed(one)).map((one) => one.outerHTML);
    }""")
    assert unnamed == []
    for grid in root.get_by_role("grid").all():
        assert grid.locator("[tabindex='0']").count() == 1
    value = hosted.widgets[0].relevance[0].patches()[0, 1]
    name = cell(root, 0, 1, 6).get_attribute("aria-label")
    assert name == f"row 0, col 1, {value:.3g}".replace("-", "−")
    label = panel(root, "difference").get_by_role("grid").get_attribute("aria-label")
    assert label == "Relevance of patches for thing 2 minus thing 4"


def test_labels_and_captions_are_text(page):
    source = random_relevances(1)
    source.labels[2] = "<img src=x onerror=alert(1)>"
    hosted, root = shown(page, source, [2, 4], caption="<b>bold</b>")
    assert "<b>bold</b>" in text(root.locator(".vl-heading"))
    assert text(panel(root, 0).locator("h4")).startswith("<img src=x")
    assert root.locator("img, .vl-heading b").count() == 0
    hosted.receive(error="<i>no</i>")
    assert "<i>no</i>" in text(root.get_by_role("alert"))


def test_dropped_patches_are_veiled_and_cannot_be_pinned(page):
    source = random_relevances(1, tokens=[0, 1, 2, 5, 9, 24])
    hosted, root = shown(page, source, 2)
    cell(root, 0, 2, 6).click()
    assert hosted.get("token") is None
    assert "not in the sequence" in cell(root, 0, 2, 6).get_attribute("aria-label")
    cell(root, 0, 1, 6).click()
    assert hosted.get("token") == 2


def test_two_widgets_on_one_page_do_not_interfere_and_leave_nothing_behind(page):
    hosted, first = shown(page, random_relevances(1), 2)
    second = hosted.add(vl.RelevanceMaps(random_relevances(2), 3), "relevance_maps")
    tile(second, 0, 1).click()
    assert hosted.get("show", 0) == "all"
    assert hosted.get("show", 1) == "head"
    page.evaluate("window.hosted.forEach(one => one.dispose())")
    listeners = page.evaluate("window.hosted.map(one => one.model.listeners())")
    assert listeners == [0, 0]
    assert page.locator(".vitlens").count() == 0
    assert first.count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [460, 700, 1100, 1400])
def test_pictures_of_it_for_the_eye(browser, scheme, width):
    vit = vl.load("toy/p32")
    scene = vl.world.scene(45, objects=2, classes=("cat", "umbrella"))
    widget = vl.RelevanceMaps(vit.trace(scene.image), ["cat", "umbrella"], token=19, n_points=12)
    widget.saved()
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    root = WidgetPage(page, scheme=scheme).add(widget, "relevance_maps")
    PICTURES.mkdir(exist_ok=True)
    root.screenshot(path=PICTURES / f"relevance_{width}_{scheme}.png")
    assert curve(root, 1).locator("polyline").count() == 3
    page.close()
