"""`link`: what is selected in one widget is selected in others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

from vitlens_widgets.errors import UsageError, as_list, check_choice, quoted_list
from vitlens_widgets.export.page import PageLink
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.checks import refusal
from vitlens_widgets.widgets.shared.meanings import Meaning, TokenMeaning

NAMES = ("state", "layer", "token", "key", "head", "feature", "target", "image", "lens")
"""Traits that widgets can be linked by."""

DEPTH = ("state", "layer")
"""Traits that follow each other: state k goes with layer k."""


class End(NamedTuple):
    """One widget's part in a link."""

    widget: LensWidget
    trait: str
    meaning: Meaning

    @property
    def value(self) -> Any:
        """What is selected there."""
        return getattr(self.widget, self.trait)


def link(*widgets: Any, names: str | Iterable[str] | None = None) -> Link:
    """Links widgets: what is selected in one of them, by hand or in Python, is selected in all.

    Linked is what both have and what means the same in both: `state` and `layer` between models
    that are as deep (a PatchGrid's state k goes with the attention of layer k, `final` with that of
    the last), `token` and `key` on the same patch grid, `head` and `feature` of the same model,
    `target` of the same labels (in Features, which searches for it, of the same name), `image` of a
    batch of the same size, `lens` by its name between widgets that have several. At first, all take
    what the first one has.

    The link runs in the kernel; a page that `vl.save_html([a, b], path)` writes keeps it without
    one. In Colab, where each output is a page of its own, views that must follow one another
    belong in one widget: `vl.explore`. Another image given to an Explorer stays its own.

    Args:
        *widgets: Two or more widgets of this package.
        names: By which of `"state"`, `"layer"`, `"token"`, `"key"`, `"head"`, `"feature"`,
            `"target"`, `"image"`, `"lens"`; `"state"` and `"layer"` follow each other. Default: all
            that two of them have, which must then show the same image. Those that are named are
            linked between different images too.

    Returns:
        The link; `link.unlink()` ends it.

    Raises:
        UsageError: Something is no widget of this package or was given twice, a name is unknown, or
            what has the same name does not mean the same; nothing is linked then.

    Example:
        >>> grid, maps = vl.PatchGrid(reading), vl.AttentionMaps(trace)
        >>> linked = vl.link(grid, maps)
        >>> grid.state = 3
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
            (end, partial(self._hand_on, name, end)) for name, both in ends.items() for end in both
        ]
        for name, both in ends.items():
            self._hand_on(name, both[0])
        for end, watcher in self._watchers:
            end.widget.observe(watcher, end.trait)
        for widget in widgets:
            widget.links.append(self)

    def unlink(self) -> None:
        """Ends the link; what is selected stays. A second time, nothing happens."""
        for end, watcher in self._watchers:
            end.widget.unobserve(watcher, end.trait)
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
        except UsageError:  # of one that was asked in Python
            self._go_back(name, speaker)
            raise
        else:
            self._go_back(name, speaker)
        finally:
            self._busy.discard(name)

    def _go_back(self, name: str, speaker: End) -> None:
        """All are where the first is that has not followed, if one has not."""
        refusing = next(self._apart(name, speaker), None)
        if refusing is not None:
            self._tell(name, refusing[0])

    def _tell(self, name: str, speaker: End) -> None:
        for end, wanted in self._apart(name, speaker):
            setattr(end.widget, end.trait, wanted)

    def _apart(self, name: str, speaker: End) -> Iterator[tuple[End, Any]]:
        """Those that are not where they should be, each with what it should have."""
        for end in self._ends[name]:
            wanted = end.meaning.heard(speaker.value, speaker.meaning, end.value)
            if end is not speaker and wanted != end.value:
                yield end, wanted

    def saved(self, widgets: list[LensWidget]) -> list[PageLink]:
        """The link as a page without a kernel keeps it, of those of its widgets that are on it."""
        on_page: list[PageLink] = []
        for both in self._ends.values():
            if len({getattr(end.meaning, "labels", ()) for end in both}) > 1:
                continue  # a page hands on numbers as they are
            ends = [[widgets.index(end.widget), end.trait] for end in both if end.widget in widgets]
            if len(ends) > 1:
                on_page.append({"ends": ends, "depth": getattr(both[0].meaning, "n_blocks", 0)})
        return on_page

    def __repr__(self) -> str:
        kinds = ", ".join(type(widget).__name__ for widget in self.widgets)
        return (
            f"Link({kinds}; {', '.join(self.names)})" if self._watchers else f"Link({kinds}; ended)"
        )


def _checked_names(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    listed = (
        (names,)
        if isinstance(names, str)
        else tuple(as_list("names=", names, '["token", "layer"]'))
    )
    for name in listed:
        check_choice("names=", name, NAMES)
    if not listed:
        raise UsageError(f"names= is empty; it takes {quoted_list(NAMES)}.")
    return listed


Meanings = tuple[LensWidget, dict[str, Meaning]]
"""A widget, and what its selections mean."""


def _checked(widgets: tuple[Any, ...], names: tuple[str, ...] | None) -> dict[str, list[End]]:
    """For each name the widgets that have it, and what it means there."""
    for widget in widgets:
        if not isinstance(widget, LensWidget):
            raise refusal(
                "vl.link takes widgets such as vl.PatchGrid(reading) and vl.AttentionMaps(trace)",
                widget,
            )
    if len({id(widget) for widget in widgets}) < max(2, len(widgets)):
        raise UsageError(
            "vl.link takes two or more widgets, each of them once; "
            f"{', '.join(type(widget).__name__ for widget in widgets) or 'none'} was given."
        )
    meanings: list[Meanings] = [(widget, widget.meanings()) for widget in widgets]
    ends: dict[str, list[End]] = {}
    for name in NAMES if names is None else names:
        both = _ends(name, meanings)
        if len(both) > 1:
            ends[next(trait for trait in _following(name) if _has(both, trait))] = both
        elif names is not None:
            raise UsageError(f'"{name}" is not in two of the widgets, so it cannot link them.')
    _refuse_others(ends, meanings)
    return ends


def _following(name: str) -> tuple[str, ...]:
    """The traits that follow one, itself among them."""
    return DEPTH if name in DEPTH else (name,)


def _has(both: list[End], trait: str) -> bool:
    return any(end.trait == trait for end in both)


def _ends(name: str, meanings: list[Meanings]) -> list[End]:
    """What follows a trait of this name; nothing where no widget has it."""
    both = [
        End(widget, trait, its[trait])
        for widget, its in meanings
        for trait in _following(name)
        if trait in its
    ]
    return both if _has(both, name) else []


def _refuse_others(ends: dict[str, list[End]], meanings: list[Meanings]) -> None:
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
    pairs = combinations([end.meaning for end in both], 2)
    return next(filter(None, (one.differs(other) for one, other in pairs)), "")


def _show_other_images(one: Meaning, other: Meaning) -> bool:
    if not (isinstance(one, TokenMeaning) and isinstance(other, TokenMeaning)):
        return False
    return one.shows_another_image(other)


def _refuse_other_images(ends: dict[str, list[End]]) -> None:
    elsewhere = [name for name in ends if name not in ("token", "key", "image")]
    for one, other in combinations(ends.get("token", ()), 2):
        if _show_other_images(one.meaning, other.meaning):
            kinds = " and ".join(type(end.widget).__name__ for end in (one, other))
            raise UsageError(
                f"{kinds} show different images; to link them all the same, say by what, such as "
                f"names=[{quoted_list(elsewhere)}]."
            )
