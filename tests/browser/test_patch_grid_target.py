"""Choosing the target: the search box, and the kernel's answer where the table is too large."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import VIRIDIS, canvas_pixels, in_words, mapped, on_scale, patches
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_reading import FakeLabels, random_reading
from vitlens_widgets.widgets.patch_grid import data

NAMES = ["dog", "cat", "tiger cat", "car", "boat", "tree", "<b>bold</b>"]


@pytest.fixture
def hosted(page):
    return WidgetPage(page)


@pytest.fixture
def reading():
    return random_reading(7, rows=5, cols=7, patch=58, labels=FakeLabels(NAMES))


def search(widget):
    return widget.get_by_role("combobox", name="Target class")


def options(widget):
    return widget.get_by_role("listbox", name="Labels").get_by_role("option")


def titles(widget):
    return [option.get_attribute("title") for option in options(widget).all()]


def test_typing_lists_labels_and_enter_takes_the_best(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading, target="dog"))
    box = search(widget)
    assert box.input_value() == "dog"
    assert box.get_attribute("aria-expanded") == "false"
    box.fill("ca")
    assert titles(widget) == ["cat", "car", "tiger cat"]
    assert "3 of 7 labels" in widget.locator(".vl-options-foot").inner_text()
    assert box.get_attribute("aria-expanded") == "true"
    active = box.get_attribute("aria-activedescendant")
    assert widget.locator(f"#{active}").get_attribute("aria-selected") == "true"
    box.press("ArrowDown")
    box.press("ArrowDown")
    box.press("Enter")
    assert hosted.saved() == [{"target": 2}]
    assert box.input_value() == "tiger cat"
    assert box.get_attribute("aria-expanded") == "false"


def test_the_list_shows_the_readouts_probability_at_this_state(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading, state=1))
    search(widget).fill("tree")
    text = options(widget).inner_text()
    p = float(reading.readout.probability(5)[1, 0])
    assert in_words(p, 2) in text


def test_an_unknown_label_is_answered_with_the_nearest_and_a_remedy(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading, target="dog"))
    search(widget).fill("boatt")
    search(widget).press("Enter")
    alert = widget.get_by_role("alert")
    assert (
        "Class “boatt” is not among the 7 labels of fake/vit. Nearest: boat" in alert.inner_text()
    )
    assert hosted.saved() == []
    assert search(widget).input_value() == "dog"
    alert.get_by_role("button", name="Use boat").click()
    assert hosted.saved() == [{"target": 4}]
    assert alert.is_hidden()


def test_escape_and_leaving_give_up_what_was_typed(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading, target="dog"))
    box = search(widget)
    box.fill("tre")
    box.press("Escape")
    assert box.input_value() == "dog"
    box.fill("tre")
    widget.get_by_role("slider").focus()
    assert box.input_value() == "dog"
    assert hosted.saved() == []


def test_the_cross_opens_the_list_with_the_readouts_first_answers(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading))
    widget.get_by_role("button", name="Choose another target class").click()
    assert titles(widget)[0] == NAMES[reading.readout.top(1).index[-1, 0, 0]]
    assert search(widget).input_value() == ""


def test_brackets_and_letters_typed_into_the_box_are_text(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading, state=1, token=3))
    search(widget).click()
    hosted.page.keyboard.type("[b]")
    search(widget).press("Escape")
    assert hosted.saved() == []


def test_a_label_is_text_and_never_markup(hosted, reading):
    widget = hosted.add(vl.PatchGrid(reading, target="<b>bold</b>", token=2))
    assert search(widget).input_value() == "<b>bold</b>"
    assert "<b>bold</b>" in widget.get_by_role("columnheader").last.inner_text()
    assert widget.evaluate(
        "root => [...root.querySelectorAll('b')].every(b => b.textContent !== 'bold')"
    )


def test_without_the_whole_table_the_old_picture_stays_until_the_kernel_has_answered(
    hosted, reading, monkeypatch
):
    monkeypatch.setattr(data, "TABLE_LIMIT", 100)
    grid = vl.PatchGrid(reading, target=1, glyph="none")
    widget = hosted.add(grid)
    canvas = widget.locator(".vl-picture > .vl-canvas")
    before = canvas_pixels(canvas)
    np.testing.assert_array_equal(before, expected(reading, 1))
    search(widget).fill("tree")
    search(widget).press("Enter")
    assert hosted.saved() == [{"target": 5}]
    np.testing.assert_array_equal(canvas_pixels(canvas), before)
    widget.and_(hosted.page.locator(".vl-waiting")).wait_for(state="attached")
    grid.target = 5
    names = ("_target_logit", "_target_rank", "_target_of")
    hosted.receive(**{name: grid.get_state()[name] for name in names})
    np.testing.assert_array_equal(canvas_pixels(canvas), expected(reading, 5))
    assert "vl-waiting" not in widget.get_attribute("class")


def expected(reading, target):
    value = on_scale(reading, np.exp(reading.logit(target) - reading.logsumexp()))
    return mapped(reading.picture(0), VIRIDIS, patches(reading, value, reading.n_states - 1))
