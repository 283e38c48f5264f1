"""Warnings of workers, which reach whoever asked."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from vitlens_widgets.errors import warn


class Warned(NamedTuple):
    """A warning on its way."""

    text: str
    kinds: Sequence[str]
    """Its class and what that is made of, by module and name: another process may lack it."""


@contextmanager
def listening(*, wanted: bool) -> Generator[list[Warned]]:
    """What is warned of while this lasts, and then not shown.

    Args:
        wanted: Whether it is; else nothing changes, and nothing is heard.
    """
    heard: list[Warned] = []
    if not wanted:
        yield heard
        return
    with warnings.catch_warnings(record=True) as caught:
        try:
            yield heard
        finally:
            heard.extend(dict.fromkeys(map(_on_its_way, caught)))


def _on_its_way(caught: warnings.WarningMessage) -> Warned:
    kinds = [kind for kind in caught.category.__mro__ if issubclass(kind, Warning)]
    return Warned(str(caught.message), tuple(f"{k.__module__}:{k.__qualname__}" for k in kinds))


class Relay:
    """Shows what workers warned of, each text once."""

    def __init__(self) -> None:
        self._shown: set[Warned] = set()

    def show(self, warned: Iterable[Warned]) -> None:
        """Warn of what is new, at the user's own line."""
        for one in warned:
            if one not in self._shown:
                self._shown.add(one)
                warn(one.text, _kind(one.kinds))


def _kind(names: Sequence[str]) -> type[Warning]:
    """The first of these classes that this process has."""
    for name in names:
        module, _, word = name.partition(":")
        kind = getattr(sys.modules.get(module), word, None)
        if isinstance(kind, type) and issubclass(kind, Warning):
            return kind
    return UserWarning
