"""Pointing, clicking, keys: what the reader does, and what of it the kernel is told."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.painted import in_words
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_reading import FakeLabels, random_reading

NAMES = ["cat", "dog", "tree", "house", "boat", "car", "background"]
EMOJI = ["🐱", "🐶", "🌲", "🏠", "⛵", "🚗", ""]
REGISTERS = ("CLS", "register 1", "register 2", "register 3", "register 4")


@pytest.fixture
def hosted(page):
    return WidgetPage(page)


def grid_of(hosted, seed=2, choices=None, **case):
    """A widget on a page; three rows, five columns after CLS unless said otherwise."""
    reading = random_reading(seed, labels=FakeLabels(NAMES, EMOJI), **case)
    return hosted.add(vl.PatchGrid(reading, **(choices or {})))


def patch(widget, token):
    return widget.locator(f".vl-cell[data-token='{token}']")


def test_a_click_pins_a_patch_and_a_second_one_unpins_it(hosted):
    widget = grid_of(hosted)
    patch(widget, 1 + 1 * 5 + 3).click()
    assert hosted.saved() == [{"token": 9}]
    assert "Patch row 1, column 3" in widget.get_by_label("Answers of one token").inner_text()
    assert patch(widget, 9).get_attribute("aria-selected") == "true"
    patch(widget, 9).click()
    assert hosted.saved()[-1] == {"token": None}
    assert widget.locator("[aria-selected=true]").count() == 0


def test_pointing_reads_numbers_out_in_a_fixed_line_without_moving_anything(hosted):
    reading = random_reading(2, labels=FakeLabels(NAMES, EMOJI))
    widget = hosted.add(vl.PatchGrid(reading, state=1, target="tree"))
    line = widget.get_by_role("status")
    assert "Point at a patch" in line.inner_text()
    before = places(widget)
    patch(widget, 12).hover()
    top = reading.top(1)
    name = NAMES[top.index[1, 0, 12, 0]]
    text = line.inner_text()
    assert "row 2, col 1" in text
    assert name in text
    assert f"{top.probability[1, 0, 12, 0]:.3f}" in text
    assert f"rank {reading.rank(2)[1, 0, 12]}" in text
    assert f"{reading.entropy()[1, 0, 12]:.2f}" in text
    assert places(widget) == before
    patch(widget, 12).click()
    assert places(widget) == before
    assert hosted.saved() == [{"token": 12}]


def places(widget):
    """Where the sections stand; a jump would show."""
    return widget.evaluate(
        """root => Array.from(
          root.querySelectorAll("section, .vl-picture, .vl-tint-legend, .vl-shares, .vl-classes"),
          node => node.getBoundingClientRect().toJSON())"""
    )


def test_the_table_shows_every_state_with_answers_target_and_rank(hosted):
    reading = random_reading(2, labels=FakeLabels(NAMES, EMOJI))
    widget = hosted.add(vl.PatchGrid(reading, token=7, state=2, target="house"))
    rows = widget.get_by_role("table").get_by_role("row")
    assert rows.count() == 1 + reading.n_states
    top, probability = reading.top(4), reading.probability(3)
    for state in range(reading.n_states):
        text = rows.nth(1 + state).inner_text()
        assert reading.state_names[state] in text
        for place in range(4):
            assert NAMES[top.index[state, 0, 7, place]] in text
        assert f"rank {reading.rank(3)[state, 0, 7]}" in text.replace("\n", " ")
        p = probability[state, 0, 7]
        assert in_words(p, 3) in text
    assert rows.nth(3).get_attribute("aria-current") == "true"


def test_arrows_move_the_focus_enter_pins_and_escape_unpins(hosted):
    widget = grid_of(hosted)
    page = hosted.page
    patch(widget, 1).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "End", "ArrowLeft"):
        page.keyboard.press(key)
    focused = page.evaluate("document.activeElement.dataset.token")
    assert focused == str(1 + 1 * 5 + 3)
    assert hosted.saved() == []
    page.keyboard.press("Enter")
    assert hosted.saved() == [{"token": 9}]
    page.keyboard.press("Escape")
    assert hosted.saved()[-1] == {"token": None}
    page.keyboard.press("Control+Home")
    assert page.evaluate("document.activeElement.dataset.token") == "1"
    page.keyboard.press("Control+End")
    assert page.evaluate("document.activeElement.dataset.token") == "15"
    assert widget.locator(".vl-cell[tabindex='0']").count() == 1


def test_brackets_change_the_layer_and_stop_at_the_ends(hosted):
    widget = grid_of(hosted, choices={"state": 1})
    patch(widget, 3).focus()
    for key in ("[", "[", "]", "]", "]", "]"):
        hosted.page.keyboard.press(key)
    layers = [change["state"] for change in hosted.saved()]
    assert layers == [0, 0, 1, 2, 3, 3]


def test_the_filmstrip_is_a_slider_for_keys_clicks_and_drags(hosted):
    widget = grid_of(hosted, states=5)
    slider = widget.get_by_role("slider", name="State")
    assert slider.get_attribute("aria-valuemax") == "4"
    assert "final: after the last block" in slider.get_attribute("aria-valuetext")
    for key in ("Home", "ArrowRight", "ArrowUp", "ArrowLeft", "End"):
        slider.press(key)
    assert [change["state"] for change in hosted.saved()] == [0, 1, 2, 1, 4]
    widget.locator("[data-state='1']").click()
    assert hosted.get("state") == 1
    start, end = (widget.locator(f"[data-state='{k}']").bounding_box() for k in (1, 3))
    hosted.page.mouse.move(start["x"] + 10, start["y"] + 10)
    hosted.page.mouse.down()
    hosted.page.mouse.move(end["x"] + 10, end["y"] + 30, steps=4)
    hosted.page.mouse.up()
    assert hosted.get("state") == 3
    assert widget.get_attribute("data-vitlens-drawn") == "3_pre"


def test_play_goes_through_the_states_and_stops_at_the_last(hosted):
    hosted.stop_clock()
    widget = grid_of(hosted, states=4)
    widget.get_by_role("button", name="Play through the states").click()
    assert hosted.get("state") == 0  # from the last state it begins anew
    for state in (1, 2, 3):
        hosted.page.clock.run_for(700)
        assert hosted.get("state") == state
    widget.get_by_role("button", name="Play through the states").wait_for()
    hosted.page.clock.run_for(3000)
    assert hosted.get("state") == 3


@pytest.mark.parametrize("stop", ["key", "click", "button"])
def test_any_key_or_click_stops_the_playing(hosted, stop):
    hosted.stop_clock()
    widget = grid_of(hosted, states=6, choices={"state": 0})
    widget.get_by_role("button", name="Play through the states").click()
    hosted.page.clock.run_for(700)
    match stop:
        case "key":
            hosted.page.keyboard.press("x")
        case "click":
            widget.get_by_role("heading", name="Patch answers").click()
        case "button":
            widget.get_by_role("button", name="Pause").click()
    hosted.page.clock.run_for(5000)
    assert hosted.get("state") == 1


def test_with_reduced_motion_play_is_one_step(hosted):
    hosted.page.emulate_media(reduced_motion="reduce")
    hosted.stop_clock()
    widget = grid_of(hosted, states=4, choices={"state": 1})
    widget.get_by_role("button", name="Play through the states").click()
    hosted.page.clock.run_for(5000)
    assert hosted.get("state") == 2


def test_registers_and_cls_are_chips_that_are_selected_like_patches(hosted):
    reading = random_reading(4, prefix=REGISTERS, labels=FakeLabels(NAMES, EMOJI))
    widget = hosted.add(vl.PatchGrid(reading))
    chips = widget.get_by_role("group", name="Readout and prefix tokens").get_by_role("button")
    tokens = [chip.get_attribute("data-token") for chip in chips.all()]
    assert tokens == ["0", "1", "2", "3", "4"]
    chips.nth(3).click()
    assert hosted.saved() == [{"token": 3}]
    assert chips.nth(3).get_attribute("aria-pressed") == "true"
    assert "Register 3" in widget.get_by_label("Answers of one token").inner_text()
    hosted.receive(token=0)
    assert chips.nth(0).get_attribute("aria-pressed") == "true"
    chips.nth(0).click()
    assert hosted.get("token") is None


def test_a_readout_that_is_no_token_is_a_chip_that_cannot_be_pinned(hosted):
    widget = grid_of(hosted, prefix=(), readout_name="mean of patches")
    chips = widget.get_by_role("group", name="Readout and prefix tokens")
    assert "mean of patches readout" in chips.inner_text()
    assert chips.get_by_role("button").count() == 0
    chips.get_by_text("mean of patches readout").hover()
    assert "Mean of patches readout" in widget.get_by_label("Answers of one token").inner_text()


def test_controls_are_written_back(hosted):
    widget = grid_of(hosted)
    widget.get_by_role("radio", name="Label").click()
    hosted.page.keyboard.press("ArrowRight")
    widget.get_by_role("combobox", name="Tint").select_option("entropy")
    assert hosted.saved() == [{"glyph": "label"}, {"glyph": "none"}, {"tint": "entropy"}]
    assert widget.get_by_role("radio", name="None").get_attribute("aria-checked") == "true"


def test_pointing_at_a_class_makes_its_patches_stand_out_and_a_click_makes_it_the_target(hosted):
    widget = grid_of(hosted)
    veil = widget.locator(".vl-veil")
    assert veil.is_hidden()
    entry = widget.get_by_role("list", name="Classes in this state").get_by_role("button").first
    entry.hover()
    assert veil.is_visible()
    shown = veil.evaluate(
        """canvas => Array.from(canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data).filter((_, i) => i % 4 === 3)"""
    )
    index = int(entry.get_attribute("data-class"))
    reading = random_reading(2, labels=FakeLabels(NAMES, EMOJI))
    tops = reading.top(1).index[-1, 0, 1:, 0]
    assert [alpha == 0 for alpha in shown] == [top == index for top in tops]
    entry.click()
    assert hosted.saved() == [{"target": index}]
