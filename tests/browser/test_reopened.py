"""A saved notebook, opened again: the picture is there, or the widget if its state was kept."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import nbformat
import pytest

import vitlens_widgets as vl
from tests.widgets.fake_reading import random_reading

ROOT = Path(__file__).parents[2]
CELL = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.widgets.fake_reading import random_reading
import vitlens_widgets as vl
vl.PatchGrid(random_reading(1, rows=3, cols=5), image=1)
"""
SETTING = "lab/api/settings/@jupyter-widgets/jupyterlab-manager:plugin"
ERROR = "Error displaying widget"
WIDTH = 1000  # of a still picture


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A notebook with one small widget, whose kernel needs no torch."""
    path = tmp_path_factory.mktemp("reopened") / "small.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def windows(browser):
    """Opens windows that know nothing of each other."""
    contexts = []

    def window():
        contexts.append(browser.new_context(viewport={"width": 1300, "height": 1000}))
        return contexts[-1].new_page()

    yield window
    for context in contexts:
        context.close()


@pytest.fixture
def kept(lab):
    """Jupyter's setting to save the state of widgets, for one test."""

    def set_to(value):
        body = json.dumps({"raw": json.dumps({"saveState": value})}).encode()
        request = urllib.request.Request(f"{lab.address}/{SETTING}", body, method="PUT")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()

    set_to(True)
    yield
    set_to(False)


def saved(lab, page, source, shown_by):
    """Runs the notebook in a page, saves it and ends its kernel; the file."""
    notebook = lab.open(page, source, shown_by)
    notebook.run_all(widgets=1)
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    notebook.close()
    return lab.root / page.url.split("?")[0].rpartition("/")[2]


@pytest.mark.parametrize("shown_by", ["JupyterLab", "Notebook"])
def test_a_reopened_notebook_shows_the_picture_and_runs_again(lab, windows, source, shown_by):
    path = saved(lab, windows(), source, shown_by)
    (output,) = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["outputs"]
    assert {"image/png", "text/plain"} < set(output["data"])
    assert "vitlens_widgets" in output["metadata"]
    page = windows()
    notebook = lab.reopen(page, path.name, shown_by)
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    notebook.kernel("pass")  # it has answered: nothing may have come in the picture's place
    notebook.wait_until_at_rest()
    assert picture.count() == 1
    assert picture.evaluate("image => [image.complete, image.naturalWidth]") == [True, WIDTH]
    assert ERROR not in page.locator(".jp-OutputArea").inner_text()
    notebook.run_all(widgets=1)
    assert picture.count() == 0
    assert notebook.complaints == []
    notebook.close()


@pytest.mark.usefixtures("kept")
def test_a_widget_whose_state_was_kept_lives_on(lab, windows, source):
    path = saved(lab, windows(), source, "JupyterLab")
    assert "widgets" in json.loads(path.read_text(encoding="utf-8"))["metadata"]
    page = windows()
    notebook = lab.reopen(page, path.name, "JupyterLab")
    notebook.wait_until_drawn(1)
    grid = notebook.drawn.first
    grid.get_by_role("slider", name="State").press("Home")
    grid.and_(page.locator("[data-vitlens-drawn='0_pre']")).wait_for(state="attached")
    assert page.locator(".jp-OutputArea-output img").count() == 0
    notebook.close()


def test_nbconvert_shows_the_picture_offline(windows, tmp_path):
    exporters = pytest.importorskip("nbconvert.exporters")
    bundle, metadata = vl.PatchGrid(random_reading(1, rows=3, cols=5))._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("grid", execution_count=1)
    cell.outputs = [
        nbformat.v4.new_output("execute_result", data=bundle, metadata=metadata, execution_count=1)
    ]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    converted = tmp_path / "converted.html"
    converted.write_text(exporters.HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    page = windows()
    page.route("http*://**", lambda route: route.abort())
    page.goto(converted.as_uri())
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") == WIDTH
    assert ERROR not in page.locator("body").inner_text()
