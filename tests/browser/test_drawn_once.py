"""However many changes arrive, a frame draws the last of them, once."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.widget_page import FRAME, WidgetPage

SETS = 6000
WITHOUT_FRAMES = 250  # ms, as js/lib/frames.js has it
RECEIVE_ALL = "([i, states]) => { for (const state of states) window.receive(i, state); }"
COUNT = """(index) => {
  const { el } = window.hosted[index];
  const count = (all) => { el.draws = (el.draws ?? 0) + all.length; };
  const watched = { attributes: true, attributeFilter: ["data-vitlens-drawn"] };
  new MutationObserver(count).observe(el.querySelector(".vitlens"), watched);
  el.draws = 0;
}"""
PIXELS = "(root) => [...root.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())"


def explorer():
    return vl.explore(vl.load("toy/p32"), vl.world.scene(7))


def grid():
    vit = vl.load("toy/p32")
    return vl.PatchGrid(vl.LogitLens(vit).read(vit.trace(vl.world.scene(7).image)))


def maps():
    return vl.AttentionMaps(vl.load("toy/p32").trace(vl.world.scene(7).image))


WIDGETS = {
    "patch_grid": (grid, {"state": lambda widget: widget._n_states}),
    "attention_maps": (
        maps,
        {"layer": lambda widget: widget._n_layers, "head": lambda widget: widget._n_heads},
    ),
    "explorer": (explorer, {"target": lambda widget: len(widget._labels)}),
}


@pytest.fixture
def hosted(page):
    hosted = WidgetPage(page)
    hosted.stop_clock()
    page.evaluate("window.withoutKernel = true")  # what it answers is drawn when it comes
    return hosted


def sent(widget, sizes):
    """What the kernel sends when choices are set thousands of times."""
    counts = {name: size(widget) for name, size in sizes.items()}
    return [{name: i % count for name, count in counts.items()} for i in range(SETS)]


def draws(hosted, index=0):
    return hosted.page.evaluate(f"() => window.hosted[{index}].el.draws")


def receive_all(hosted, states, index=0):
    hosted.page.evaluate(COUNT, index)
    hosted.page.evaluate(RECEIVE_ALL, [index, states])


@pytest.mark.parametrize("stem", WIDGETS)
def test_thousands_of_changes_are_drawn_once_and_end_in_the_last(hosted, stem):
    make, sizes = WIDGETS[stem]
    widget = make()
    root = hosted.add(widget, stem)
    before = root.evaluate(PIXELS)
    receive_all(hosted, sent(widget, sizes))
    assert draws(hosted) == 0
    hosted.page.clock.run_for(FRAME)
    assert draws(hosted) == 1
    assert root.evaluate(PIXELS) == hosted.show_again().evaluate(PIXELS) != before


def test_linked_widgets_are_drawn_once_each(hosted):
    one, other = grid(), maps()
    vl.link(one, other)
    hosted.add(one, "patch_grid")
    shown = hosted.add(other, "attention_maps")
    states = [{"state": i % one._n_states} for i in range(SETS)]
    layers = [min(state["state"], other._n_layers - 1) for state in states]
    one.state = states[-1]["state"]
    assert other.layer == layers[-1]
    receive_all(hosted, states, 0)
    receive_all(hosted, [{"layer": layer} for layer in layers], 1)
    hosted.page.clock.run_for(FRAME)
    assert [draws(hosted, index) for index in (0, 1)] == [1, 1]
    assert f"head 0 of {other.layer}," in shown.get_attribute("data-vitlens-drawn")


def test_a_page_without_frames_is_drawn_all_the_same(hosted):
    hosted.page.evaluate("() => { window.requestAnimationFrame = () => 0; }")
    widget = grid()
    root = hosted.add(widget)
    receive_all(hosted, [{"state": 1}])
    hosted.page.clock.run_for(WITHOUT_FRAMES - 1)
    assert root.get_attribute("data-vitlens-drawn") == "final"
    hosted.page.clock.run_for(2)
    assert root.get_attribute("data-vitlens-drawn") == "1_pre"


def test_what_the_reader_chooses_is_drawn_at_once_and_with_it_what_was_due(hosted):
    widget = grid()
    root = hosted.add(widget)
    receive_all(hosted, [{"token": 5}])
    root.get_by_role("slider", name="State").press("Home")
    assert root.get_attribute("data-vitlens-drawn") == "0_pre"
    assert root.locator("[aria-selected=true]").get_attribute("data-token") == "5"
    hosted.page.clock.run_for(FRAME)
    assert draws(hosted) == 1
