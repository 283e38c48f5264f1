"""Several lenses of one trace in a page: switched, side by side, their difference, their curves."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import in_words
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_reading import FakeLabels
from tests.widgets.several_lenses import NAMES, several_readings

LABELS = FakeLabels(
    ["cat", "dog", "tree", "house", "boat", "car", "background"],
    ["🐱", "🐶", "🌲", "🏠", "⛵", "🚗", ""],
)
LOGIT, TUNED, JACOBIAN = NAMES


@pytest.fixture
def readings():
    return several_readings(2, labels=LABELS)


@pytest.fixture
def hosted(page):
    return WidgetPage(page)


def lens(widget, name):
    return widget.get_by_role("radiogroup", name="Lens").get_by_role("radio", name=name)


def answers(widget):
    """What the table says of every state."""
    return widget.get_by_role("table").inner_text()


def test_a_click_shows_another_lens_and_keeps_what_is_chosen(hosted, readings):
    widget = hosted.add(vl.PatchGrid(readings, token=9, state=1, target="tree", tint="entropy"))
    alone = hosted.add(vl.PatchGrid(readings[1], token=9, state=1, target="tree", tint="entropy"))
    assert answers(widget) != answers(alone)
    lens(widget, "tuned").click()
    assert hosted.saved() == [{"lens": TUNED}]
    assert answers(widget) == answers(alone)
    assert "fake/vit · tuned lens" in widget.locator(".vl-heading").inner_text()
    spoken = [
        root.locator(".vl-cell").nth(4).get_attribute("aria-label") for root in (widget, alone)
    ]
    assert spoken[0] == spoken[1]
    assert widget.locator("[aria-selected=true]").get_attribute("data-token") == "9"
    assert hosted.asked == []


def test_the_key_l_goes_to_the_next_lens(hosted, readings):
    widget = hosted.add(vl.PatchGrid(readings, beside=TUNED))
    widget.locator(".vl-cell").first.focus()
    hosted.page.keyboard.press("l")
    assert hosted.saved() == [{"lens": TUNED, "beside": LOGIT}]  # they change places
    hosted.page.keyboard.press("L")
    assert hosted.saved()[-1] == {"lens": JACOBIAN}
    hosted.page.keyboard.press("l")
    assert hosted.saved()[-1] == {"lens": LOGIT, "beside": JACOBIAN}


def test_two_films_stand_one_over_the_other_on_one_scale(hosted, readings):
    widget = hosted.add(vl.PatchGrid(readings, target="tree"))
    second = widget.get_by_role("region", name=f"States by the {TUNED}")
    assert second.count() == 0
    widget.get_by_label("Lens to compare with").select_option(TUNED)
    assert hosted.saved() == [{"beside": TUNED}]
    assert second.is_visible()
    first = widget.get_by_role("region", name=f"States by the {LOGIT}")
    lefts = [film.locator(".vl-panel").nth(2).bounding_box()["x"] for film in (first, second)]
    assert lefts[0] == lefts[1]
    top = readings[1].readout.top(1)
    said = second.get_by_role("slider").get_attribute("aria-valuetext")
    assert f"{LABELS[top.index[-1, 0, 0]]}" in said
    second.locator(".vl-panel").nth(1).click()
    assert hosted.saved()[-1] == {"state": 1}
    for name in ("1_pre", f"{top.probability[1, 0, 0]:.2f}"):
        assert name in second.inner_text()


def test_the_difference_is_that_of_the_two_lenses(hosted, readings):
    grid = vl.PatchGrid(readings, lens=TUNED, beside=LOGIT, state=1, target="tree")
    widget = hosted.add(grid)
    widget.get_by_role("radio", name="Difference").click()
    assert hosted.saved() == [{"difference": True}]
    own, other = (one.probability(2) for one in (readings[1], readings[0]))
    difference = (own - other)[:, 0]
    widget.locator(".vl-cell[data-token='7']").hover()
    value = difference[1, 7]
    sign = "+" if value > 0 else "−"
    assert f"difference {sign}{abs(value):.2f}" in " ".join(
        widget.get_by_role("status").inner_text().split()
    )
    most = max(np.abs(difference[:, 1:]).max(), readout_most(readings))
    legend = widget.locator(".vl-tint-legend").inner_text()
    assert f"+{most:.2f}" in legend
    assert f"{TUNED} − {LOGIT}" in legend
    assert widget.get_by_role("region", name=f"States by the {LOGIT}").count() == 0


def readout_most(readings):
    own, other = (one.readout.probability(2)[:, 0] for one in (readings[1], readings[0]))
    return np.abs(own - other).max()


def test_curves_of_the_readout_by_every_lens_with_their_numbers(hosted, readings):
    widget = hosted.add(vl.PatchGrid(readings, state=2, target="boat"))
    chart = widget.get_by_role("region", name="All lenses")
    for reading in readings:
        p = reading.readout.probability(4)[2, 0]
        assert f"{reading.lens_name} {in_words(p, 3)}" in " ".join(chart.inner_text().split())
    heights = [line_heights(chart, i) for i in range(3)]
    # The lens that is shown is drawn last; a line's points are its values, upside down.
    for reading, found in zip([*readings[1:], readings[0]], heights, strict=True):
        p = reading.readout.probability(4)[:, 0]
        np.testing.assert_allclose(np.corrcoef(p, found)[0, 1], -1, atol=1e-6)
    widget.locator(".vl-cell[data-token='3']").click()
    p = readings[0].probability(4)[2, 0, 3]
    assert f"{LOGIT} {in_words(p, 3)}" in " ".join(chart.inner_text().split())
    box = chart.locator(".vl-plot").bounding_box()
    hosted.page.mouse.click(box["x"] + box["width"] - 4, box["y"] + 20)
    assert hosted.saved()[-1] == {"state": 3}


def line_heights(chart, index):
    points = chart.locator("polyline").nth(index).get_attribute("points")
    return [float(point.split(",")[1]) for point in points.split()]


@pytest.mark.parametrize("tint", ["logit", "rank", "entropy", "kl", "class", "none"])
def test_curves_follow_the_quantity_of_the_colours(hosted, readings, tint):
    widget = hosted.add(vl.PatchGrid(readings, state=1, target="boat", tint=tint))
    words = " ".join(widget.get_by_role("region", name="All lenses").inner_text().split())
    own = readings[0].readout
    value = {
        "logit": f"{own.logit(4)[1, 0]:.2f}".replace("-", "−"),
        "rank": f"{own.rank(4)[1, 0]} of 7",
        "entropy": f"{own.entropy()[1, 0]:.2f} nats",
        "kl": f"{own.kl_to_final()[1, 0]:.2f} nats",
    }.get(tint, in_words(own.probability(4)[1, 0], 3))
    assert f"{LOGIT} {value}" in words


def test_the_kernel_may_choose(hosted, readings):
    widget = hosted.add(vl.PatchGrid(readings))
    hosted.receive(lens=JACOBIAN, beside=LOGIT)
    assert widget.get_by_role("region", name=f"States by the {JACOBIAN}").is_visible()
    assert widget.get_by_role("region", name=f"States by the {LOGIT}").is_visible()
    assert lens(widget, "Jacobian").get_attribute("aria-checked") == "true"
    assert hosted.saved() == []


def test_one_reading_has_no_lenses_to_choose(hosted, readings):
    widget = hosted.add(vl.PatchGrid(readings[0]))
    hosted.page.keyboard.press("l")
    assert widget.locator(".vl-lenses, .vl-lens-curves").count() == 0
    assert hosted.saved() == []


@pytest.mark.parametrize("width", [1400, 1000, 700, 480])
def test_nothing_is_wider_than_the_widget(page, readings, width):
    page.set_viewport_size({"width": width, "height": 900})
    hosted = WidgetPage(page)
    names = ["a lens of a rather long name", "another lens, of a long name", "third"]
    given = dict(zip(names, readings, strict=True))
    for choices in ({}, {"beside": names[1]}, {"difference": True}):
        hosted.add(vl.PatchGrid(given, **choices))
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_saved_page_switches_lenses_without_a_kernel(page, tmp_path, readings):
    path = vl.PatchGrid(readings, target="tree").save_html(tmp_path / "lenses.html")
    page.goto(path.as_uri())
    root = page.locator(".vitlens").first
    root.and_(page.locator("[data-vitlens-drawn]")).wait_for(state="attached")
    lens(root, "Jacobian").click()
    root.get_by_label("Lens to compare with").select_option(TUNED)
    assert root.get_by_role("region", name=f"States by the {TUNED}").is_visible()
    root.get_by_role("radio", name="Difference").click()
    assert f"{JACOBIAN} − {TUNED}" in root.locator(".vl-tint-legend").inner_text()
