"""A still picture of each widget, drawn from its traits: for places that run no JavaScript."""

from __future__ import annotations

import importlib
from typing import Any


def png(name: str, state: dict[str, Any]) -> bytes:
    """What a widget shows, as a PNG 1000 pixels wide.

    Args:
        name: Name of the module here whose `draw` draws it, such as `"patch_grid"`.
        state: Its traits by name, as they go to the browser.
    """
    return importlib.import_module(f"{__name__}.{name}").draw(state).png()
