"""Docstrings that list what a widget inherits: `help` and `PatchGrid?` show nothing else of it."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^Attributes:\n((?: .*\n?)+)", re.MULTILINE)
_NEXT = re.compile(r"^(Raises|Example):$", re.MULTILINE)


def with_inherited(kind: type) -> str:
    """A class's docstring, with the attributes of its bases after its own.

    Args:
        kind: A class whose bases have such docstrings.
    """
    doc = inspect.cleandoc(kind.__doc__ or "")
    listed = [lines for base in kind.__bases__ for lines in _attributes(base.__doc__)]
    inherited = [lines for lines in dict.fromkeys(listed) if lines not in _attributes(doc)]
    if not inherited:
        return doc
    own = _SECTION.search(doc)
    if own:
        return "\n".join([doc[: own.end()].rstrip(), *inherited, doc[own.end() :]])
    at = _NEXT.search(doc)
    start, end = (doc[: at.start()], doc[at.start() :]) if at else (doc + "\n\n", "")
    return "\n".join([f"{start}Attributes:", *inherited, f"\n{end}"]).rstrip()


def _attributes(doc: str | None) -> list[str]:
    """The lines about each attribute, as they stand in a docstring's section of that name."""
    section = _SECTION.search(inspect.cleandoc(doc or ""))
    return re.findall(r"^    \S.*(?:\n     .*)*", section[1], re.MULTILINE) if section else []
