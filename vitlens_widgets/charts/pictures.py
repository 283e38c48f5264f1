"""Pictures in rows and columns, whole in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import InlineStyleSheet, LayoutDOM, Pane, Row
from bokeh.models.dom import HTML
from PIL import Image

from vitlens_widgets.charts.theme import ON_BOTH, TEXT, of_itself

if TYPE_CHECKING:
    Line = tuple[str, Sequence[np.ndarray | None]]

_SIDE = 72  # CSS pixels of the longer side of a picture
_CSS = f"""
:host {{ color: {TEXT}; font: 13px sans-serif; overflow-x: auto; }}
div.sheet {{ display: grid; gap: 4px 6px; align-items: center; justify-content: start; }}
div.sheet span {{ white-space: nowrap; }}
div.sheet img {{ display: block; image-rendering: auto; }}
div.sheet i {{ display: block; box-sizing: border-box; border: 1px dashed {ON_BOTH}; }}
"""


def contact_sheet(title: str, columns: Sequence[str], rows: Sequence[Line]) -> LayoutDOM:
    """Pictures in a row for each name, and a head for each column; a frame where none is done.

    Args:
        title: Above them all.
        columns: A name for each.
        rows: A name, and as many pictures as columns, uint8 `[height, width, 3]`; None where there
            is none.
    """
    cells = ["<span></span>", *(f"<span>{escape(one)}</span>" for one in columns)]
    like = next(one for _, pictures in rows for one in pictures if one is not None)
    for name, pictures in rows:
        cells.append(f"<span>{escape(name)}</span>")
        cells += [
            _cell(one, like, f"{name}, {column}")
            for one, column in zip(pictures, columns, strict=True)
        ]
    tracks = f"grid-template-columns: max-content repeat({len(columns)}, max-content)"
    sheet = f'<div class="sheet" style="{tracks}">{"".join(cells)}</div>'
    text = f"<div><b>{escape(title)}</b>{sheet}</div>"
    pane = Pane(elements=[HTML(html=text)], stylesheets=[InlineStyleSheet(css=_CSS)])
    return Row(children=[pane], name=title, sizing_mode="stretch_width", stylesheets=[of_itself()])


def _cell(picture: np.ndarray | None, like: np.ndarray, what: str) -> str:
    height, width = (like if picture is None else picture).shape[:2]
    scale = _SIDE / max(height, width)
    size = f"width: {round(scale * width)}px; height: {round(scale * height)}px"
    if picture is None:
        return f'<i style="{size}" title="{escape(what)}: not done"></i>'
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    said = escape(what)
    return f'<img style="{size}" alt="{said}" title="{said}" src="data:image/png;base64,{data}">'
