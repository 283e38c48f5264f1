"""`link`: what is selected in one widget is selected in others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.meanings import Depth, Meaning

NAMES = ("layer", "token", "key", "head", "target", "image")
"""What widgets can be linked by."""

End = tuple[LensWidget, Meaning]


def link(*widgets: Any, names: str | Iterable[str] | None = None) -> Link:
    """Links widgets: what is selected in one of them, by hand or in Python, is selected in all.

    Linked is what both have and what means the same in both: `layer` between models that are as
    deep (a PatchGrid's state k goes with the attention of block k, `final` with that of the last
    block), `token` and `key` on the same patch grid, `head` of the same model, `target` of the same
    labels, `image` of a batch of the same size. At first, all take what the first one has.

    The link runs in the kernel; a page that `vl.save_html([a, b], path)` writes keeps it without
    one. In Colab, where each output is a page of its own, views that must follow one another
    belong in one widget: `vl.explore`. Another image given to an Explorer stays its own.

    Args:
        *widgets: Two or more widgets of this package.
        names: By which of `"layer"`, `"token"`, `"key"`, `"head"`, `"target"`, `"image"`. Default:
            all that two of them have, which must then show the same image. Those that are named are
            linked between different images too.

    Returns:
        The link; `link.unlink()` ends it.

    Raises:
        UsageError: Something is no widget of this package or was given twice, a name is unknown, or
            what has the same name does not mean the same; nothing is linked then.

    Example:
        >>> grid, maps = vl.PatchGrid(reading), vl.AttentionMaps(trace)
        >>> linked = vl.link(grid, maps)
        >>> grid.layer = 3
        >>> maps.layer
        3
        >>> linked.unlink()
    """
    ends = _checked(widgets, _checked_names(names))
    if names is None:
        _refuse_other_images(ends)
    return Link(widgets, ends)


class Link:
    """Widgets that follow one another, until `unlink`. Made by `link`.

    Attributes:
        widgets: Those that are linked.
        names: By which traits.
    """

    def __init__(self, widgets: tuple[LensWidget, ...], ends: dict[str, list[End]]) -> None:
        self.widgets, self.names = widgets, tuple(ends)
        self._ends, self._busy = ends, set[str]()
        self._watchers = [
            (end[0], partial(self._hand_on, name, end), name)
            for name, both in ends.items()
            for end in both
        ]
        for name, both in ends.items():
            self._hand_on(name, both[0])
        for widget, watcher, name in self._watchers:
            widget.observe(watcher, name)
        for widget in widgets:
            widget.links.append(self)

    def unlink(self) -> None:
        """Ends the link; what is selected stays. A second time, nothing happens."""
        for widget, watcher, name in self._watchers:
            widget.unobserve(watcher, name)
        for widget in self.widgets if self._watchers else ():
            widget.links.remove(self)
        self._watchers = []

    def _hand_on(self, name: str, speaker: End, _change: Any = None) -> None:
        """Tells the others. Where one cannot follow and goes back, so do all."""
        if name in self._busy:
            return
        self._busy.add(name)
        try:
            self._tell(name, speaker)
            refusing = next(self._apart(name, speaker), None)
            if refusing is not None:
                self._tell(name, refusing[0])
        finally:
            self._busy.discard(name)

    def _tell(self, name: str, speaker: End) -> None:
        for (widget, _), wanted in self._apart(name, speaker):
            setattr(widget, name, wanted)

    def _apart(self, name: str, speaker: End) -> Iterator[tuple[End, Any]]:
        """Those that are not where they should be, each with what it should have."""
        for end in self._ends[name]:
            present = getattr(end[0], name)
            wanted = end[1].heard(getattr(speaker[0], name), speaker[1], present)
            if end is not speaker and wanted != present:
                yield end, wanted

    def saved(self, widgets: list[Any]) -> list[dict[str, Any]]:
        """The link as a page without a kernel keeps it, of those of its widgets that are on it."""
        found = []
        for name, both in self._ends.items():
            ends = [[widgets.index(w), _is_block(its)] for w, its in both if w in widgets]
            if len(ends) > 1:
                depth = both[0][1].n_blocks if name == "layer" else 0
                found.append({"name": name, "ends": ends, "depth": depth})
        return found

    def __repr__(self) -> str:
        kinds = ", ".join(type(widget).__name__ for widget in self.widgets)
        return (
            f"Link({kinds}; {', '.join(self.names)})" if self._watchers else f"Link({kinds}; ended)"
        )


def _is_block(meaning: Meaning) -> bool:
    return isinstance(meaning, Depth) and meaning.is_block


def _checked_names(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    listed = (names,) if isinstance(names, str) else tuple(names)
    for name in listed:
        if name not in NAMES:
            raise UsageError(
                f'names= takes {quoted_list(NAMES)}; "{name}" was given.'
                f"{did_you_mean(str(name), NAMES)}"
            )
    if not listed:
        raise UsageError(f"names= is empty; it takes {quoted_list(NAMES)}.")
    return listed


def _checked(widgets: tuple, names: tuple[str, ...] | None) -> dict[str, list[End]]:
    """For each name the widgets that have it, and what it means there."""
    for widget in widgets:
        if not isinstance(widget, LensWidget):
            raise UsageError(
                "vl.link takes widgets such as vl.PatchGrid(reading) and vl.AttentionMaps(trace); "
                f"an object of type {type(widget).__name__} was given."
            )
    if len({id(widget) for widget in widgets}) < max(2, len(widgets)):
        raise UsageError(
            "vl.link takes two or more widgets, each of them once; "
            f"{', '.join(type(widget).__name__ for widget in widgets) or 'none'} was given."
        )
    meanings = [(widget, widget.meanings()) for widget in widgets]
    ends = {}
    for name in NAMES if names is None else names:
        both = [(widget, its[name]) for widget, its in meanings if name in its]
        if len(both) > 1:
            ends[name] = both
        elif names is not None:
            raise UsageError(f'"{name}" is not in two of the widgets, so it cannot link them.')
    _refuse_others(ends, meanings)
    return ends


def _refuse_others(ends: dict[str, list[End]], meanings: list) -> None:
    """Refuses traits of one name that mean different things; says which would do."""
    if not ends:
        kinds = " and ".join(type(widget).__name__ for widget, _ in meanings)
        raise UsageError(f"{kinds} have no selection in common, so they cannot be linked.")
    whys = {name: _difference(both) for name, both in ends.items()}
    wrong = next((name for name, why in whys.items() if why), None)
    if wrong is None:
        return
    rest = [name for name, why in whys.items() if not why]
    advice = f" names=[{quoted_list(rest)}] would link the rest." if rest else ""
    raise UsageError(f'"{wrong}" does not mean the same in these widgets: {whys[wrong]}.{advice}')


def _difference(both: list[End]) -> str:
    found = (one.differs(other) for (_, one), (_, other) in combinations(both, 2))
    return next(filter(None, found), "")


def _refuse_other_images(ends: dict[str, list[End]]) -> None:
    elsewhere = [name for name in ends if name not in ("token", "key", "image")]
    for (one, its), (other, others) in combinations(ends.get("token", ()), 2):
        if its.shows_another_image(others):
            raise UsageError(
                f"{type(one).__name__} and {type(other).__name__} show different images; to link "
                f"them all the same, say by what, such as names=[{quoted_list(elsewhere)}]."
            )
