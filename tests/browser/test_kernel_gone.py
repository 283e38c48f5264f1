"""After its kernel was restarted a widget says so, and shows what it has."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.browser.hosts import written
from tests.browser.widget_page import WidgetPage
from tests.widgets.fake_infilling import random_infilling
from tests.widgets.fake_maps import random_maps

SETUP = """
import vitlens_widgets as vl
vit, scene = vl.load("toy/p32"), vl.world.scene(7)
trace = vit.trace(scene.image)
"""
CELLS = (
    SETUP,
    "vl.PatchGrid(vl.LogitLens(vit).read(trace))",
    "vl.AttentionMaps(trace)",
    "vl.explore(vit, scene, mae=vl.load('toy/mae'))",
)
RESTART = "() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
CUT = """() => {
  const { model } = window.hosted[0];
  model.send = () => { throw new Error("Cannot send"); };
}"""
HEAR = """() => {
  for (const heard of window.hosted[0].model.handlers["comm_live_update"]) heard();
}"""


def said(root):
    """The sentence of a widget, when it is there."""
    error = root.locator(".vl-error:not([hidden])")
    error.wait_for(state="attached")
    return error.text_content()


REST = """async () => {
  const { id } = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const { baseUrl, token, appendToken } = jupyterapp.serviceManager.serverSettings;
  const asked = { method: "POST", headers: { Authorization: `token ${token}` } };
  await fetch(`${baseUrl}api/kernels/${id}/restart`, asked);
}"""


def act(widget):
    """Does something that the kernel is asked about, or else told."""
    scores = widget.get_by_role("radio", name="Scores")
    if scores.count():
        scores.click()
    else:
        widget.get_by_role("slider", name="State").first.press("Home")


@pytest.mark.parametrize(("host", "restart"), [("JupyterLab", RESTART), ("Notebook", REST)])
def test_a_restarted_kernel_is_said_and_what_is_here_is_still_shown(
    lab, browser, tmp_path, host, restart
):
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    notebook = lab.open(page, written(tmp_path / "restarted.ipynb", *CELLS), host)
    notebook.run_all(widgets=3)
    page.evaluate(restart)
    if restart == REST:  # the page hears nothing of it: it is noticed at the next action
        page.wait_for_timeout(3500)
    for i in range(3):
        if restart == REST:
            act(notebook.drawn.nth(i))
        assert "was restarted or has ended: run its cell again" in said(notebook.drawn.nth(i))
    grid = notebook.drawn.first
    grid.scroll_into_view_if_needed()
    grid.get_by_role("button", name="Dismiss").click()
    grid.get_by_role("slider", name="State").press("Home")
    assert grid.get_attribute("data-vitlens-drawn") == "0_pre"
    assert "run its cell again" in said(grid)
    notebook.wait_for_value("1", 1)  # the new one has come up
    notebook.close()
    page.context.close()


def test_a_question_that_cannot_be_sent_says_why(page):
    hosted = WidgetPage(page)
    root = hosted.add(vl.AttentionMaps(random_maps(1)), "attention_maps")
    page.evaluate(CUT)
    hosted.receive(layer=0, token=5, key=9)  # whose exact numbers are asked for
    assert "was restarted or has ended: run its cell again" in said(root)


def test_a_mask_that_cannot_be_sent_is_not_waited_for(page):
    hosted = WidgetPage(page)
    root = hosted.add(vl.InfillStrip(random_infilling(1)), "infill_strip")
    page.evaluate(CUT)
    page.evaluate(HEAR)
    assert "run its cell again" in said(root)
    root.get_by_role("button", name="Dismiss").click()
    root.get_by_role("gridcell").first.click()
    assert "run its cell again" in said(root)


def test_a_line_that_is_open_again_is_no_error(page):
    hosted = WidgetPage(page)
    root = hosted.add(vl.InfillStrip(random_infilling(1)), "infill_strip")
    page.evaluate(HEAR)
    hosted.wait_two_frames()
    assert root.locator(".vl-error:not([hidden])").count() == 0
