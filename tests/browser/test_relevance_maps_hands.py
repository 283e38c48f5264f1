"""RelevanceMaps under mouse and keys: pins, heads, layers, curves, classes, read-outs."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.kernel_page import KernelPage
from tests.browser.relevance_page import (
    cell,
    curve,
    panel,
    read_out,
    shown,
    text,
    tile,
    with_kernel,
)
from tests.widgets.fake_relevance import curve_of, random_relevances

COLS = 6
CURVES = ("_curves", "_curves_of", "_curve_answers", "_falling")


@pytest.fixture
def source():
    return random_relevances(5, images=2, emoji=["🐈", "🐕", *[""] * 5])


def test_a_patch_pointed_at_is_read_out_with_share_and_rank(page, source):
    hosted, root = shown(page, source, 2)
    found = hosted.widgets[0].relevance[0].patches()
    cell(root, 2, 3, COLS).hover()
    value = found[2, 3]
    rank = 1 + int((found > value).sum())
    share = abs(value) / abs(found).sum()
    said = read_out(root)
    assert "row 2, col 3 token 16" in said
    assert f"rank {rank} of 24" in said
    assert f"share {share:.3f}" in said
    assert f"thing 2 {value:.3g}".replace("-", "−") in said
    page.mouse.move(1, 1)
    assert "Point at a patch" in read_out(root)


def test_two_classes_are_read_out_with_their_difference(page, source):
    hosted, root = shown(page, source, [2, 4])
    one, other = (found.patches()[1, 4] for found in hosted.widgets[0].relevance)
    cell(root, 1, 4, COLS, whose=1).hover()
    said = read_out(root)
    for name, value in (("thing 2", one), ("thing 4", other), ("difference", one - other)):
        assert f"{name} {value:.3g}".replace("-", "−") in said
    for whose in (0, 1, "difference"):  # the same patch in all
        assert panel(root, whose).locator(".vl-ring-passing").is_visible()


def test_clicks_and_keys_pin_a_token(page, source):
    hosted, root = shown(page, source, 2)
    cell(root, 1, 2, COLS).click()
    assert hosted.get("token") == 1 + 8
    assert cell(root, 1, 2, COLS).get_attribute("aria-selected") == "true"
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert hosted.get("token") == 1 + 2 * COLS + 3
    page.keyboard.press("End")
    page.keyboard.press(" ")
    assert hosted.get("token") == 1 + 2 * COLS + 5
    page.keyboard.press("Escape")
    assert hosted.get("token") is None
    root.get_by_role("button", name="CLS").click()
    assert hosted.get("token") == 0
    assert "CLS" in read_out(root)
    assert "no patch, so no rank" in read_out(root)


def test_a_head_is_chosen_by_click_and_by_arrows(page, source):
    hosted, root = shown(page, source, 2)
    tile(root, 1, 0).click()
    assert [hosted.get(name) for name in ("show", "layer", "head")] == ["head", 1, 0]
    assert text(root.locator(".vl-stage-head h3")) == "Layer 1, head 0"
    page.keyboard.press("ArrowRight")
    assert [hosted.get(name) for name in ("show", "head")] == ["head", 1]
    page.keyboard.press("ArrowRight")  # the sum of the layer's heads
    assert hosted.get("show") == "layer"
    assert text(root.locator(".vl-stage-head h3")) == "Layer 1, sum of its 2 heads"
    page.keyboard.press("ArrowDown")
    assert [hosted.get(name) for name in ("show", "layer")] == ["layer", 2]
    assert root.locator(".vl-head-tile[aria-pressed='true']").count() == 1
    assert root.locator(".vl-head-tile[tabindex='0']").count() == 1


def test_brackets_go_through_the_layers(page, source):
    hosted, root = shown(page, source, 2)
    cell(root, 0, 0, COLS).focus()
    page.keyboard.press("[")
    assert [hosted.get(name) for name in ("show", "layer")] == ["layer", 2]
    page.keyboard.press("[")
    assert hosted.get("layer") == 1
    page.keyboard.press("]")
    page.keyboard.press("]")
    assert hosted.get("layer") == 2
    root.get_by_role("radio", name="All", exact=True).click()
    assert hosted.get("show") == "all"


def test_each_head_says_its_share(page, source):
    hosted, root = shown(page, source, 2)
    found = hosted.widgets[0].relevance[0]
    heads = [[abs(found.patches(0, k, h)).sum() for h in range(2)] for k in range(3)]
    share = 100 * heads[2][1] / sum(map(sum, heads))
    name = tile(root, 2, 1).get_attribute("aria-label")
    assert name == f"Layer 2, head 1, {share:.0f} % of all heads’ relevance"
    assert tile(root, 2, 2).get_attribute("aria-label") == "Layer 2, sum of its heads"


@pytest.fixture
def whole(page, source):
    """A widget whose curves are there."""
    hosted, root = shown(page, source, [2, 4])
    widget = hosted.widgets[0]
    widget.saved()
    hosted.receive(**{name: getattr(widget, name) for name in CURVES})
    return hosted, root, widget


def point_at(page, root, of, share, p):
    """Moves the mouse to a share that is removed and a probability."""
    plot = curve(root, of).locator("svg").bounding_box()
    x = plot["x"] + 34 + share * (plot["width"] - 44)
    y = plot["y"] + 8 + (1 - p) * (plot["height"] - 28)
    page.mouse.move(x, y)


def test_pointing_at_a_curve_says_what_is_gone_and_what_the_model_answers(page, whole):
    _, root, widget = whole
    removed = widget._finder._removed
    values = curve_of(widget.relevance[1], 0, removed)
    curve(root, 1).scroll_into_view_if_needed()
    point_at(page, root, 1, 12 / 24, float(values[0, 12]))
    said = text(curve(root, 1).locator(".vl-removal-words"))
    assert "least relevant first, gone 12 of 24" in said
    assert f"probability {values[0, 12]:.3f}" in said
    assert f"most relevant first {values[1, 12]:.3f}" in said
    assert f"random {values[2, 12]:.3f}" in said
    assert "answer thing 5" in said  # 12 % 7
    assert panel(root, 1).locator(".vl-hatch").is_visible()
    assert panel(root, 0).locator(".vl-hatch").is_hidden()
    point_at(page, root, 1, 12 / 24, 0.0)
    assert "most relevant first, gone 12 of 24" in text(curve(root, 1).locator(".vl-removal-words"))
    page.mouse.move(1, 1)
    assert panel(root, 1).locator(".vl-hatch").is_hidden()


def test_a_point_of_a_curve_can_be_held_and_moved_by_keys(page, whole):
    _, root, widget = whole
    curve(root, 0).scroll_into_view_if_needed()
    point_at(page, root, 0, 6 / 24, 1)
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(1, 1)
    assert panel(root, 0).locator(".vl-hatch").is_visible()
    slider = curve(root, 0).get_by_role("slider")
    assert slider.get_attribute("aria-valuenow") == "6"
    slider.press("ArrowRight")
    slider.press("ArrowDown")
    assert slider.get_attribute("aria-valuenow") == "7"
    value = curve_of(widget.relevance[0], 0, widget._finder._removed)[1, 7]
    assert f"probability {value:.3f}" in text(curve(root, 0).locator(".vl-removal-words"))
    assert slider.get_attribute("aria-valuetext").startswith("most relevant first")
    slider.press("End")
    assert slider.get_attribute("aria-valuenow") == "23"
    for key in ("ArrowRight", "End"):  # what is held at the end stays held
        slider.press(key)
        assert slider.get_attribute("aria-valuenow") == "23"
    for key in ("Home", "Home", "ArrowLeft"):
        slider.press(key)
        assert slider.get_attribute("aria-valuenow") == "0"
    assert panel(root, 0).locator(".vl-hatch").is_visible()
    slider.press("Escape")
    assert panel(root, 0).locator(".vl-hatch").is_hidden()


def test_the_keys_of_the_curves_say_their_means(whole):
    _, root, widget = whole
    values = curve_of(widget.relevance[0], 0, widget._finder._removed)
    keys = text(curve(root, 0).locator(".vl-removal-keys"))
    means = values.mean(-1)
    assert keys == (
        f"least relevant first mean {means[0]:.2f} most relevant first mean {means[1]:.2f} "
        f"10 random orders mean {means[2]:.2f}"
    )


def test_without_a_kernel_what_needs_the_model_is_said_and_changes_nothing(page, source):
    hosted, root = shown(page, source, 2)
    search = root.get_by_role("combobox", name="Target class")
    search.fill("thing 4")
    search.press("Enter")
    assert hosted.get("target") == 2
    assert "needs the model" in text(root.get_by_role("alert"))
    assert search.input_value() == "thing 2"
    assert root.get_by_role("combobox", name="Method").is_disabled()
    assert root.get_by_role("button", name="Compare with another class").is_disabled()
    assert "No curve was saved" in text(curve(root))


def drawn(root, target, against, method, image):
    """Waits until the maps of these choices are drawn."""
    against = "" if against is None else f" against {against}"
    name = f"{method}: {target}{against}, image {image}"
    root.and_(root.page.locator(f"[data-vitlens-drawn='{name}']")).wait_for(state="attached")


def test_a_class_a_method_and_an_image_are_asked_of_the_kernel(page, source):
    hosted, root, widget = with_kernel(page, source, 2)
    search = root.get_by_role("combobox", name="Target class")
    search.fill("thing 4")
    search.press("Enter")
    drawn(root, 4, None, "class_embedding", 0)
    assert widget.target == 4
    root.get_by_role("combobox", name="Method").select_option("chefer")
    drawn(root, 4, None, "chefer", 0)
    root.get_by_role("radio", name="image 1").click()
    drawn(root, 4, None, "chefer", 1)
    assert (widget.method, widget.image) == ("chefer", 1)
    cell(root, 0, 1, COLS).hover()
    value = widget.relevance[0].patches(1)[0, 1]
    assert f"thing 4 {value:.3g}" in read_out(root)
    assert hosted.get("error") == ""


def test_a_second_class_comes_with_a_button_and_goes_with_one(page, source):
    _, root, widget = with_kernel(page, source, 2)
    answers = source.probabilities(0).argsort()[::-1]
    other = int(next(index for index in answers if index != 2))
    root.get_by_role("button", name="Compare with another class").click()
    drawn(root, 2, other, "class_embedding", 0)
    assert widget.against == other
    assert root.locator(".vl-panel:visible").count() == 3
    search = root.get_by_role("combobox", name="Second class")
    search.fill("thing 1")
    search.press("Enter")
    drawn(root, 2, 1, "class_embedding", 0)
    root.get_by_role("combobox", name="Whose heads").select_option("difference")
    assert widget.heads_of == "difference"
    root.get_by_role("button", name="Without a second class").click()
    drawn(root, 2, None, "class_embedding", 0)
    assert root.locator(".vl-panel:visible").count() == 1


def test_curves_come_after_the_pictures_bit_by_bit(page, source, monkeypatch):
    monkeypatch.setattr("vitlens_widgets.widgets.relevance_maps.widget.AT_ONCE", 0.0)
    hosted, root, widget = with_kernel(page, source, [2, 4])
    keys = curve(root, 1).locator(".vl-removal-key").first.locator("b")
    keys.wait_for()
    assert widget._curves_of["is_over"]
    assert [name for _, name, _ in hosted.asked] == ["_go_on"] * len(hosted.asked)
    assert len(hosted.asked) >= len(widget._finder._removed)
    count = len(hosted.asked)
    hosted.wait_two_frames()
    assert len(hosted.asked) == count  # nothing is asked in vain


def test_a_kernel_that_is_busy_with_other_cells_is_no_error(page, source):
    hosted = KernelPage(page)
    page.evaluate(  # ten minutes are over at once
        """() => {
          AbortSignal.timeout = (ms) => {
            const controller = new AbortController();
            const end = () => controller.abort(new DOMException("", "TimeoutError"));
            if (ms <= 600_000) queueMicrotask(end);
            return controller.signal;
          };
        }"""
    )
    root = hosted.add(vl.RelevanceMaps(source, 2), "relevance_maps")
    curve(root).locator(".vl-removal-key b").first.wait_for()
    assert root.get_by_role("alert").is_hidden()


def test_curves_that_cannot_be_had_are_a_sentence_in_their_place(page, source):
    source.refusal = "Tokens of this model have no places."
    _, root, _ = with_kernel(page, source, 2)
    curve(root).get_by_text(source.refusal).wait_for()
    assert curve(root).get_by_role("slider").is_hidden()
    assert root.get_by_role("alert").is_hidden()


def test_a_failure_in_the_kernel_leaves_the_picture_and_says_a_sentence(page, source):
    hosted, root, _ = with_kernel(page, source, 2)
    search = root.get_by_role("combobox", name="Target class")
    search.fill("thing 6")
    search.press("Enter")
    root.get_by_role("alert").get_by_text("beyond this model").wait_for()
    assert hosted.get("target") == 2
    assert search.input_value() == "thing 2"
    search.fill("thing 3")
    search.press("Enter")
    drawn(root, 3, None, "class_embedding", 0)
    assert root.get_by_role("alert").is_hidden()


def test_a_label_that_is_not_there_is_answered_with_the_nearest(page, source):
    _, root, widget = with_kernel(page, source, 2)
    search = root.get_by_role("combobox", name="Target class")
    search.fill("thinng 5")
    search.press("Enter")
    root.get_by_role("button", name="Use thing 5").click()
    drawn(root, 5, None, "class_embedding", 0)
    assert widget.target == 5


def test_a_method_without_heads_hides_the_overview_with_a_sentence(page, source):
    _, root, _ = with_kernel(page, source, 2, show="head", layer=1)
    root.get_by_role("combobox", name="Method").select_option("headless")
    drawn(root, 2, None, "headless", 0)
    assert root.locator(".vl-heads").is_hidden()
    assert root.locator(".vl-aside").is_visible()
    words = "headless: a method of your own; it says nothing of single heads."
    assert text(root.locator(".vl-method-words")) == words
    assert text(root.locator(".vl-stage-head h3")) == "All blocks and heads"
    root.get_by_role("combobox", name="Method").select_option("rollout")
    drawn(root, 2, None, "rollout", 0)
    assert "the same map for all of them" in text(root.locator(".vl-method-words"))
    assert root.locator(".vl-heads").is_visible()
