"""What a host does in its own way, played on a bare page: VS Code, Colab, Notebook 7, marimo."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.browser.infill_page import InfillPage
from tests.browser.painted import canvas_pixels
from tests.browser.widget_page import WidgetPage, encoded, eventually
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_reading import random_reading

COLOURS = "root => [getComputedStyle(root).backgroundColor, getComputedStyle(root).color]"
LIGHT, DARK = ["rgb(255, 255, 255)", "rgb(27, 27, 27)"], ["rgb(17, 17, 17)", "rgb(232, 232, 232)"]
VSCODE = "html{--vscode-editor-background:rgb(1,2,3);--vscode-editor-foreground:rgb(4,5,6)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("names", "colours"),
    [
        ("vscode-light", LIGHT),
        ("vscode-dark", DARK),
        ("vscode-high-contrast", DARK),
        ("vscode-high-contrast vscode-high-contrast-light", LIGHT),
    ],
)
def test_vs_codes_theme_is_that_of_its_body_whatever_the_system_says(page, scheme, names, colours):
    hosted = WidgetPage(page, scheme=scheme)
    page.evaluate("names => { document.body.className = names; }", names)
    assert hosted.add(vl.PatchGrid(random_reading())).evaluate(COLOURS) == colours


def test_vs_codes_own_colours_are_taken(page):
    hosted = WidgetPage(page)
    page.add_style_tag(content=VSCODE)
    page.evaluate("document.body.className = 'vscode-dark'")
    colours = hosted.add(vl.PatchGrid(random_reading())).evaluate(COLOURS)
    assert colours == ["rgb(1, 2, 3)", "rgb(4, 5, 6)"]


@pytest.mark.parametrize(("theme", "colours"), [("dark", DARK), ("light", LIGHT)])
def test_colabs_theme_is_that_of_its_document_whatever_the_system_says(page, theme, colours):
    other = {"dark": "light", "light": "dark"}[theme]
    hosted = WidgetPage(page, scheme=other)
    page.evaluate("theme => document.documentElement.setAttribute('theme', theme)", theme)
    assert hosted.add(vl.PatchGrid(random_reading())).evaluate(COLOURS) == colours


def test_a_theme_that_changes_in_vs_code_is_followed_by_the_canvases(page):
    hosted = WidgetPage(page)
    page.evaluate("document.body.className = 'vscode-light'")
    reading = random_reading(rows=7, cols=7, patch=58)
    widget = hosted.add(vl.PatchGrid(reading, tint="class", glyph="none"))
    canvas = widget.locator(".vl-picture > .vl-canvas")
    light = canvas_pixels(canvas).mean()
    page.evaluate("document.body.className = 'vscode-dark'")
    eventually(page, lambda: canvas_pixels(canvas).mean() < light - 20)


# Jupyter's shortcuts: the first element from the focused one upwards that their selector matches,
# unless a marked one comes before. Notebook 7 asks in the capture phase, JupyterLab in the other.
SHORTCUTS = """
(capture) => {
  window.taken = [];
  document.addEventListener("keydown", (event) => {
    for (let node = event.target; node; node = node.parentElement) {
      if (node.hasAttribute("data-lm-suppress-shortcuts")) return;
      if (node.matches(":focus:not(:read-write)")) {
        window.taken.push(event.key);
        event.preventDefault();
        event.stopPropagation();
        return;
      }
    }
  }, capture);
}
"""


@pytest.mark.parametrize("capture", [True, False], ids=["Notebook 7", "JupyterLab"])
def test_plain_keys_are_the_widgets_and_combinations_the_notebooks(page, capture):
    hosted = WidgetPage(page)
    page.evaluate(SHORTCUTS, capture)
    widget = hosted.add(vl.PatchGrid(random_reading(rows=4, cols=6)))
    widget.get_by_role("gridcell").first.focus()
    for key in ("b", "ArrowDown", "ArrowRight", "Enter", "["):
        page.keyboard.press(key)
    assert page.evaluate("window.taken") == []
    selected = widget.locator("[role=gridcell][aria-selected=true]")
    assert selected.get_attribute("data-token") == str(1 + 6 + 1)
    page.keyboard.press("Control+s")
    assert page.evaluate("window.taken") == ["Control", "s"]


# marimo sets and announces the traits of one message one after the other.
ONE_BY_ONE = """
([index, names, state]) => {
  for (const name of names) window.receive(index, { [name]: state[name] });
}
"""


def receive_one_by_one(hosted, state, names):
    hosted.page.evaluate(ONE_BY_ONE, [0, names, encoded(state)])
    hosted.wait_two_frames()


@pytest.mark.parametrize("backwards", [False, True])
def test_a_painting_that_comes_trait_by_trait_is_drawn_when_it_is_whole(page, backwards):
    infilling = random_infilling(seed=8, rows=4, cols=6)
    strip = vl.InfillStrip(infilling, mask=np.zeros(24, bool))
    hosted = InfillPage(page)
    widget = hosted.add(strip)
    before = strip.get_state()
    strip.mask = np.arange(24) % 5 == 0
    after = strip.get_state()
    names = sorted((n for n in after if after[n] != before[n]), reverse=backwards)
    assert {"_painting", "_painted", "_numbers_of", "_scores"} <= set(names)
    receive_one_by_one(hosted, after, names)
    foot = widget.locator(".vl-foot")
    assert "on 5 masked patches" in foot.inner_text()
    panel = widget.locator(".vl-panel .vl-canvas").nth(1)
    expected = infilling.rerun(mask=strip.mask).pictures(1)[0]
    np.testing.assert_array_equal(canvas_pixels(panel), expected)


@pytest.mark.parametrize("backwards", [False, True])
def test_an_edited_run_that_comes_trait_by_trait_is_drawn_when_it_is_whole(page, backwards):
    explorer = vl.explore(vl.load("toy/attn-only-2l"), vl.world.scene(45, objects=2))
    hosted = WidgetPage(page)
    widget = hosted.add(explorer, "explorer")
    before = explorer.get_state()
    explorer.knocked_out = [(1, 0)]
    after = explorer.get_state()
    names = sorted((n for n in after if after[n] != before[n]), reverse=backwards)
    receive_one_by_one(hosted, after, names)
    assert widget.locator(".vl-off-head").count() == 1
    kl = explorer._edited_answers[
        "_divergence"
    ]  # of the prediction, the last number of the last state
    said = float(np.frombuffer(kl, "<f4").reshape(explorer.trace.n_states, -1)[-1, -1])
    assert f"{said:.2f}" in widget.locator(".vl-off-result").inner_text()
