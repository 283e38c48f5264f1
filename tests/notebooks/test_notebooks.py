"""Every notebook runs from top to bottom in a clean kernel, and prints what it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock, call

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from tests.notebooks.cells import NOTEBOOKS as FOLDER
from tests.notebooks.cells import with_less_to_do

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
"""What deterministic cells print: notebook -> cell id -> text."""

NO_BARS = "from vitlens_widgets import progress; progress._QUIET_SECONDS = 3600"
"""Run first: on a busy machine a progress bar would stand beside what is expected."""

HERE_ALONE = ("04_attention_head_tour",)
"""Those that run whole here; all others do in their own tests, which look at their numbers."""

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@by_name
def test_a_notebook_is_committed_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count] == []
    assert [cell.id for cell in notebook.cells if cell.metadata] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


@by_name
def test_no_cell_of_code_is_longer_than_one_can_take_in(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if len(cell.source.splitlines()) > 20] == []


@by_name
def test_the_first_cell_installs_the_package_in_colab_and_does_nothing_elsewhere(path, monkeypatch):
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    program = TransformerManager().transform_cell(first.source)
    shell = Mock()
    exec(program, {"get_ipython": lambda: shell})
    assert shell.mock_calls == []
    monkeypatch.setitem(sys.modules, "google.colab", Mock())
    exec(program, {"get_ipython": lambda: shell})
    assert shell.mock_calls == [call.run_line_magic("pip", "install -q vitlens_widgets")]


@by_name
def test_what_is_expected_belongs_to_a_cell(path):
    cells = {cell.id for cell in nbformat.read(path, as_version=4).cells}
    assert set(EXPECTED.get(path.stem, {})) <= cells


@by_name
def test_a_notebook_runs_and_prints_what_it_should(path, tmp_path):
    less = tmp_path / "less"
    less.mkdir()
    given = path if path.stem in HERE_ALONE else with_less_to_do(path, less)
    copy = with_expected_outputs(given, tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    # Not the tests' own options and cache, nor the user's IPython profile.
    command += ["-c", os.devnull, f"--rootdir={tmp_path}", "-p", "no:cacheprovider", str(copy)]
    environment = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_other_notebook_runs_whole_in_tests_of_its_own():
    tests = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    for path in NOTEBOOKS:
        own = [text for text in tests if f'STEM = "{path.stem}"' in text]
        assert (path.stem in HERE_ALONE) != any("run(STEM" in text for text in own)


def with_expected_outputs(path: Path, folder: Path) -> Path:
    """A copy whose deterministic cells carry the output that nbval is to compare.

    Notebooks are committed without outputs, so what cells must print stands in expected.json.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        text = EXPECTED.get(path.stem, {}).get(cell.id)
        if text is not None:
            cell.metadata.tags = ["nbval-check-output"]
            cell.execution_count = 1
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_BARS))
    copy = folder / path.name
    nbformat.write(notebook, copy)
    return copy
