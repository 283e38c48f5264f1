"""Features on its page: pixels, hands, keys, sizes, and what a page without a kernel has."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.test_decoded_images_page import pixels, told
from tests.browser.widget_page import WidgetPage, eventually
from tests.widgets.fake_activations import random_activations

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
EXACT = 1124
"""A width at which the strongest images are drawn pixel for pixel."""


def shown(page, source, **choices):
    hosted = WidgetPage(page)
    widget = vl.Features(source, **choices)
    return hosted, hosted.add(widget, "features"), widget


def drawn(root, layer, feature):
    """Waits until a feature stands there with its pictures."""
    root.locator(f'.vl-list-row[data-id="{feature}"]')
    title = root.locator(".vl-feature-head .vl-title")
    eventually(root.page, lambda: title.text_content() == f"Layer {layer}, neuron {feature}")
    image = root.locator(".vl-image").first
    eventually(root.page, lambda: image.get_attribute("aria-label") != "on its way")


def listed(root):
    rows = root.locator(".vl-list-row:not([hidden])")
    return [int(one) for one in rows.evaluate_all("(all) => all.map((one) => one.dataset.id)")]


def in_order(numbers):
    """Ids by a number, the largest first."""
    return np.argsort(-numbers.ravel(), kind="stable")


@pytest.mark.parametrize("pictures", ["plain", "spotlight"])
def test_strongest_images_keep_their_colour_where_it_fires(page, pictures):
    page.set_viewport_size({"width": EXACT, "height": 900})
    source = random_activations(1)
    _, root, widget = shown(page, source, pictures=pictures)
    of = widget._looks
    said, data = of(next(look for look in widget._of_choice() if look.kind == "sheet"))
    at, size, _ = said["parts"]["pictures"]
    every = np.frombuffer(data[at : at + size], "u1").reshape(-1, 72, 108, 3).astype(float)
    top = source.strongest(widget.layer, widget.feature)
    for place in (0, 5, 11):
        found = pixels(root.locator(".vl-image").nth(place)).astype(float)
        assert found.shape == (72, 108, 3)
        shares = top.map[place] / top.value[0]
        for row, col in np.ndindex(4, 6):
            middle = slice(18 * row + 4, 18 * row + 14), slice(18 * col + 4, 18 * col + 14)
            own = every[place][middle]
            if pictures == "plain":
                np.testing.assert_array_equal(found[middle], own)
                continue
            weight = min(1, 0.18 + 0.95 * shares[row, col]) if shares[row, col] > 0 else 0
            grey = (found[middle] - weight * own) / max(1 - weight, 1e-9)
            if weight < 0.9:  # what is left of the grey picture has no colour
                assert np.ptp(grey, axis=-1).max() < 2 / (1 - weight)


def test_the_list_is_in_the_order_of_its_number_and_follows_the_scrolling(page):
    source = random_activations(2)
    _, root, _ = shown(page, source, sort="largest", layer=0, feature=0)
    expected = in_order(source.largest)
    window = root.locator(".vl-list-window")
    window.evaluate("(node) => (node.scrollTop = 24 * 40)")
    page.wait_for_timeout(100)
    assert listed(root)[0] == expected[40]
    window.evaluate("(node) => (node.scrollTop = 0)")
    page.wait_for_timeout(100)
    assert listed(root)[:13] == expected[:13].tolist()


def test_a_row_that_is_clicked_is_looked_at_and_its_pictures_come(page):
    source = random_activations(3)
    hosted, root, widget = shown(page, source)
    row = root.locator(".vl-list-row").nth(3)
    id_ = int(row.get_attribute("data-id"))
    row.click()
    assert told(hosted, "feature") == [id_ % 31]
    assert told(hosted, "layer") == [source.layers[id_ // 31]]
    drawn(root, source.layers[id_ // 31], id_ % 31)
    assert {one[1] for one in hosted.asked} == {"_look"}
    root.locator(".vl-list-window").focus()
    page.keyboard.press("Backspace")
    drawn(root, widget.layer, widget.feature)


def test_keys_step_through_the_list_and_turn_the_feature(page):
    hosted, root, _ = shown(page, random_activations(4))
    first, second = listed(root)[:2]
    root.locator(".vl-list-window").focus()
    page.keyboard.press("]")
    page.keyboard.press("[")
    assert [one % 31 for one in (second, first)] == told(hosted, "feature")
    page.keyboard.press("0")
    page.keyboard.press("4")
    assert told(hosted, "strength") == [0, 4]
    page.keyboard.press("ArrowDown")  # of the list
    page.keyboard.press("/")
    assert root.locator(".vl-search-input").evaluate("(node) => node === document.activeElement")


def test_a_search_lists_the_features_of_a_class_by_its_own_area(page):
    source = random_activations(5)
    hosted, root, _ = shown(page, source)
    root.locator('.vl-class-head[data-target="2"]').click()
    assert told(hosted, "target") == [2]
    auc = source.selectivity.auc.reshape(-1, 5)
    found = np.flatnonzero((auc.argmax(1) == 2) | (auc[:, 2] >= 0.9))
    expected = found[np.argsort(-auc[found, 2], kind="stable")]
    assert listed(root)[:13] == expected[:13].tolist()
    root.locator('.vl-class-cell[data-target="2"][data-layer="4"]').click()
    of_block = [id_ for id_ in range(93, 124) if auc[id_, 2] >= 0.9]
    assert sorted(listed(root)) == of_block
    page.keyboard.press("Escape")
    assert told(hosted, "target")[-1] is None


def test_the_table_counts_features_that_find_a_class(page):
    source = random_activations(6)
    _, root, _ = shown(page, source)
    expected = (source.selectivity.auc >= 0.9).sum(1)
    for place, target in np.ndindex(4, 5):
        cell = root.locator(f'[data-target="{target}"][data-layer="{source.layers[place]}"]')
        assert (cell.text_content() or "0") == str(expected[place, target])


def test_a_frame_lists_what_it_holds_and_a_click_goes_to_a_point(page):
    source = random_activations(7)
    hosted, root, widget = shown(page, source, up="largest", across="density", sort="largest")
    area = root.locator(".vl-scatter-area")
    own = root.locator(".vl-own-point").bounding_box()
    box = area.bounding_box()
    x, y = own["x"] + own["width"] / 2, own["y"] + own["height"] / 2
    page.mouse.move(x + 2, y + 2)
    assert root.locator(".vl-passing-point").is_visible()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()
    inside = listed(root)
    alive = int((source.largest > 0).sum())
    assert inside
    words = root.locator(".vl-list .vl-secondary").text_content()
    assert "in the frame" in words
    assert int(words.split()[1]) < alive
    page.keyboard.press("Escape")  # at once: the drag has put the keyboard's focus there
    assert "in the frame" not in root.locator(".vl-list .vl-secondary").text_content()
    page.mouse.click(x, y)
    assert told(hosted, "feature") in ([], [widget.feature])


def test_a_patch_of_the_own_image_is_pinned_and_what_fires_there_is_listed(page):
    source = random_activations(8)
    hosted, root, _ = shown(page, source, layer=1, feature=3)
    root.locator('.vl-own .vl-cell[data-token="9"]').click()
    assert told(hosted, "token") == [9]
    shares = (source.activations(0)[:, 9] / np.where(source.largest > 0, source.largest, 1)).ravel()
    shares[source.largest.ravel() == 0] = 0
    best = np.argsort(-shares, kind="stable")[:6].tolist()
    rows = root.locator(".vl-here-row")
    eventually(page, lambda: rows.count() == 6 and ids_of(rows) == best)
    root.locator(".vl-here-button").click()
    assert told(hosted, "sort") == ["here"]
    assert listed(root)[:6] == best
    value = source.activations(0)[1, 9, 3]
    line = root.locator(".vl-pair-line").text_content()
    assert "token 9" in line
    assert f"{abs(value):.2f}"[:3] in line.replace("−", "")


def ids_of(rows):
    return [int(one) for one in rows.evaluate_all("(all) => all.map((one) => one.dataset.id)")]


def test_strengths_are_chosen_on_the_axis(page):
    hosted, root, _ = shown(page, random_activations(9))
    root.locator('.vl-strength [data-value="0"]').click()
    box = root.locator(".vl-curve").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 96, box["y"] + 40)
    assert told(hosted, "strength") == [0, 8]
    assert "× 8" in root.locator(".vl-answers .vl-hint").first.text_content()


def test_partners_are_looked_for_when_they_are_asked_for(page):
    source = random_activations(15)
    _, root, widget = shown(page, source)
    drawn(root, widget.layer, widget.feature)
    ask = root.get_by_role("button", name="What fires with it?")
    eventually(page, lambda: root.locator(".vl-neighbours .vl-neighbour").count() == 4)
    page.wait_for_timeout(1500)
    assert not any(look.kind == "partners" for look in widget._looks._made)
    ask.click()
    eventually(page, lambda: root.get_by_text("fires with it, ", exact=False).count() == 2)
    assert not ask.is_visible()
    root.press("]")
    eventually(page, ask.is_visible)
    assert sum(look.kind == "partners" for look in widget._looks._made) == 1


def test_effects_on_the_target_are_asked_for_when_they_are_chosen(page):
    source = random_activations(15)
    _, root, widget = shown(page, source, up="tail")
    assert not any(look.kind == "effect" for look in widget._looks._made)
    root.locator(".vl-list select").select_option("effect")
    root.locator(".vl-scatter select").first.select_option("effect")
    _, own = source.effects(0, None)
    eventually(page, lambda: listed(root)[:10] == in_order(own)[:10].tolist())
    legend = root.locator(".vl-list-key")
    assert "logit of answer 3" in legend.text_content()
    assert "logit of answer 3" in root.locator(".vl-scatter .vl-to-right").text_content()
    first = root.locator(f'.vl-list-row[data-id="{in_order(own)[0]}"] .vl-number').first
    assert float(first.text_content()) == pytest.approx(own.max(), abs=0.006)
    box = root.locator(".vl-search-input")
    box.fill("thing 2")
    box.press("Enter")
    found = source.selectivity.auc[..., 2].ravel() >= 0.9
    found |= source.selectivity.auc.argmax(-1).ravel() == 2
    order = [one for one in in_order(source.effects(0, "thing 2")[1]).tolist() if found[one]]
    eventually(page, lambda: listed(root)[:10] == order[:10])
    assert "logit of thing 2" in legend.text_content()


def test_effects_without_an_image_say_what_to_give(page):
    _, root, _ = shown(page, random_activations(16, images=0), across="effect", sort="effect")
    assert "vl.Features(found, vit, image)" in root.locator(".vl-list-key").text_content()
    assert len(listed(root)) == 15


def test_a_number_in_the_search_box_goes_to_that_feature(page):
    hosted, root, _ = shown(page, random_activations(10))
    box = root.locator(".vl-search-input")
    box.fill("L2 N17")
    assert root.get_by_text("Enter goes to L2 N17").is_visible()
    box.press("Enter")
    assert (told(hosted, "layer"), told(hosted, "feature")) == ([2], [17])
    box.fill("L3 N17")
    assert root.get_by_text("or with its layer, such as L").is_visible()
    box.press("Enter")
    assert "is no neuron" in root.locator(".vl-error").text_content()


def test_without_classes_names_are_crops_and_come_as_the_list_is_scrolled(page):
    source = random_activations(11, classes=0, kind="latent", layers=(3,), width=200)
    hosted, root, _ = shown(page, source)
    assert root.locator(".vl-class-table").is_hidden()
    root.locator(".vl-list-window").evaluate("(node) => (node.scrollTop = 24 * 60)")
    asked = lambda: [look for one in hosted.asked for look in one[2]["asked"]]  # noqa: E731
    eventually(page, lambda: len([look for look in asked() if look[0] == "crops"]) >= 13)
    row = root.locator(".vl-list-row:not([hidden])").nth(5)
    eventually(page, lambda: row.locator("canvas.vl-crop").first.get_attribute("width") == "40")


def test_many_are_counted_in_cells_and_open_soon(page):
    source = random_activations(12, width=3072, layers=range(12), rows=7, cols=7, classes=17)
    _, root, _ = shown(page, source)
    assert "in a cell" in root.locator(".vl-counts-legend").text_content()
    assert root.locator(".vl-list-row").count() == 15


def test_a_page_without_a_kernel_shows_what_was_looked_at(page):
    source = random_activations(13)
    page.evaluate("window.withoutKernel = true")
    hosted = WidgetPage(page)
    page.evaluate("window.withoutKernel = true")
    widget = vl.Features(source)
    widget._look({"asked": [["sheet", 4, 2, -1, -1, -1]]}, [])
    for name, value in widget._looks.kept().items():
        setattr(widget, name, value)
    root = hosted.add(widget, "features")
    box = root.locator(".vl-search-input")
    box.fill("L4 N2")
    box.press("Enter")
    drawn(root, 4, 2)
    box.fill("L4 N3")
    box.press("Enter")
    assert "not on this page" in root.locator(".vl-error").text_content()


@pytest.mark.parametrize("width", [420, 700, 999, 1000, 1400])
def test_nothing_is_wider_than_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    _, root, _ = shown(
        page, random_activations(14, prefix=("CLS", *(f"register {i}" for i in range(4))))
    )
    assert page.evaluate(OVERFLOW) == 0
    for part in (".vl-header", ".vl-all", ".vl-one", ".vl-below"):
        box = root.locator(part).bounding_box()
        assert box["x"] + box["width"] <= width
