"""A tuned infill lens in a page: named, switched, and beside the plain one on one axis."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.widget_page import WidgetPage

PLAIN, TUNED = "infill lens", "tuned infill lens"


@pytest.fixture(scope="module")
def infillings():
    mae = vl.load("toy/mae")
    lenses = [vl.InfillLens(mae), vl.TunedInfillLens.load("toy/mae", mae)]
    return [lens.read(vl.world.scene(3).image, mask_ratio=0.7, seed=2) for lens in lenses]


def pixels(widget, place):
    """Of a state's panel, of those of both strips."""
    canvas = widget.locator(".vl-strip .vl-infilled").nth(place)
    return canvas.evaluate("c => c.toDataURL()")


def test_the_title_says_which_lens(page, infillings):
    hosted = WidgetPage(page)
    plain, tuned = (hosted.add(vl.InfillStrip(one), "infill_strip") for one in infillings)
    assert "infill lens" not in plain.locator(".vl-heading").inner_text()
    assert f"{TUNED}: each state" in tuned.locator(".vl-heading").inner_text()
    assert tuned.locator(".vl-lenses, .vl-beside").count() == 0


def test_lenses_are_switched_and_stand_beside_one_another(page, infillings):
    page.set_viewport_size({"width": 1400, "height": 900})
    hosted = WidgetPage(page)
    strip = vl.InfillStrip(infillings, state=1)
    widget = hosted.add(strip, "infill_strip")
    alone = hosted.add(vl.InfillStrip(infillings[1], state=1), "infill_strip")
    before = pixels(widget, 0)
    widget.get_by_label("Lens to compare with").select_option(TUNED)
    assert hosted.saved() == [{"beside": TUNED}]
    n_states = infillings[0].n_states
    assert pixels(widget, n_states) == pixels(alone, 0) != before
    beside = widget.locator(".vl-beside")
    assert f"By the {TUNED}" in beside.inner_text()
    for infilling in infillings:
        assert f"{infilling.score('mse')[1, 0]:.4f}" in beside.inner_text()
    widget.get_by_role("radio", name=TUNED).click()
    assert hosted.saved()[-1] == {"lens": TUNED, "beside": PLAIN}
    assert pixels(widget, 0) == pixels(alone, 0)
    assert pixels(widget, n_states) == before
    assert f"{TUNED}: each state" in widget.locator(".vl-heading").inner_text()


@pytest.mark.parametrize("width", [1400, 1000, 700])
def test_nothing_is_wider_than_the_widget(page, infillings, width):
    page.set_viewport_size({"width": width, "height": 900})
    WidgetPage(page).add(vl.InfillStrip(infillings, beside=TUNED), "infill_strip")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_saved_page_switches_lenses(page, tmp_path, infillings):
    path = vl.InfillStrip(infillings).save_html(tmp_path / "strip.html")
    page.goto(path.as_uri())
    root = page.locator(".vitlens").first
    root.and_(page.locator("[data-vitlens-drawn]")).wait_for(state="attached")
    before = pixels(root, 0)
    root.get_by_role("radio", name=TUNED).click()
    assert pixels(root, 0) != before
