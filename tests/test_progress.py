"""Long work in a notebook shows its progress and leaves nothing of it behind."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

WORK = """
import os
os.environ |= {"TQDM_MININTERVAL": "0", "TQDM_MINITERS": "1"}  # the bar shows every step
from vitlens_widgets import progress as module
from vitlens_widgets.progress import progress, progress_bar
module._QUIET_SECONDS = 1e-6  # a bar is shown at once; 0 would mean before its work begins
for _ in progress(range(4), "steps"):
    pass
with progress_bar(4, "more"):
    pass
"""
HALF = """
try:
    with progress_bar(4, "half") as bar:
        for _ in range(3):
            bar.update(1)
        raise ValueError("stopped")
except ValueError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def cells():
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (WORK, HALF)]
    NotebookClient(notebook, timeout=60).execute()
    return notebook.cells


def kinds(cell):
    return [set(output.get("data", {})) for output in cell.outputs]


def test_of_finished_work_no_bar_is_left_in_the_notebook(cells):
    assert kinds(cells[0]) == [{"text/html"}]
    assert cells[0].outputs[0].data["text/html"] == ""


def test_of_work_that_was_not_finished_the_bar_stays(cells):
    assert any("application/vnd.jupyter.widget-view+json" in kind for kind in kinds(cells[1]))
    assert cells[1].outputs[-1].text == "stopped\n"
