"""How long a widget lives: as long as somebody has it, or a notebook shows it.

ipywidgets keeps every widget until it is closed, and with it the trace that it shows. Here its
registry and its line to the browser only know a widget; what holds one is the cell that shows it,
until that cell is run again.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from ipywidgets.widgets import widget as registry

from vitlens_widgets.kinds import is_mapping

_shown: dict[str | None, list[Any]] = {}
"""The widgets that a cell shows, by its id; None where a notebook does not say which cell runs."""


def only_known(widget: Any) -> None:
    """Has ipywidgets know a widget that has just been opened, and not hold it."""
    hearing = weakref.ref(widget)

    def hear(message: dict[str, Any]) -> None:
        listener = hearing()
        if listener is not None:
            listener._handle_msg(message)

    widget.comm.on_msg(hear)
    # ipywidgets 7, which Colab has, keeps them in its class.
    known = "_instances" if hasattr(registry, "_instances") else "widgets"
    where: Any = registry if known == "_instances" else registry.Widget
    getattr(where, known)[widget.model_id] = weakref.proxy(widget)


def is_shown(widget: Any) -> None:
    """Holds a widget from now on, until the cell that shows it is run again.

    Where no kernel runs cells nobody shows it, and nothing is held.
    """
    shell = _shell()
    if shell is None:
        return
    held = _shown.setdefault(_cell_of(shell), [])
    if not any(one is widget for one in held):
        held.append(widget)
    if getattr(shell, "_vitlens_widgets_watched", False):
        return
    shell._vitlens_widgets_watched = True
    shell.events.register("pre_run_cell", _let_go)
    shell.events.register("post_run_cell", _collect)


def _shell() -> Any:
    """The shell of a kernel that runs cells, or None."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    return shell if hasattr(shell, "kernel") and hasattr(shell, "events") else None


def _cell_of(shell: Any) -> str | None:
    """The id of the cell that runs, where the notebook says it."""
    parent: Any = shell.get_parent() if hasattr(shell, "get_parent") else None
    metadata: Any = parent.get("metadata") if is_mapping(parent) else None
    return metadata.get("cellId") if is_mapping(metadata) else None


_released: list[str] = []
"""Cells that run again, whose last widgets nobody may have any more."""


def _let_go(info: Any) -> None:
    """What a cell has shown is gone from the page when it is run again."""
    cell = getattr(info, "cell_id", None)
    if cell is not None and _shown.pop(cell, None):
        _released.append(cell)


def _collect(_result: Any = None) -> None:
    """Traces are large and known to no counter of garbage: so they go at once."""
    if _released:
        _released.clear()
        gc.collect()
