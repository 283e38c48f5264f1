"""Writing widgets to one file: the name is checked first, and the file is there whole or not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.export.given import widgets_given
from vitlens_widgets.export.page import PageLink, SavedWidget, page
from vitlens_widgets.files import path_for, write_whole


class CanBeSaved(Protocol):
    """A widget that can stand on a page."""

    def saved(self) -> SavedWidget:
        """What the page keeps of it."""
        ...


def save_html(
    widgets: CanBeSaved | Sequence[CanBeSaved], path: str | Path, title: str = ""
) -> Path:
    """Writes widgets to one web page that opens offline, still interactive.

    The page asks nothing of any network and lets nothing be asked. What needs a kernel says so in
    it. Widgets that `vl.link` has linked stay so. A line with the file's size is printed.

    Args:
        widgets: A widget of this package, or a list of them, shown one below the other.
        path: The file to write; its name ends in `.html`.
        title: The page's title. Default: what the first widget shows, and of which model.

    Returns:
        The file.

    Raises:
        UsageError: No widget was given, or the file cannot be written.

    Example:
        >>> vl.save_html([grid, maps], "cat.html", title="A cat, seen twice")
        cat.html: 0.5 MB
    """
    many: list[CanBeSaved] = widgets_given("save_html", widgets, path, "saved")
    target = checked_page(path)
    if not isinstance(title, str):
        raise UsageError(f"title= is a text, not {said(title)}.")
    links = dict.fromkeys(link for one in many for link in getattr(one, "links", ()))
    on_page = [end for link in links for end in link.saved(many)]
    return write_widgets(target, [one.saved() for one in many], title, on_page)


def write_widgets(
    target: Path, saved: list[SavedWidget], title: str, links: Sequence[PageLink] = ()
) -> Path:
    """Writes the page of saved widgets and prints its size."""
    # "replace": a caption may be the name of a file that is no text
    write_whole(target, page(saved, title, links).encode("utf-8", "replace"))
    print(f"{target.name}: {size_words(target.stat().st_size)}")
    return target


def checked_page(path: str | Path) -> Path:
    """A path at which a page can be written.

    Raises:
        UsageError: It is no name, does not end in `.html`, is a folder, or its folder is not there.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(
            f'A page is written to a file with a name, such as "lens.html", not to {said(path)}; '
            'as in vl.save_html(widget, "lens.html").'
        )
    target = path_for(path, "lens.html")
    if target.suffix.lower() not in (".html", ".htm"):
        raise UsageError(
            f'"{target.name}" is not the name of a web page; end it with ".html", as in '
            f'"{target.stem or "lens"}.html".'
        )
    return target


def size_words(n_bytes: int) -> str:
    """`1.2 MB`, `340 kB`."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"
