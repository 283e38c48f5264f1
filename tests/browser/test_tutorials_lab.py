"""Every tutorial in a real JupyterLab, without a network: nothing complains, everything is drawn.

The quick start is opened by test_jupyterlab.py.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.browser.hosts import RUN_MS
from tests.notebooks.cells import NOTEBOOKS, with_less_to_do

TUTORIALS = sorted(set(NOTEBOOKS.glob("*.ipynb")) - {NOTEBOOKS / "00_quickstart.ipynb"})

CELLS = "jupyterapp.shell.currentWidget.content.widgets"
HAS_RUN = f"""() => {{
    const code = {CELLS}.filter((cell) => cell.model.type === 'code').map((cell) => cell.model);
    const outputs = code.flatMap((model) => model.outputs.toJSON());
    return code.every((model) => model.executionCount)
        || outputs.some((output) => output.output_type === 'error');
}}"""
OUTPUTS = f"{CELLS}.map((cell) => cell.model.outputs?.toJSON() ?? [])"
SHOW = """(number) => {
    const { content } = jupyterapp.shell.currentWidget;
    content.widgets[number].node.dataset.shown = number;
    return content.scrollToItem(number, 'start');
}"""


@pytest.fixture
def page(browser):
    """A page that remembers what left the machine and what went wrong."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(f"exception: {error}"))
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: None if is_local(r.url) else page.problems.append(r.url))
    yield page
    context.close()


FIGURE = ".bk-Canvas, div.sheet"
"""Bokeh's charts are drawn on a canvas, and its contact sheets are pictures in a grid."""


def is_local(url):
    return url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_and_draws_everything_without_a_network(lab, page, path, tmp_path):
    notebook = lab.open(page, with_less_to_do(path, tmp_path))
    # Not awaited, as in Notebook.run_all; and here the last cell need not show a widget.
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(HAS_RUN, timeout=3 * RUN_MS)  # many cells on a busy machine

    drawn = Counter()
    for number, outputs in enumerate(page.evaluate(OUTPUTS)):
        for output in outputs:
            assert output["output_type"] != "error", output
            assert output.get("name") != "stderr", output
        expected = Counter(filter(None, map(kind, outputs)))
        if expected:
            page.evaluate(SHOW, number)  # what is far from the window is not drawn
            for selector, count in expected.items():
                all_drawn(page.locator(f"[data-shown='{number}'] :is({selector})"), count)
        drawn += expected
    assert drawn["[data-vitlens-drawn]"] > 0
    assert drawn[FIGURE] > 0
    assert page.problems == []
    notebook.close()


def kind(output):
    """How a drawn output is found: one of this package's widgets, or figures or a contact sheet."""
    shown = output.get("data", {})
    if "application/vnd.bokehjs_exec.v0+json" in shown:
        return FIGURE
    # a progress bar is a widget too, but has no picture of itself
    is_widget = "application/vnd.jupyter.widget-view+json" in shown and "image/png" in shown
    return "[data-vitlens-drawn]" if is_widget else None


def all_drawn(locator, count):
    """Waits until as many have been drawn, and finds none of them without a size.

    An output may be several figures beside one another.
    """
    locator.nth(count - 1).wait_for(state="attached")
    assert locator.count() >= count
    for one in locator.all():
        box = one.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 60  # a sheet may be a single row of pictures
