"""Figures in a notebook need nothing from the web, and in Colab each brings what it needs."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest
from bokeh.io import reset_output, show
from bokeh.io.state import curstate
from bokeh.plotting import figure

from vitlens_widgets.charts import in_notebook

LOAD = "application/vnd.bokehjs_load.v0+json"
EXEC = "application/vnd.bokehjs_exec.v0+json"


@pytest.fixture
def published(monkeypatch):
    """What a notebook would be given to show, in order."""
    shown = []
    monkeypatch.setattr(
        "IPython.display.publish_display_data", lambda data, *_, **__: shown.append(data)
    )
    yield shown
    reset_output()
    curstate().document.clear()


def scripts(published):
    return [data[LOAD] for data in published if LOAD in data]


def plot():
    made = figure(width=200, height=100)
    made.line([0, 1], [1, 3])
    return made


def test_the_script_comes_from_the_installed_package(published):
    in_notebook()
    (script,) = scripts(published)
    assert re.findall(r"const js_urls = (\[.*?\]);", script) == ["[]"]
    assert len(script) > 1_000_000  # it is all in there
    assert len(script) < 1_500_000  # and no more than a figure needs


def test_a_figure_is_drawn_under_its_cell_with_the_one_script(published):
    in_notebook()
    show(plot())
    show(plot())
    assert sum(EXEC in data for data in published) == 2
    assert len(scripts(published)) == 1


def test_in_colab_each_figure_brings_the_script(published, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    in_notebook()
    in_notebook()  # a cell may be run again
    published.clear()
    show(plot())
    show(plot())
    kinds = [
        "load" if LOAD in data else "draw" for data in published if LOAD in data or EXEC in data
    ]
    assert kinds == ["load", "draw", "load", "draw"]
