"""Clicks, keys and controls: what the reader does, and what of it the kernel is told."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import Places, map_pixels, read_out
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import FakeLabels, random_reading


@pytest.fixture
def hosted(page):
    page.set_viewport_size({"width": 1300, "height": 900})
    return WidgetPage(page)


@pytest.fixture
def maps():
    return random_maps(6, layers=3, heads=4, rows=5, cols=7, images=2)


@pytest.fixture
def widget(hosted, maps):
    return hosted.add(vl.AttentionMaps(maps), "attention_maps")


def tile(widget, layer, head):
    return widget.locator(f".vl-head-tile[data-layer='{layer}'][data-head='{head}']")


def patch(widget, token):
    return widget.locator(f".vl-cell[data-token='{token}']")


def focused(page, attribute):
    return page.evaluate(f"document.activeElement.getAttribute('{attribute}')")


# Whether the thumbnails, by rows from the left, are those of the given numbers.
SEEN_IN_ORDER = """(order) => {
  const tiles = [...document.querySelectorAll(".vl-head-tile")];
  const places = tiles.map((tile) => tile.getBoundingClientRect());
  const seen = places.map((_, i) => i).sort((a, b) =>
    Math.round(places[a].y) - Math.round(places[b].y) || places[a].x - places[b].x);
  return seen.join() === order.join();
}"""


def wait_until_at(locator, x, y):
    """Waits until something has come to its place on the page: a wheel turns in its own time."""
    locator.page.wait_for_function(
        """([node, x, y]) => {
          const place = node.getBoundingClientRect();
          return place.x === x && place.y === y;
        }""",
        arg=[locator.element_handle(), x, y],
    )


def test_a_click_on_a_cell_pins_its_pair_and_a_second_one_lets_it_go(hosted, widget, maps):
    places = Places(widget, maps)
    places.point_at_cell(9, 4)
    hosted.page.mouse.down()
    hosted.page.mouse.up()
    assert hosted.saved() == [{"token": 9, "key": 4}]
    hosted.page.mouse.move(1, 1)
    assert places.crossed() == (9, 4)
    assert "query row 1, col 1" in read_out(widget)
    places.point_at_cell(9, 4)
    hosted.page.mouse.down()
    hosted.page.mouse.up()
    assert hosted.saved()[-1] == {"token": None, "key": None}


def test_patches_are_pinned_as_query_then_as_key_and_let_go_again(hosted, widget):
    patch(widget, 9).click()
    patch(widget, 20).click()
    assert hosted.saved() == [{"token": 9, "key": None}, {"token": 9, "key": 20}]
    selected = widget.locator("[role=gridcell][aria-selected=true]")
    assert [s.get_attribute("data-token") for s in selected.all()] == ["9", "20"]
    patch(widget, 9).click()
    assert hosted.saved()[-1] == {"token": None, "key": None}


def test_the_switch_looks_at_the_pinned_patch_from_the_other_side(hosted, widget):
    patch(widget, 9).click()
    widget.get_by_role("radio", name="Attended by").click()
    assert hosted.saved()[-1] == {"direction": "from", "token": None, "key": 9}
    patch(widget, 12).click()
    assert hosted.saved()[-1] == {"token": 12, "key": 9}
    assert "from patches" in widget.locator(".vl-token-chips").inner_text()


def test_cls_is_pinned_by_its_chip(hosted, widget):
    chip = widget.get_by_role("group", name="Prefix tokens").get_by_role("button")
    chip.click()
    assert hosted.saved() == [{"token": 0, "key": None}]
    assert chip.get_attribute("aria-pressed") == "true"
    patch(widget, 5).click()
    assert hosted.saved()[-1] == {"token": 0, "key": 5}
    assert "query CLS" in read_out(widget)


def test_a_head_is_chosen_by_click_and_its_map_is_shown(hosted, widget):
    before = map_pixels(widget)
    tile(widget, 1, 2).click()
    assert hosted.saved() == [{"layer": 1, "head": 2}]
    assert "Layer 1, head 2" in widget.locator(".vl-map").inner_text()
    assert (map_pixels(widget) != before).any()
    assert tile(widget, 1, 2).get_attribute("aria-pressed") == "true"
    assert widget.locator(".vl-head-tile[aria-pressed='true']").count() == 1


def test_arrows_move_over_the_heads_with_one_tab_stop(hosted, widget):
    tile(widget, 2, 0).focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "End", "Home", "Control+Home"):
        hosted.page.keyboard.press(key)
    moves = [(change["layer"], change["head"]) for change in hosted.saved()]
    assert moves == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 0), (0, 0)]
    assert focused(hosted.page, "data-layer") == "0"
    assert widget.locator(".vl-head-tile[tabindex='0']").count() == 1


def test_in_a_sorted_overview_arrows_follow_what_is_seen(hosted, widget, maps):
    widget.get_by_role("combobox", name="Sort by").select_option("entropy")
    values = maps.statistics(0).values["entropy"].ravel()
    order = np.argsort(-values, kind="stable")
    hosted.page.wait_for_function(SEEN_IN_ORDER, arg=order.tolist())  # they move to their places
    first = int(order[0])
    tile(widget, first // 4, first % 4).click()
    hosted.page.keyboard.press("ArrowRight")
    second = int(order[1])
    assert hosted.saved()[-1] == {"layer": second // 4, "head": second % 4}


def test_brackets_change_the_layer_everywhere_and_stop_at_the_ends(hosted, widget):
    for start in (widget.locator(".vl-sheet"), patch(widget, 3), tile(widget, 2, 0)):
        start.focus()
        hosted.page.keyboard.press("[")
    for _ in range(4):
        hosted.page.keyboard.press("]")
    assert [change["layer"] for change in hosted.saved()] == [1, 0, 0, 1, 2, 2, 2]


def test_the_map_is_read_by_arrows_enter_pins_and_escape_lets_go(hosted, widget, maps):
    sheet = widget.get_by_role("grid", name="Layer 2, head 0: rows ask, columns are asked")
    tile(widget, 2, 0).focus()
    hosted.page.keyboard.press("Tab")  # the colour menu
    while focused(hosted.page, "class") != "vl-sheet":
        hosted.page.keyboard.press("Tab")
    places = Places(widget, maps)
    assert places.crossed() == (1, 1)
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "PageDown", "PageDown", "PageUp"):
        hosted.page.keyboard.press(key)
    assert places.crossed() == (10, 2)
    assert hosted.saved() == []
    hosted.page.keyboard.press("Enter")
    assert hosted.saved() == [{"token": 10, "key": 2}]
    active = sheet.get_attribute("aria-activedescendant")
    cell = widget.locator(f"#{active}")
    assert cell.get_attribute("aria-rowindex") == "11"
    value = maps.of_layer(2)[0, 10, 2]
    expected = f"query row 1, col 2, key row 0, col 1: {float(f'{value:.3g}')}"
    assert cell.get_attribute("aria-label").startswith(expected[:-1])
    hosted.page.keyboard.press("End")
    hosted.page.keyboard.press("Control+End")
    assert places.crossed() == (35, 35)
    hosted.page.keyboard.press("Escape")
    assert hosted.saved()[-1] == {"token": None, "key": None}


def test_zooming_keeps_whole_cells_and_the_pointer_on_its_cell(hosted, widget, maps):
    places = Places(widget, maps)
    places.point_at_cell(20, 30)
    hosted.page.keyboard.down("Control")
    hosted.page.mouse.wheel(0, -100)
    hosted.page.mouse.wheel(0, -100)
    hosted.page.keyboard.up("Control")
    pane = widget.locator(".vl-pane[data-rows='patches'][data-cols='patches'] canvas")
    cell = pane.bounding_box()["width"] / 35
    assert cell == int(cell)
    assert cell > places.cell
    hosted.page.mouse.move(*[p + 1 for p in position(places, 20, 30)])
    assert "query row 2, col 5" in read_out(widget)
    widget.get_by_role("button", name="Show the whole map").click()
    assert pane.bounding_box()["width"] == 35 * places.cell


def position(places, query, key):
    x = places.sheet["x"] + places.along(key) + places.cell / 2
    y = places.sheet["y"] + places.along(query) + places.cell / 2
    return x, y


def test_a_zoomed_map_is_dragged_scrolled_and_never_out_of_sight(hosted, widget):
    for _ in range(3):
        widget.get_by_role("button", name="Zoom into the map").click()
    pane = widget.locator(".vl-pane[data-rows='patches'][data-cols='patches'] canvas")
    sheet = widget.locator(".vl-sheet").bounding_box()
    start = pane.bounding_box()
    middle = (sheet["x"] + sheet["width"] / 2, sheet["y"] + sheet["height"] / 2)
    hosted.page.mouse.move(*middle)
    hosted.page.mouse.down()
    hosted.page.mouse.move(middle[0] - 40, middle[1] + 25, steps=4)
    hosted.page.mouse.up()
    moved = pane.bounding_box()
    assert (moved["x"] - start["x"], moved["y"] - start["y"]) == (-40, 25)
    assert hosted.saved() == []
    hosted.page.mouse.wheel(0, 30)
    wait_until_at(pane, moved["x"], moved["y"] - 30)
    hosted.page.mouse.wheel(-5000, -5000)
    cell = moved["width"] / 35
    wait_until_at(pane, sheet["x"] + cell + 2, sheet["y"] + cell + 2)


def test_keys_bring_the_cell_into_sight_in_a_zoomed_map(hosted, widget):
    sheet = widget.locator(".vl-sheet")
    sheet.focus()
    for key in ("+", "+", "+", "Control+End"):
        hosted.page.keyboard.press(key)
    ring = widget.locator(".vl-map-ring.vl-ring-passing").bounding_box()
    box = sheet.bounding_box()
    assert box["x"] < ring["x"] <= box["x"] + box["width"] - ring["width"]
    assert box["y"] < ring["y"] <= box["y"] + box["height"] - ring["height"]
    hosted.page.keyboard.press("0")
    assert widget.get_by_role("button", name="Zoom out of the map").is_disabled()


def test_controls_are_written_back(hosted, widget):
    for name in ("Mean", "One head", "Linear", "Root", "Per layer", "Common"):
        widget.get_by_role("radio", name=name, exact=True).click()
    widget.get_by_role("combobox", name="Sort by").select_option("largest")
    widget.get_by_role("combobox", name="Colour by").select_option("entropy")
    assert hosted.saved() == [
        {"show": "mean"}, {"show": "head"}, {"scale": "linear"}, {"scale": "sqrt"},
        {"norm": "layer"}, {"norm": "all"}, {"sort": "largest"}, {"color": "entropy"},
    ]  # fmt: skip


def test_what_makes_no_sense_cannot_be_chosen_and_says_why(hosted, widget):
    scale = widget.get_by_role("radiogroup", name="Scale", exact=True)
    values = widget.get_by_role("radiogroup", name="Values")
    widget.get_by_role("radio", name="Rollout").click()
    assert values.get_attribute("title") == "A rollout multiplies patterns"
    assert widget.get_by_role("radio", name="Scores").is_disabled()
    widget.get_by_role("radio", name="One head").click()
    assert widget.get_by_role("radio", name="Scores").is_enabled()
    hosted.receive(kind="scores")
    assert "logarithms already" in scale.get_attribute("title")
    assert widget.get_by_role("radio", name="Linear").get_attribute("aria-checked") == "true"


def test_the_image_is_chosen_by_its_picture_and_the_mean_comes_last(hosted, widget):
    menu = widget.get_by_role("radiogroup", name="Image").get_by_role("radio")
    texts = [one.get_attribute("aria-label") for one in menu.all()]
    assert texts == ["image 0", "image 1", "mean of 2 images"]
    menu.nth(2).click()
    menu.nth(1).click()
    assert hosted.saved() == [{"image": None}, {"image": 1}]


def test_a_click_on_a_statistics_word_sorts_descending_then_ascending_then_not(hosted, widget):
    word = widget.get_by_role("button", name="Sort heads by entropy")
    for _ in range(3):
        word.click()
    assert hosted.saved() == [
        {"sort": "entropy", "order": "descending"},
        {"sort": "entropy", "order": "ascending"},
        {"sort": "layer", "order": "descending"},
    ]
    assert word.get_attribute("aria-pressed") == "false"


def test_the_strips_say_this_heads_numbers_and_a_dot_chooses_its_head(hosted, widget, maps):
    found = maps.statistics(0)
    line = widget.locator(".vl-strip-line").filter(has_text="largest")
    assert f"{found.values['largest'][2, 0]:.3f}" in line.inner_text()
    values = found.values["largest"].ravel()
    best = int(values.argmax())
    box = line.locator("canvas").bounding_box()
    hosted.page.mouse.click(box["x"] + box["width"] - 6, box["y"] + 8)
    assert hosted.saved() == [{"layer": best // 4, "head": best % 4}]


def test_the_read_out_says_what_the_lens_answers_there(hosted, maps):
    names = ["cat", "dog", "tree", "<b>bold</b>"]
    labels = FakeLabels(names, ["🐱", "🐶", "🌲", ""])
    reading = random_reading(2, states=4, images=2, rows=5, cols=7, classes=4, labels=labels)
    widget = hosted.add(
        vl.AttentionMaps(maps, reading=reading, layer=1, token=9, key=20), "attention_maps"
    )
    top = reading.top(1)
    for layer in (1, 2, 0):
        hosted.receive(layer=layer)
        text = read_out(widget)
        for token in (9, 20):
            assert names[top.index[layer, 0, token, 0]] in text
            assert f"{top.probability[layer, 0, token, 0]:.2f}" in text


def test_neurons_of_the_pinned_pair_open_on_demand_and_add_up(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    button = widget.get_by_role("button", name="Neurons", exact=True)
    assert button.is_disabled()
    assert button.get_attribute("title") == "Pin a query and a key first"
    hosted.receive(token=9, key=20)
    button.click()
    section = widget.get_by_role("region", name="Neurons of the pinned pair")
    found = maps.neurons(2, 0, 9, 20)
    section.get_by_text("= score").wait_for()
    text = section.inner_text()
    assert f"score {found.score:.2f}".replace("-", "−") in text.replace("\xa0", " ")
    bars = section.locator("canvas").nth(2)
    box = bars.bounding_box()
    hosted.page.mouse.move(box["x"] + box["width"] * 2.5 / 5, box["y"] + 20)
    expected = f"channel 2: query {found.query[2]:.2f} × key {found.key[2]:.2f}, adds "
    assert expected.replace("-", "−") in section.inner_text()
    hosted.receive(key=21)
    section.get_by_text(f"{maps.neurons(2, 0, 9, 21).score:.2f}".replace("-", "−")).wait_for()
    section.get_by_role("button", name="Close the neurons").click()
    assert section.is_hidden()


def test_the_mean_over_images_has_no_neurons_and_says_so(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps, image=None, token=9, key=20), "attention_maps")
    button = widget.get_by_role("button", name="Neurons", exact=True)
    assert button.is_disabled()
    assert "choose one image" in button.get_attribute("title")


def test_what_the_kernel_sets_is_shown(hosted, widget, maps):
    hosted.receive(layer=0, head=3, token=9, key=4, direction="from", sort="largest")
    assert "Layer 0, head 3" in widget.locator(".vl-map").inner_text()
    assert Places(widget, maps).crossed() == (9, 4)
    assert widget.get_by_role("combobox", name="Sort by").input_value() == "largest"
    attended = widget.get_by_role("radio", name="Attended by")
    assert attended.get_attribute("aria-checked") == "true"
    assert hosted.saved() == []
