"""The page of saved widgets: one document, with nothing fetched and nothing run but its own code.

Its script is js/saved_page.js. Its content security policy names that script and the style sheet
by their hashes; the widgets' modules are imported from Blob URLs, which only that script can make.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from vitlens_widgets.kinds import is_binary, is_mapping, is_several

STATIC = Path(__file__).parent / "static"

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
"""
"""How every page begins."""

DOCUMENT = (
    HEAD
    + """<body>
<header>
<h1>{title}</h1>
{caption}
</header>
<main></main>
<noscript>This page draws its pictures with JavaScript, which is switched off here.</noscript>
<script type="application/json" id="saved">{saved}</script>
<script>{script}</script>
</body>
</html>
"""
)


class PageLink(TypedDict):
    """Traits that are linked: each end is the place of its widget on the page, and its name."""

    ends: list[list[int | str]]
    depth: int


@dataclass(frozen=True)
class SavedWidget:
    """A widget as a page keeps it.

    Attributes:
        module: Its front end, an ES module.
        style: Its style sheet.
        state: What the front end asks its model for; bytes stay bytes.
        title: What it shows, and of which model.
        caption: A sentence or two on what is to be seen.
        beyond: What cannot be had without a kernel, to end "Not on this page: ...".
    """

    module: str
    style: str
    state: dict[str, Any]
    title: str
    caption: str
    beyond: str


def page(widgets: list[SavedWidget], title: str = "", links: Sequence[PageLink] = ()) -> str:
    """The document that shows saved widgets.

    Args:
        widgets: What to show, one below the other.
        title: Default: the first widget's.
        links: Between them, as `Link.saved` gives them.
    """
    script = (STATIC / "saved_page.js").read_text(encoding="utf-8")
    sheets = [(STATIC / "saved_page.css").read_text(encoding="utf-8")]
    style = "".join(dict.fromkeys([*sheets, *(one.style for one in widgets)]))
    return DOCUMENT.format(
        policy=policy(script=script, style=style),
        title=html.escape(title or widgets[0].title),
        caption="\n".join(f"<p>{html.escape(line)}</p>" for line in _captions(widgets)),
        style=style,
        saved=_as_json(_packed(widgets, links)),
        script=script,
    )


def policy(*, style: str, script: str = "", images: str = "'none'") -> str:
    """A content security policy that lets nothing in but one script and one style sheet."""
    scripts = f"{_hash(script)} blob:" if script else "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src {_hash(style)}; "
        f"img-src {images}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"


def _captions(widgets: list[SavedWidget]) -> Iterable[str]:
    yield from dict.fromkeys(one.caption for one in widgets if one.caption)
    beyond = ", ".join(dict.fromkeys(one.beyond for one in widgets if one.beyond))
    yield (
        "Saved from a notebook; click, point and use the keys as you would there."
        + (f" Not on this page, because it needs the model: {beyond}." if beyond else "")
    )


def _packed(widgets: list[SavedWidget], links: Sequence[PageLink]) -> dict[str, Any]:
    names = {code: f"module{i}" for i, code in enumerate(dict.fromkeys(w.module for w in widgets))}
    return {
        "modules": {name: code for code, name in names.items()},
        "widgets": [{"module": names[w.module], "state": _plain(w.state)} for w in widgets],
        "links": list(links),
    }


def _plain(value: Any) -> Any:
    """A value as JSON knows it: bytes as the base64 of their gzip, NaN and infinities as null."""
    if is_binary(value):
        return {"$gzip": base64.b64encode(gzip.compress(bytes(value), 9, mtime=0)).decode()}
    if is_mapping(value):
        return {name: _plain(one) for name, one in value.items()}
    if is_several(value):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_json(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it opens or closes a tag."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
