"""Painting, keys and buttons: what the reader does, and the mask that the kernel is told."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.infill_page import InfillPage, patch, stroke
from tests.browser.painted import canvas_pixels
from tests.widgets.fake_infilling import random_infilling

ROWS, COLS = 4, 6


@pytest.fixture
def infilling():
    return random_infilling(seed=8, rows=ROWS, cols=COLS)


@pytest.fixture
def hosted(page):
    return InfillPage(page)


@pytest.fixture
def strip(infilling):
    """Nothing is masked, so that each test says what is."""
    return vl.InfillStrip(infilling, mask=np.zeros(ROWS * COLS, bool))


def hidden(strip):
    """Masked patches as (row, col)."""
    return [divmod(int(p), COLS) for p in np.flatnonzero(strip.mask)]


def test_a_click_masks_a_patch_and_a_second_one_unmasks_it(hosted, strip):
    widget = hosted.add(strip)
    cell = patch(widget, 1, 4, COLS)
    cell.click()
    assert cell.get_attribute("aria-selected") == "true"
    assert cell.get_attribute("aria-label") == "row 1, col 4, masked"
    hosted.settled()
    assert hidden(strip) == [(1, 4)]
    cell.click()
    hosted.settled()
    assert hidden(strip) == []
    assert cell.get_attribute("aria-label") == "row 1, col 4, visible"


@pytest.mark.parametrize("where", [".vl-still-masked", ".vl-picture"])
def test_a_drag_paints_what_its_first_patch_became(hosted, strip, where):
    widget = hosted.add(strip)
    at = lambda row, col: patch(widget, row, col, COLS, where)  # noqa: E731
    stroke(hosted.page, at(0, 1), at(2, 1), at(2, 4))
    hosted.settled()
    assert hidden(strip) == [(0, 1), (1, 1), (2, 1), (2, 2), (2, 3), (2, 4)]
    stroke(hosted.page, at(2, 3), at(2, 5))  # begins on a masked patch: it unmasks
    hosted.settled()
    assert hidden(strip) == [(0, 1), (1, 1), (2, 1), (2, 2)]


def test_a_quick_drag_leaves_no_gaps(hosted, strip):
    widget = hosted.add(strip)
    stroke(hosted.page, patch(widget, 0, 0, COLS), patch(widget, 3, 5, COLS), steps=1)
    hosted.settled()
    cells = hidden(strip)
    assert cells[0] == (0, 0)
    assert cells[-1] == (3, 5)
    assert [col for _, col in cells] == list(range(COLS))


def test_a_drag_beyond_the_edge_stays_inside(hosted, strip):
    widget = hosted.add(strip)
    box = patch(widget, 0, 5, COLS).bounding_box()
    hosted.page.mouse.move(box["x"] + 3, box["y"] + 3)
    hosted.page.mouse.down()
    hosted.page.mouse.move(box["x"] + 300, box["y"] + 3, steps=4)
    hosted.page.mouse.up()
    hosted.settled()
    assert hidden(strip) == [(0, 5)]


def test_keys_move_paint_and_draw_lines(hosted, strip):
    widget = hosted.add(strip)
    patch(widget, 0, 0, COLS).focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        hosted.page.keyboard.press(key)
    for key in ("Shift+ArrowRight", "Shift+ArrowDown", "ArrowLeft", " "):
        hosted.page.keyboard.press(key)
    hosted.settled()
    assert hidden(strip) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    hosted.page.keyboard.press("Space")
    hosted.page.keyboard.press("Shift+End")
    hosted.settled()
    assert hidden(strip) == [(1, 1), (1, 2)]
    assert widget.locator(".vl-still-masked .vl-cell[tabindex='0']").count() == 1


def test_buttons_make_masks(hosted, strip, infilling):
    widget = hosted.add(strip)
    n = ROWS * COLS
    random = infilling.lens.mask(1, strip.mask_ratio, strip.seed)[0]
    for name, expected in {
        "All": np.ones(n), "None": np.zeros(n), "Random": random, "Invert": ~random
    }.items():  # fmt: skip
        widget.get_by_role("button", name=name, exact=True).click()
        hosted.settled()
        np.testing.assert_array_equal(strip.mask, expected.astype(bool), name)
        np.testing.assert_array_equal(hosted.mask(), strip.mask)


def test_share_and_seed_are_drawn_in_the_kernel(hosted, strip, infilling):
    widget = hosted.add(strip)
    slider = widget.get_by_role("slider", name="Share of patches")
    slider.fill("30")
    hosted.settled()
    assert strip.mask_ratio == 0.3
    np.testing.assert_array_equal(strip.mask, infilling.lens.mask(1, 0.3, 2)[0])
    widget.get_by_role("button", name="Another random mask").click()
    hosted.settled()
    assert strip.seed == 3
    field = widget.get_by_role("spinbutton", name="Seed")
    assert field.input_value() == "3"
    field.fill("12")
    field.press("Enter")
    hosted.settled()
    np.testing.assert_array_equal(strip.mask, infilling.lens.mask(1, 0.3, 12)[0])
    count = int(strip.mask.sum())
    assert f"{count} of {ROWS * COLS}" in widget.inner_text()
    random = widget.get_by_role("button", name="Random", exact=True)
    assert random.get_attribute("aria-pressed") == "true"


def test_the_slider_says_what_random_draws_and_the_count_what_is_masked(hosted, strip):
    strip.mask_ratio = 0.75
    widget = hosted.add(strip)
    slider = widget.get_by_role("slider", name="Share of patches in a random mask")
    for name, count in {"All": 24, "None": 0, "Random": 18}.items():
        widget.get_by_role("button", name=name, exact=True).click()
        hosted.settled()
        assert slider.input_value() == "75"
        assert slider.get_attribute("aria-valuetext").startswith("75 %")
        assert widget.locator(".vl-share").inner_text() == "75 %"
        masked = widget.locator(".vl-count").inner_text()
        assert masked == f"{count} of 24 masked" + ", not at random" * (name != "Random")
        assert widget.locator(".vl-unused").count() == (name != "Random")


def test_the_names_of_objects_follow_also_where_their_masks_stay(hosted, infilling):
    truth = np.full((32, 48), vl.world.BACKGROUND)
    truth[9, 17], truth[31, 40:] = 0, 4
    widget = hosted.add(strip := vl.InfillStrip(infilling, truth=truth))
    choice = widget.get_by_label("Mask the patches that show an object")
    names = [f"{name}, renamed" for name in strip._object_names]
    hosted.receive(_object_names=names)
    assert choice.locator("option").all_inner_texts()[1:] == names


def test_the_mark_in_the_colours_is_of_the_state_that_the_readout_names(hosted, strip):
    strip.mask = np.ones(ROWS * COLS, bool)
    strip.view = "error"
    widget = hosted.add(strip)
    hosted.settled()
    errors = np.frombuffer(strip._patch_errors, "<f4").reshape(2, strip._n_states, ROWS * COLS)
    places = []
    for state in (0, 2):
        panel = widget.locator(f"[data-state='{state}'] .vl-panel")
        box = panel.bounding_box()
        cell = (box["width"] / COLS, box["height"] / ROWS)
        panel.hover(position={"x": 3.5 * cell[0], "y": 1.5 * cell[1]})
        assert f"{errors[0, state, COLS + 3]:.3f}" in widget.locator(".vl-pair-line").inner_text()
        style = widget.locator(".vl-error-legend .vl-marker").get_attribute("style")
        places.append(float(style.removeprefix("left: ").removesuffix("%;")))
    expected = np.minimum(1, errors[0, [0, 2], COLS + 3] / 0.5) * 100
    np.testing.assert_allclose(places, expected, rtol=1e-4)
    assert places[0] != places[1]


def test_an_object_is_masked_by_its_name(hosted, infilling):
    truth = np.full((32, 48), vl.world.BACKGROUND)
    truth[9, 17], truth[31, 40:] = 0, 4
    widget = hosted.add(strip := vl.InfillStrip(infilling, truth=truth))
    choice = widget.get_by_label("Mask the patches that show an object")
    choice.select_option("moon")
    hosted.settled()
    assert hidden(strip) == [(3, 5)]
    choice.select_option("all objects")
    hosted.settled()
    assert hidden(strip) == [(1, 2), (3, 5)]
    assert choice.input_value() == ""


def test_without_a_truth_there_is_no_button_for_objects(hosted, strip):
    widget = hosted.add(strip)
    assert widget.locator(".vl-objects").is_hidden()


def test_an_image_of_the_batch_is_chosen_and_keeps_its_mask(hosted):
    infilling = random_infilling(seed=8, rows=ROWS, cols=COLS, images=3)
    widget = hosted.add(strip := vl.InfillStrip(infilling))
    widget.get_by_role("button", name="None").click()
    hosted.settled()
    widget.get_by_role("radio", name="image 2").click()
    hosted.settled()
    np.testing.assert_array_equal(hosted.mask(), infilling.mask[2])
    drawn = canvas_pixels(widget.locator(".vl-still-original .vl-canvas"))
    np.testing.assert_array_equal(drawn, infilling.original[2])
    widget.get_by_role("radio", name="image 0").click()
    hosted.settled()
    assert not strip.mask.any()


def test_a_mask_that_python_sets_is_drawn(hosted, strip):
    widget = hosted.add(strip)
    mask = np.zeros(ROWS * COLS, np.uint8)
    mask[7] = 1
    hosted.receive(mask=mask.tobytes())
    assert patch(widget, 1, 1, COLS).get_attribute("aria-selected") == "true"
    assert hosted.saved() == []


def test_the_strip_is_the_state_slider_and_names_choose_what_stands_large(hosted, strip):
    widget = hosted.add(strip)
    slider = widget.get_by_role("slider", name="State")
    assert slider.get_attribute("aria-valuetext") == "final: after the last block"
    slider.press("Home")
    slider.press("ArrowRight")
    assert hosted.saved()[-1] == {"state": 1}
    widget.locator("[data-state='2']").click()
    assert hosted.get("state") == 2
    widget.get_by_role("button", name="masked", exact=True).click()
    assert hosted.get("view") == "masked"
    assert widget.locator(".vl-picture .vl-hatch").is_visible()
    widget.get_by_role("radio", name="Error").click()
    assert hosted.get("view") == "error"
    widget.get_by_role("radio", name="Final").click()
    widget.get_by_label("Paste visible").uncheck()
    assert (hosted.get("reference"), hosted.get("paste")) == ("final", False)
    hosted.page.keyboard.press("[")
    assert hosted.get("state") == 1


def test_the_wipe_is_a_range_and_paints_nothing(hosted, strip):
    widget = hosted.add(strip)
    widget.get_by_role("radio", name="Wipe").click()
    wipe = widget.get_by_label("How much of the picture")
    box = wipe.bounding_box()
    hosted.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30)
    hosted.page.mouse.down()
    hosted.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 30, steps=3)
    hosted.page.mouse.up()
    assert int(wipe.input_value()) == pytest.approx(250, abs=12)
    line = widget.locator(".vl-wipe-line").bounding_box()
    middle = line["x"] + line["width"] / 2
    assert middle == pytest.approx(box["x"] + box["width"] * 0.25, abs=4)
    assert hidden(strip) == []
    wipe.press("ArrowRight")
    assert hosted.get("state") == 3


def test_play_goes_through_the_states_and_stops_at_the_last(page, strip):
    hosted = InfillPage(page)
    hosted.stop_clock()
    widget = hosted.add(strip)
    page.clock.run_for(100)
    widget.get_by_role("button", name="Play through the states").click()
    seen = []
    for _ in range(5):
        seen.append(hosted.get("state"))
        page.clock.run_for(700)
    assert seen == [0, 1, 2, 3, 3]
    assert widget.get_by_role("button", name="Play through the states").is_visible()
