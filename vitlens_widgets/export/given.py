"""The widgets that are to be written to a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from vitlens_widgets.errors import UsageError


def widgets_given(function: str, widgets: Any, path: Any, has: str) -> list[Any]:
    """One widget or several, as a list.

    Args:
        function: Which one takes them, for the sentence.
        widgets: As given.
        path: Where they are to be written.
        has: The method that each must have.

    Raises:
        UsageError: Something else was given, such as the file first.
    """
    is_name = isinstance(widgets, str | os.PathLike)
    if is_name and not isinstance(path, str | os.PathLike):
        raise UsageError(
            f"{function} takes the widget first and then the file: "
            f'vl.{function}(widget, "{os.fspath(widgets)}").'
        )
    several = isinstance(widgets, Sequence) and not is_name
    many: list[Any] = [*widgets] if several else [widgets]
    if not many or not all(hasattr(one, has) for one in many):
        kinds = ", ".join(type(one).__name__ for one in many) or "an empty list"
        raise UsageError(
            f"{function} takes a widget such as vl.PatchGrid(reading), or a list of them; "
            f"{kinds} was given."
        )
    return many
