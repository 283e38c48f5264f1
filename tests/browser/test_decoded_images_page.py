"""DecodedImages on its page: pixels, hands, keys, sizes, and what a page without a kernel has."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.painted import in_words
from tests.browser.widget_page import WidgetPage, encoded, eventually
from tests.widgets.fake_pictures import random_paints
from vitlens_widgets.widgets.decoded_images.work import WHOLE_OF

PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return [width, height, btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))];
}"""
SLIDE = """(slider) => {
  for (const place of [11, 10, 9]) {
    slider.value = String(place);
    slider.dispatchEvent(new Event("input"));
    slider.dispatchEvent(new Event("change"));
  }
  return slider.closest(".vitlens").querySelector(".vl-large").classList.contains("vl-is-old");
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PARTS = (".vl-header", ".vl-window", ".vl-large", ".vl-film", ".vl-strips", ".vl-pair")


def shown(page, source, *, streams=False, **choices):
    hosted = WidgetPage(page)
    root = hosted.add(vl.DecodedImages(source, **choices), "decoded_images", streams=streams)
    return hosted, root


def pixels(locator):
    width, height, coded = locator.evaluate(PIXELS)
    return np.frombuffer(base64.b64decode(coded), "u1").reshape(height, width, 4)[..., :3]


def tile(root, layer, column, seed=0):
    return root.locator(
        f'.vl-tile[data-layer="{layer}"][data-column="{column}"][data-seed="{seed}"]'
    )


def told(hosted, name):
    return [one[name] for one in hosted.saved() if name in one]


def test_every_picture_stands_in_its_place(page):
    source = random_paints(3)
    _, root = shown(page, source)
    assert page.evaluate("document.getAnimations().length") == 0  # nothing moves into its place
    boxes = {}
    for layer, column in np.ndindex(4, 4):
        one = tile(root, layer, column)
        expected = source.one((0, 1, layer, column, 0, 8.0))[0]
        np.testing.assert_array_equal(pixels(one.locator("canvas")), expected)
        boxes[layer, column] = one.bounding_box()
    for k, seed in np.ndindex(5, 2):
        one = tile(root, k, -1, seed)
        expected = source.one((0, 0, k, -1, seed, 1.0))[0]
        np.testing.assert_array_equal(pixels(one.locator("canvas")), expected)
        boxes[k, -1 - seed] = one.bounding_box()
    for layer in range(4):
        assert len({boxes[layer, column]["x"] for column in (-2, -1, 0, 1, 2, 3)}) == 1
    rows = [boxes[1, column]["y"] for column in (-1, -2, 0, 1, 2, 3)]
    assert rows == sorted(rows)


def test_a_head_that_is_clicked_stands_large_and_its_numbers_are_read_out(page):
    source = random_paints(4)
    hosted, root = shown(page, source)
    tile(root, 2, 1).click()
    assert told(hosted, "head") == [1]
    large = root.locator(".vl-decoded")
    np.testing.assert_array_equal(pixels(large), source.one((0, 1, 2, 1, 0, 8.0))[0])
    line = root.locator(".vl-pair-line").inner_text()
    assert f"{source.one((0, 1, 2, 1, 0, 8.0))[1]:.2f}" in line
    assert in_words(source.all_effects[0, 2, 1], 3) in line
    film = root.locator(".vl-tick-picture")
    for i, strength in enumerate((2.0, 4.0, 8.0, 16.0, float("inf")), 1):
        canvas = film.nth(i).locator("canvas")
        eventually(page, lambda canvas=canvas: pixels(canvas).shape[0] > 1)
        expected = source.one((0, 1, 2, 1, 0, strength))[0]
        np.testing.assert_array_equal(pixels(canvas), expected)
    for i, code in enumerate((2, 3)):  # another image, random
        canvas = root.locator(".vl-null canvas").nth(i)
        expected = source.one((0, code, 2, 1, 0, 8.0))[0]
        np.testing.assert_array_equal(pixels(canvas), expected)
    tile(root, 3, -1, 1).click()
    np.testing.assert_array_equal(pixels(large), source.one((0, 0, 3, -1, 1, 1.0))[0])


def test_keys_lead_through_the_table_and_change_strength_seed_and_state(page):
    hosted, root = shown(page, random_paints(5), layer=1, head=0)
    tile(root, 1, 0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert (told(hosted, "layer"), told(hosted, "head")) == ([1, 2], [1, 1])
    assert page.evaluate("document.activeElement.dataset.layer") == "2"
    page.keyboard.press("+")
    page.keyboard.press("s")
    page.keyboard.press("[")
    assert told(hosted, "strength") == [16]
    assert told(hosted, "seed") == [1]
    assert told(hosted, "state")[-1] == 1
    page.keyboard.press("w")
    before = root.locator(".vl-wipe").input_value()
    page.keyboard.press("ArrowRight")
    assert float(root.locator(".vl-wipe").input_value()) > float(before)
    tabs = root.locator(".vl-window [tabindex='0']")
    assert tabs.count() == 1


def test_the_slider_decodes_when_it_is_let_go_and_only_the_last_strength(page):
    hosted, root = shown(page, random_paints(6), layer=2, head=2)
    eventually(page, lambda: len(hosted.asked) >= 7)
    hosted.asked.clear()
    assert root.locator(".vl-range").evaluate(SLIDE)
    eventually(page, lambda: hosted.asked)
    page.wait_for_timeout(400)
    own = [one for _, name, one in hosted.asked if name == "_paint" and one["kind"] == "own"]
    assert {one["strength"] for one in own} == {4.76}
    assert told(hosted, "strength")[-1] == 4.76


def test_the_page_asks_for_the_rest_and_stops(page):
    source = random_paints(7, layers=6, heads=4)
    hosted = WidgetPage(page)
    held = []

    def kernel(widget, name, message, buffers):
        if name == "_more" and held:
            return {"left": widget._left}, []
        found = getattr(widget, name)(message, buffers)
        hosted.page.evaluate("() => 0")
        return found

    widget = vl.DecodedImages(source)
    hosted.kernel = kernel
    root = hosted.add(widget, "decoded_images", streams=True)
    eventually(page, lambda: any(name == "_more" for _, name, _ in hosted.asked))
    root.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(300)
    count = len([name for _, name, _ in hosted.asked if name == "_more"])
    page.wait_for_timeout(500)
    assert len([name for _, name, _ in hosted.asked if name == "_more"]) == count
    root.get_by_role("button", name="Go on").click()
    eventually(page, lambda: len([n for _, n, _ in hosted.asked if n == "_more"]) > count)


def test_heads_that_are_to_come_say_when(page):
    widget = vl.DecodedImages(random_paints(8))
    while np.isnan(np.frombuffer(widget._head_numbers, "<f4")).all():
        widget._step()
    hosted = WidgetPage(page)
    hosted.kernel = lambda widget, name, message, buffers: (
        ({"left": 0}, []) if name == "_more" else getattr(widget, name)(message, buffers)
    )
    root = hosted.add(widget, "decoded_images", streams=True)
    place = widget._order[4]
    coming = tile(root, *divmod(place, 4))
    assert coming.locator(".vl-turn").inner_text() == "5 of 12"
    assert "still to come" in coming.get_attribute("aria-label")
    assert root.locator(".vl-progress-words").inner_text() == "4 of 12 heads"
    assert "when all 12 are decoded" in root.locator(".vl-scatter-words").inner_text()


def test_heads_flow_in_the_order_of_a_number(page):
    source = random_paints(9)
    hosted, root = shown(page, source)
    root.get_by_role("radio", name="Ablation").click()
    page.wait_for_timeout(400)
    assert told(hosted, "sort") == ["ablation"]
    places = sorted(np.ndindex(4, 3), key=lambda at: -source.all_effects[0][at])
    boxes = [tile(root, *at).bounding_box() for at in places]
    order = [(round(box["y"]), round(box["x"])) for box in boxes]
    assert order == sorted(order)
    assert root.locator(".vl-null").count() == 2


SHAPES = {
    "6 x 3": {"layers": 6, "heads": 3, "size": (56, 56)},
    "12 x 12": {"layers": 12, "heads": 12, "size": (28, 28), "images": 1},
    "24 x 16": {"layers": 24, "heads": 16, "size": (14, 14), "seeds": (0,)},
    "wide": {"layers": 2, "heads": 1, "size": (20, 50)},
    "tokens": {"layers": 6, "reads": "tokens", "seeds": (0,)},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_it_fits_at_every_width(page, shape):
    _, root = shown(page, random_paints(1, **SHAPES[shape]))
    for width in (400, 700, 900, 1000, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        assert page.evaluate(OVERFLOW) <= 0, width
        for part in PARTS:
            if root.locator(part).count():
                box = root.locator(part).bounding_box()
                assert box["x"] >= 0, (part, width)
                assert box["x"] + box["width"] <= width + 0.5, (part, width)


def test_a_page_without_a_kernel_has_all_that_was_made(page, tmp_path):
    source = random_paints(10)
    widget = vl.DecodedImages(source, layer=2, head=1)
    path = widget.save_html(tmp_path / "decoded.html")
    page.goto(path.as_uri())
    root = page.locator(".vitlens[data-vitlens-drawn]")
    root.wait_for()
    film = root.locator(".vl-tick-picture canvas")
    for i, strength in ((4, 16.0), (5, float("inf"))):
        np.testing.assert_array_equal(pixels(film.nth(i)), source.one((0, 1, 2, 1, 0, strength))[0])
    tile(root, 0, 0).click()
    expected = source.one((0, 1, 0, 0, 0, 8.0))[0]
    np.testing.assert_array_equal(pixels(root.locator(".vl-decoded")), expected)
    assert not root.locator(".vl-stop").is_visible()
    root.get_by_role("radio", name="image 1").is_disabled()
    assert root.locator(".vl-progress-words").inner_text() == "all 12 heads"


def test_pieces_are_put_among_the_pictures_of_every_view(page):
    source = random_paints(13)
    hosted = WidgetPage(page)
    widget = vl.DecodedImages(source)
    whole = [getattr(widget, name) for name in ("_states", "_heads")]

    def kernel(widget, name, message, buffers):
        before = widget.get_state()
        found = getattr(widget, name)(message, buffers)
        if name == "_more":  # as the wire test says: what is whole stays where it is
            after = widget.get_state()
            news = {n: v for n, v in after.items() if v != before[n] and n not in WHOLE_OF}
            hosted.page.evaluate("(s) => window.receive(0, s)", encoded(news))
        return found

    hosted.kernel = kernel
    first = hosted.add(widget, "decoded_images", streams=True)
    second = hosted.show_again()
    words = first.locator(".vl-progress-words")
    eventually(page, lambda: words.inner_text() == "all 12 heads")
    assert whole != [getattr(widget, name) for name in WHOLE_OF]
    for root in (first, second):
        for layer, column in np.ndindex(4, 4):
            expected = source.one((0, 1, layer, column, 0, 8.0))[0]
            np.testing.assert_array_equal(
                pixels(tile(root, layer, column).locator("canvas")), expected
            )
        for k, seed in np.ndindex(5, 2):
            expected = source.one((0, 0, k, -1, seed, 1.0))[0]
            np.testing.assert_array_equal(
                pixels(tile(root, k, -1, seed).locator("canvas")), expected
            )


def test_a_page_without_a_kernel_says_of_which_seed_no_picture_was_made(page, tmp_path):
    source = random_paints(14)
    widget = vl.DecodedImages(source, layer=2, head=1)
    page.goto(widget.save_html(tmp_path / "decoded.html").as_uri())
    root = page.locator(".vitlens[data-vitlens-drawn]")
    large, missing = root.locator(".vl-decoded"), root.locator(".vl-not-made")
    root.locator("select").select_option("1")
    np.testing.assert_array_equal(pixels(large), source.one((0, 1, 2, 1, 1, 8.0))[0])
    assert not missing.is_visible()
    tile(root, 0, 2).click()
    assert "L0 H2, × 8, seed 5: not made" in missing.inner_text()
    assert pixels(large).shape[:2] == (1, 1)
    assert large.get_attribute("aria-label") == "Layer 0, head 2: not on this page"
    root.locator("select").select_option("0")
    np.testing.assert_array_equal(pixels(large), source.one((0, 1, 0, 2, 0, 8.0))[0])
    assert not missing.is_visible()


def test_two_on_a_page_do_not_interfere_and_what_goes_leaves_nothing(page):
    hosted, first = shown(page, random_paints(11))
    second = hosted.add(vl.DecodedImages(random_paints(12)), "decoded_images")
    before = second.get_attribute("data-vitlens-drawn")
    tile(first, 1, 2).click()
    assert hosted.saved(1) == []
    assert second.get_attribute("data-vitlens-drawn") == before
    page.evaluate("window.hosted[0].dispose()")
    assert page.evaluate("window.hosted[0].model.listeners()") == 0
