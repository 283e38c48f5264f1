"""A widget lives as long as somebody has it or a cell shows it; then its trace is freed."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import pytest
from ipywidgets.widgets import widget as registry
from jupyter_client.manager import start_new_kernel

import vitlens_widgets as vl
from tests.widgets.test_freed import (
    attention_maps,
    explorer,
    infill_strip,
    patch_features,
    patch_grid,
    relevance_maps,
)
from vitlens_widgets.widgets.shared import lifetime

MAKERS = [patch_grid, attention_maps, infill_strip, explorer, relevance_maps, patch_features]


class Notebook:
    """A kernel's shell that says which cell runs."""

    def __init__(self):
        self.kernel, self.events, self.hooks, self.cell = object(), self, {}, None

    def register(self, event, hook):
        self.hooks.setdefault(event, []).append(hook)

    def get_parent(self):
        return {"metadata": {"cellId": self.cell} if self.cell else {}}

    def run(self, cell, act):
        self.cell = cell
        for hook in self.hooks.get("pre_run_cell", []):
            hook(SimpleNamespace(cell_id=cell))
        act()
        for hook in self.hooks.get("post_run_cell", []):
            hook(None)


@pytest.fixture
def notebook(monkeypatch):
    made = Notebook()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: made)
    monkeypatch.setattr(lifetime, "_shown", {})
    return made


def gone(references):
    gc.collect()
    return [reference() is None for reference in references]


def made_by(make):
    widget, shown = make(vl.load("toy/p32"), vl.world.scene(7))
    return widget, [weakref.ref(widget), weakref.ref(shown)]


@pytest.mark.parametrize("make", MAKERS)
def test_a_widget_that_nobody_has_is_freed_with_what_it_shows(make):
    before = set(registry._instances)
    widget, references = made_by(make)
    model_id = widget.model_id
    assert registry._instances[model_id].model_id == model_id  # ipywidgets knows it
    del widget
    assert gone(references) == [True, True]
    left = set(registry._instances) - before
    assert model_id not in left


@pytest.mark.parametrize("make", [attention_maps, explorer])
def test_what_a_cell_shows_lives_until_it_is_run_again(notebook, make):
    references = []

    def show():
        widget, references[:] = made_by(make)
        widget._view()

    notebook.run("a", show)
    assert gone(references) == [False, False]
    first = list(references)
    notebook.run("b", lambda: None)
    assert gone(first) == [False, False]
    notebook.run("a", show)
    assert [reference() is None for reference in first] == [True, True]  # at once
    assert gone(references) == [False, False]


def test_a_widget_that_a_variable_or_another_cell_has_stays(notebook):
    widget, references = made_by(patch_grid)
    show = [widget._view]
    for cell in ("a", "b"):
        notebook.run(cell, show[0])
    notebook.run("a", lambda: None)
    notebook.run("b", lambda: None)
    assert gone(references) == [False, False]
    notebook.run("a", show.pop())
    del widget
    assert gone(references) == [False, False]
    notebook.run("a", lambda: None)
    assert gone(references) == [True, True]


def test_where_the_notebook_does_not_say_which_cell_runs_what_is_shown_stays(notebook):
    references = []

    def show():
        widget, references[:] = made_by(patch_grid)
        widget._view()

    notebook.run(None, show)
    first = list(references)
    notebook.run(None, show)
    assert gone(first) == gone(references) == [False, False]


def test_a_message_of_a_page_reaches_the_widget_and_none_that_is_gone(recorded):
    widget, references = made_by(patch_grid)
    comm, message = recorded(widget), {"method": "update", "state": {"state": 2}}
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), "state")
    comm.handle_msg({"content": {"data": message}, "buffers": []})
    assert widget.state == 2
    del widget
    assert gone(references) == [True, True]
    sent = list(comm.messages)
    message["state"]["state"] = 1
    comm.handle_msg({"content": {"data": message}, "buffers": []})
    assert (heard, comm.messages) == ([2], sent)


SETUP = """
import gc, weakref
import vitlens_widgets as vl
from vitlens_widgets.widgets.attention_maps import data
from IPython.display import display
vit, seen = vl.load("toy/p32"), []
data.thumbnail_side = lambda *_: 8
"""
SHOW = """
trace = vit.trace(vl.world.scene(7).image)
maps = vl.AttentionMaps(trace)
seen.append(weakref.ref(trace))
display(maps)
"""
COUNT = "print(gc.collect() * 0 + sum(one() is not None for one in seen))"


def run(client, code, cell):
    """Runs a cell in a real kernel; gives its outputs."""
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
    message = client.session.msg("execute_request", content | {"allow_stdin": False})
    message["metadata"]["cellId"] = cell
    client.shell_channel.send(message)
    outputs = []
    while True:
        found = client.get_iopub_msg(timeout=120)
        if found["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if found["msg_type"] == "status" and found["content"]["execution_state"] == "idle":
            return outputs
        assert found["msg_type"] != "error", found["content"]["traceback"]
        outputs.append((found["msg_type"], found["content"]))


def test_a_real_kernel_shows_it_first_and_keeps_one_trace_however_often_a_cell_is_run():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        run(client, SETUP, "setup")
        for _ in range(3):
            outputs = run(client, SHOW, "show")
        kinds = [kind for kind, _ in outputs]
        first, last = kinds.index("display_data"), kinds.index("update_display_data")
        shown, updated = outputs[first][1], outputs[last][1]
        between = kinds[first:last]
        assert between.count("comm_msg") >= 5  # layer after layer
        assert "image/png" not in shown["data"]
        assert "image/png" in updated["data"]
        assert shown["transient"] == updated["transient"]
        (_, printed), *_ = [one for one in run(client, COUNT, "count") if one[0] == "stream"]
        assert printed["text"].strip() == "1"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
