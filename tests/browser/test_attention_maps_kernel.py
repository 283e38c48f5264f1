"""What is asked of the kernel, when, and what is said while and if it does not answer."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.attention_pages import Places, colors, map_pixels, read_out, shades
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_maps import random_maps
from vitlens_widgets.widgets.attention_maps import data


@pytest.fixture
def hosted(page):
    page.set_viewport_size({"width": 1300, "height": 900})
    return WidgetPage(page)


@pytest.fixture
def maps(monkeypatch):
    """Maps that are too large to be sent at once, and whose exact numbers come line by line."""
    monkeypatch.setattr(data, "thumbnail_side", lambda *_: 8)
    monkeypatch.setattr(data, "EXACT_LIMIT", 10)
    return random_maps(8, layers=3, heads=2, rows=4, cols=6)


def asked(hosted, name):
    return [message for _, command, message in hosted.asked if command == name]


def drawn(hosted, widget, name):
    """Waits until a map is drawn."""
    widget.and_(hosted.page.locator(f"[data-vitlens-drawn^='{name}']")).wait_for(state="attached")


def until_exact(widget):
    """Waits until exact numbers stand in the read-out."""
    line = widget.locator(".vl-pair-line").element_handle()
    widget.page.wait_for_function("line => !line.innerText.includes('…')", arg=line)


def test_the_first_map_needs_no_question(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    expected = colors(shades(maps.of_layer(2)[0], "pattern", "sqrt"))
    assert (map_pixels(widget) == expected).mean() > 0.999
    assert hosted.asked == []


def test_a_map_is_asked_for_once_and_kept(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    for head in (1, 0, 1, 0):
        hosted.receive(head=head)
        drawn(hosted, widget, f"head {head} of 2")
    (message,) = asked(hosted, "_map")
    assert message["head"] == 1
    expected = colors(shades(maps.of_layer(2)[0], "pattern", "sqrt"))
    assert (map_pixels(widget) == expected).mean() > 0.999


def test_numbers_are_dots_until_the_exact_ones_have_come_never_those_of_a_code(hosted, maps, page):
    gate = {"open": False}

    def kernel(widget, name, message, buffers):
        while not gate["open"]:
            page.wait_for_timeout(20)
        return getattr(widget, name)(message, buffers)

    hosted.kernel = kernel
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    Places(widget, maps).point_at_cell(5, 9)
    assert "pattern … score … rank …" in read_out(widget)
    gate["open"] = True
    until_exact(widget)
    exact = maps.of_layer(2)[0, 5, 9]
    assert f"pattern {exact:.4f}" in read_out(widget) or exact < 5e-5


def test_a_sweep_over_many_rows_asks_for_few_of_them(hosted, maps, page):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    places = Places(widget, maps)
    page.evaluate(
        """() => {
          const ask = window.askKernel;
          const held = new Promise((letGo) => { window.letGo = letGo; });
          window.askKernel = (...words) => held.then(() => ask(...words));
        }"""
    )
    for row in range(1, 20):  # that of CLS, which asks at first, was sent at once
        places.point_at_cell(row, 3)
    assert places.crossed() == (19, 3)
    page.evaluate("void window.letGo()")
    until_exact(widget)
    first, last = [message["query"] for message in asked(hosted, "_exact")]
    assert first < last == 19


def test_a_line_that_is_here_is_not_asked_for_again(hosted, maps):
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    places = Places(widget, maps)
    for _ in range(3):
        for row, key in ((4, 7), (6, 2)):
            places.point_at_cell(row, key)
            until_exact(widget)
    messages = asked(hosted, "_exact")
    assert len(messages) == 2
    assert {(m["query"], m["key"]) for m in messages} == {(4, 7), (6, 2)}


def test_progress_shows_after_a_while_and_never_before(hosted, maps, page):
    hosted.stop_clock()
    page.evaluate("void (window.askKernel = () => new Promise(() => {}))")
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    before = map_pixels(widget)
    hosted.receive(layer=0)
    page.clock.run_for(140)
    assert "vl-waiting" not in widget.get_attribute("class")
    page.clock.run_for(20)
    assert "vl-waiting" in widget.get_attribute("class")
    assert (map_pixels(widget) == before).all()
    hosted.receive(layer=2)
    assert "vl-waiting" not in widget.get_attribute("class")


def test_an_error_is_a_sentence_with_a_remedy_and_the_last_map_stays(hosted, maps):
    hosted.kernel = lambda *_: ({"error": "Out of <i>memory</i>."}, [])
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    before = map_pixels(widget)
    hosted.receive(layer=0)
    alert = widget.get_by_role("alert")
    alert.get_by_text("Out of <i>memory</i>.").wait_for()
    assert (map_pixels(widget) == before).all()
    assert len(asked(hosted, "_map")) == 1  # it is not asked again of itself
    hosted.kernel = lambda shown, name, message, sent: getattr(shown, name)(message, sent)
    alert.get_by_role("button", name="Try again").click()
    drawn(hosted, widget, "head 0 of 0")
    expected = colors(shades(maps.of_layer(0)[0], "pattern", "sqrt"))
    assert (map_pixels(widget) == expected).mean() > 0.999
    assert alert.is_hidden()


def test_a_kernel_that_does_not_answer_is_politely_given_up(hosted, maps, page):
    hosted.own_clock()
    page.evaluate(
        """() => {
          window.askKernel = () => new Promise(() => {});
          AbortSignal.timeout = (ms) => {
            const controller = new AbortController();
            window.waits = ms;
            setTimeout(() => controller.abort(new DOMException("", "TimeoutError")), 100);
            return controller.signal;
          };
        }"""
    )
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    hosted.receive(head=1)
    widget.get_by_role("alert").get_by_text("has not answered for a minute").wait_for()
    assert page.evaluate("window.waits") == 60_000
    page.clock.run_for(300)
    hosted.wait_two_frames()
    assert "vl-waiting" not in widget.get_attribute("class")
    pane = widget.locator(".vl-pane").last
    assert pane.evaluate("node => getComputedStyle(node).opacity") == "0.45"


def test_a_page_without_a_kernel_shows_what_it_has_and_says_what_it_lacks(hosted, page):
    maps = random_maps(8, layers=2, heads=2)
    page.evaluate("window.withoutKernel = true")
    widget = hosted.add(vl.AttentionMaps(maps), "attention_maps")
    hosted.receive(head=1)
    expected = colors(shades(maps.of_layer(1)[1], "pattern", "sqrt"))
    assert (map_pixels(widget) == expected).mean() > 0.999
    Places(widget, maps).point_at_cell(5, 9)
    assert "pattern – score – rank –" in read_out(widget)
    assert widget.get_by_role("alert").is_hidden()
    hosted.receive(show="mean")
    widget.get_by_role("alert").get_by_text("This page has no kernel to ask").wait_for()


def test_scores_are_waited_for_with_the_old_overview_in_place(hosted, maps, page):
    shown = vl.AttentionMaps(maps)
    widget = hosted.add(shown, "attention_maps")
    widget.get_by_role("radio", name="Scores").click()
    widget.and_(page.locator(".vl-waiting")).wait_for(state="attached")
    shown.kind = "scores"
    names = ("_codes", "_ranges", "_thumb_ranges", "_overview_of")
    hosted.receive(**{name: shown.get_state()[name] for name in names})
    widget.and_(page.locator(":not(.vl-waiting)")).wait_for(state="attached")
    assert widget.get_by_role("radio", name="Scores").get_attribute("aria-checked") == "true"


def test_a_view_that_is_gone_hears_no_answer(hosted, maps, page):
    page.evaluate(
        """() => {
          const ask = window.askKernel;
          const held = new Promise((letGo) => { window.letGo = letGo; });
          window.askKernel = (...words) => (window.answered = held.then(() => ask(...words)));
        }"""
    )
    hosted.add(vl.AttentionMaps(maps), "attention_maps")
    hosted.receive(head=1)
    page.evaluate("window.hosted[0].dispose()")
    page.evaluate("() => { window.letGo(); return window.answered; }")
    hosted.wait_two_frames()
    assert page.locator(".vitlens").count() == 0
