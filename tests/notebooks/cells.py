"""A notebook's own cells, run outside of a notebook, for tests of what its prose says."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import bokeh.io
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

FEWER = {
    "range(64)": "range(8)",
    "range(12)": "range(4)",
    "range(20)": "range(2)",
    "steps=150": "steps=5",
    "N_IMAGES = 300": "N_IMAGES = 12",
    "N_IMAGES = 64": "N_IMAGES = 8",
    "N_IMAGES = 48": "N_IMAGES = 8",
    "N_SCENES = 200": "N_SCENES = 40",
    "N_PAINTED = 4": "N_PAINTED = 2",
    "N_STATES = 6": "N_STATES = 2",
    r"\"greedy\" if drawn": r"\"threshold\" if drawn",  # as JSON has it
}
"""What notebooks may do less of where their numbers are not asked for."""


def prose_of(stem: str) -> dict[str, str]:
    """The text of a notebook, by the name of its cell."""
    cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "markdown"}


def says(text: str, *numbers: str) -> None:
    """Asserts that a text has these numbers, as they are written."""
    for number in numbers:
        assert number in text, number


def run(
    stem: str,
    only: Collection[str] | None = None,
    change: Callable[[str], str] = lambda source: source,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The names that the cells leave behind; `names["printed"]` is what each has printed.

    Args:
        stem: The notebook's name.
        only: The cells to run, by their ids; all by default.
        change: What is done to the source of each cell before it runs.
        given: Names that the cells find there.
    """
    names: dict[str, Any] = {"printed": {}, **(given or {})}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bokeh.io, "show", lambda _figure: None)  # it would open a browser
        for cell in nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells:
            if cell.cell_type == "code" and (only is None or cell.id in only):
                source = TransformerManager().transform_cell(change(cell.source))
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(compile(source, cell.id, "exec"), names)
                names["printed"][cell.id] = printed.getvalue()
    return names


def code(stem: str) -> str:
    """The source of all of a notebook's code cells, as Python."""
    cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    return "\n".join(TransformerManager().transform_cell(source) for source in sources)


def start_exercises(stem: str, names: dict[str, Any]) -> int:
    """Runs the calls that a notebook's exercises start from, after its own cells.

    Returns:
        How many exercises have such calls.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    assert notebook.cells[-1].id == "exercises"
    starts = re.findall(r"^   ```python\n(.*?)^   ```", notebook.cells[-1].source, re.M | re.S)
    for number, start in enumerate(starts):
        source = textwrap.dedent(start)
        exec(compile(source, f"{stem}, start {number}", "exec"), names)
    return len(starts)


def with_less_to_do(path: Path, folder: Path) -> Path:
    """A copy of a notebook with fewer images and steps."""
    text = path.read_text(encoding="utf-8")
    for much, little in FEWER.items():
        text = text.replace(much, little)
    copy = folder / path.name
    copy.write_text(text, encoding="utf-8")
    return copy
