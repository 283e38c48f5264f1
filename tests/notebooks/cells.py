"""A notebook's own cells, run outside of a notebook, for tests of what its prose says."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import bokeh.io
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run(
    stem: str,
    only: Collection[str] | None = None,
    change: Callable[[str], str] = lambda source: source,
) -> dict[str, Any]:
    """The names that the cells leave behind; `names["printed"]` is what each has printed.

    Args:
        stem: The notebook's name.
        only: The cells to run, by their ids; all by default.
        change: What is done to the source of each cell before it runs.
    """
    names: dict[str, Any] = {"printed": {}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bokeh.io, "show", lambda _figure: None)  # it would open a browser
        for cell in nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells:
            if cell.cell_type == "code" and (only is None or cell.id in only):
                source = TransformerManager().transform_cell(change(cell.source))
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(compile(source, cell.id, "exec"), names)
                names["printed"][cell.id] = printed.getvalue()
    return names
