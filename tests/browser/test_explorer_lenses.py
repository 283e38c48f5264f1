"""Several lenses in an Explorer: switched and compared in all its views, also without a kernel."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.painted import in_words
from tests.browser.widget_page import WidgetPage

LOGIT, TUNED = "logit lens", "tuned lens"


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/p32")


@pytest.fixture(scope="module")
def scene():
    return vl.world.scene(45, objects=2, classes=("cat", "umbrella"))


@pytest.fixture(scope="module")
def lenses(vit):
    return [vl.LogitLens(vit), vl.TunedLens.load("toy/p32", vit)]


def spoken(widget):
    """What every patch of the large picture says."""
    return widget.locator(".vl-answers-side .vl-cell").evaluate_all(
        "cells => cells.map((cell) => cell.getAttribute('aria-label'))"
    )


def test_another_lens_is_shown_in_all_views(page, vit, scene, lenses):
    page.set_viewport_size({"width": 1400, "height": 900})
    hosted = WidgetPage(page)
    several = hosted.add(vl.explore(vit, scene, lens=lenses, state=3, token=19), "explorer")
    alone = hosted.add(vl.explore(vit, scene, lens=lenses[1], state=3, token=19), "explorer")
    assert spoken(several) != spoken(alone)
    several.get_by_role("radiogroup", name="Lens").get_by_role("radio", name="tuned").click()
    assert hosted.saved() == [{"lens": TUNED}]
    assert spoken(several) == spoken(alone)
    for part in (".vl-lane-answers", ".vl-pair-line", ".vl-token-answers"):
        assert several.locator(part).inner_text() == alone.locator(part).inner_text()
    assert hosted.asked == []


def test_two_lenses_stand_under_one_another_or_as_their_difference(page, vit, scene, lenses):
    page.set_viewport_size({"width": 1400, "height": 900})
    hosted = WidgetPage(page)
    widget = hosted.add(vl.explore(vit, scene, lens=lenses, state=3), "explorer")
    lanes = widget.locator(".vl-lane-panels")
    assert [lanes.nth(i).is_visible() for i in range(2)] == [True, False]
    widget.get_by_label("Lens to compare with").select_option(TUNED)
    assert [lanes.nth(i).is_visible() for i in range(2)] == [True, True]
    assert widget.locator(".vl-lane-name").all_inner_texts() == [LOGIT, TUNED]
    widget.get_by_role("radio", name="Difference").click()
    assert [lanes.nth(i).is_visible() for i in range(2)] == [True, False]
    assert f"{LOGIT} − {TUNED}" in widget.locator(".vl-answers-side").inner_text()
    widget.locator(".vl-answers-side .vl-cell").first.focus()
    page.keyboard.press("l")
    assert hosted.saved()[-1] == {"lens": TUNED, "beside": LOGIT}
    assert f"{TUNED} − {LOGIT}" in widget.locator(".vl-answers-side").inner_text()


def test_curves_of_every_lens_stand_under_the_axis_of_states(page, vit, scene, lenses):
    page.set_viewport_size({"width": 1400, "height": 900})
    hosted = WidgetPage(page)
    explorer = vl.explore(vit, scene, lens=lenses, state=3, target="cat")
    widget = hosted.add(explorer, "explorer")
    chart = widget.get_by_role("region", name="All lenses")
    for lens in lenses:
        p = lens.read(explorer.trace).readout.probability("cat")[3, 0]
        assert f"{lens.name} {in_words(p, 3)}" in " ".join(chart.inner_text().split())
    middles = [
        widget.locator(of).evaluate_all(
            "nodes => nodes.map((n) => n.getBoundingClientRect()).map((b) => b.x + b.width / 2)"
        )
        for of in (".vl-lane-panels:visible .vl-panel", ".vl-lens-curves .vl-tick-text[y='108']")
    ]
    assert middles[0] == pytest.approx(middles[1], abs=1)
    assert hosted.asked == []
    chart.locator("svg.vl-plot").click(position={"x": 20, "y": 40})
    assert hosted.saved() == [{"state": 0}]


def test_one_lens_has_no_curves(page, vit, scene, lenses):
    widget = WidgetPage(page).add(vl.explore(vit, scene, lens=lenses[0]), "explorer")
    assert widget.locator(".vl-lens-curves").count() == 0
    assert not widget.locator(".vl-lane-curves").is_visible()


def test_a_saved_page_keeps_two_linked_widgets_on_one_lens(page, tmp_path, vit, scene, lenses):
    explorer = vl.explore(vit, scene, lens=lenses)
    readings = [lens.read(explorer.trace) for lens in lenses]
    grid = vl.PatchGrid(readings, beside=TUNED)
    vl.link(explorer, grid)
    path = vl.save_html([explorer, grid], tmp_path / "both.html")
    page.goto(path.as_uri())
    roots = page.locator(".vitlens")
    page.locator("[data-vitlens-drawn]").nth(1).wait_for(state="attached")
    roots.nth(0).get_by_role("radio", name="tuned").click()
    shown = roots.nth(1).get_by_role("radiogroup", name="Lens").get_by_role("radio", name="tuned")
    assert shown.get_attribute("aria-checked") == "true"
    assert roots.nth(1).get_by_label("Lens to compare with").input_value() == LOGIT


@pytest.mark.parametrize("width", [1400, 1000, 700])
def test_nothing_is_wider_than_its_place(page, vit, scene, lenses, width):
    page.set_viewport_size({"width": width, "height": 900})
    explorer = vl.explore(vit, scene, lens=lenses, beside=TUNED)
    WidgetPage(page).add(explorer, "explorer")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_saved_page_switches_lenses(page, tmp_path, vit, scene, lenses):
    path = vl.explore(vit, scene, lens=lenses, state=3).save_html(tmp_path / "explorer.html")
    page.goto(path.as_uri())
    root = page.locator(".vitlens").first
    root.and_(page.locator("[data-vitlens-drawn]")).wait_for(state="attached")
    before = spoken(root)
    root.get_by_role("radio", name="tuned").click()
    assert spoken(root) != before
