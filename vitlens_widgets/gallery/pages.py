"""A page for each exhibit, and the index that shows their pictures and links to them."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitlens_widgets.export.page import HEAD, policy
from vitlens_widgets.export.save import save_html, size_words
from vitlens_widgets.files import made_folder, write_whole
from vitlens_widgets.widgets.shared.base import LensWidget

STATIC = Path(__file__).parent / "static"

INDEX = (
    HEAD
    + """<body>
<h1>{title}</h1>
<p>{words}</p>
<ul>
{entries}
</ul>
</body>
</html>
"""
)

ENTRY = """<li><a href="{name}.html">
<span class="frame"><img alt="" src="data:image/png;base64,{picture}"></span>
<h2>{title}</h2></a>
<p>{words}</p>
<small>{source} · {size}</small></li>"""

TITLE = "Inside vision transformers"
WORDS = (
    "Widgets from the tutorials of vitlens_widgets, each on one page that works without a network "
    "and without Python: click, point and use the keys as you would in a notebook."
)


@dataclass(frozen=True)
class Exhibit:
    """A widget that hangs in the gallery.

    Attributes:
        name: Of its page, without `.html`.
        title: Of its page, too.
        words: A sentence or two on what is to be seen.
        source: The tutorial that it is from.
        make: Makes the widget; several on one page are a list.
    """

    name: str
    title: str
    words: str
    source: str
    make: Callable[[], LensWidget | Sequence[LensWidget]]


def gallery(folder: str | Path, exhibits: Sequence[Exhibit]) -> Path:
    """Writes a page for each widget and an index of them, and prints the sizes.

    Args:
        folder: Where to; it is made if it is not there.
        exhibits: What hangs in it, such as `tutorials()`.

    Returns:
        The index.

    Raises:
        UsageError: The folder cannot be made or written to.
    """
    target = made_folder(Path(folder).expanduser())
    entries = [_hung(exhibit, target) for exhibit in exhibits]
    style = (STATIC / "gallery.css").read_text(encoding="utf-8")
    text = INDEX.format(
        policy=policy(style=style, images="data:"),
        title=TITLE,
        style=style,
        words=html.escape(WORDS),
        entries="\n".join(entries),
    )
    index = target / "index.html"
    write_whole(index, text.encode("utf-8"))
    print(f"{index.name}: {size_words(index.stat().st_size)}")
    return index


def _hung(exhibit: Exhibit, folder: Path) -> str:
    """Writes a page; its entry in the index, with the picture that a notebook keeps, too."""
    made = exhibit.make()
    page = save_html(made, folder / f"{exhibit.name}.html", title=exhibit.title)
    last = made if isinstance(made, LensWidget) else made[-1]
    return ENTRY.format(
        name=exhibit.name,
        picture=base64.b64encode(last.still()).decode(),
        title=html.escape(exhibit.title),
        words=html.escape(exhibit.words),
        source=html.escape(exhibit.source),
        size=size_words(page.stat().st_size),
    )
