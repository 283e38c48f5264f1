"""A piece as an SVG: letters as text, lines as lines, pictures embedded."""

from __future__ import annotations

import base64
import io
import re
from html import escape

from PIL import Image

from vitlens_widgets.export.stills.fonts import font
from vitlens_widgets.export.stills.piece import Frame, Letters, Piece, Pixels, Stroke

FALLBACKS = "Verdana, sans-serif"
"""Fonts where the one that the words were measured in is not there; the first is as wide."""

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ANCHORS = {"l": "start", "m": "middle", "r": "end"}


def as_svg(piece: Piece, width_mm: float, density: float) -> bytes:
    """The file.

    Args:
        piece: What is drawn.
        width_mm: How wide it is.
        density: Pixels of its pictures for a unit.
    """
    page = _SvgPage(density)
    page.draw(piece, 0, 0)
    height_mm = width_mm * piece.height / piece.width
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width_mm:g}mm" height="{height_mm:.6g}mm" '
        f'viewBox="0 0 {piece.width} {piece.height}">'
    )
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    defined = f"<defs>{''.join(page.defined)}</defs>"
    return "\n".join([head, defined, paper, *page.drawn, "</svg>", ""]).encode()


class _SvgPage:
    """What is drawn, and pictures, each defined once."""

    def __init__(self, density: float) -> None:
        self.density = density
        self.drawn: list[str] = []
        self.defined: list[str] = []
        self._names: dict[tuple[bytes, tuple[int, int]], str] = {}

    def draw(self, piece: Piece, x: float, y: float) -> None:
        """Draws the parts of a piece, its own corner at `(x, y)`."""
        for part in piece.parts:
            left, top, what = x + part.x, y + part.y, part.what
            if isinstance(what, Piece) and what.clips:
                size = f'width="{what.width}" height="{what.height}"'
                self.drawn.append(f'<svg x="{left:g}" y="{top:g}" {size} overflow="hidden">')
                self.draw(what, 0, 0)
                self.drawn.append("</svg>")
            elif isinstance(what, Piece):
                self.draw(what, left, top)
            elif isinstance(what, Pixels):
                self.drawn.append(self._picture(what, left, top))
            elif isinstance(what, Letters):
                self.drawn += [_letters(what, left, top)] if what.text else []
            elif isinstance(what, Stroke):
                self.drawn.append(_stroke(what, left, top))
            else:
                self.drawn.append(_frame(what, left, top))

    def _picture(self, what: Pixels, x: float, y: float) -> str:
        image = what.at(self.density)
        key = (image.tobytes(), image.size)
        if key not in self._names:
            self._names[key] = f"picture{len(self._names)}"
            size = f'width="{what.width:g}" height="{what.height:g}"'
            self.defined.append(
                f'<image id="{self._names[key]}" {size} preserveAspectRatio="none" '
                f'xlink:href="{_data(image)}"/>'
            )
        faint = f' opacity="{what.opacity:.3g}"' if what.opacity < 1 else ""
        return f'<use xlink:href="#{self._names[key]}" x="{x:g}" y="{y:g}"{faint}/>'


def _data(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def _letters(what: Letters, x: float, y: float) -> str:
    family = f"'{font(what.size, what.bold).getname()[0]}', {FALLBACKS}"
    weight = ' font-weight="bold"' if what.bold else ""
    halo = f' stroke="{what.halo}" stroke-width="2" paint-order="stroke"' if what.halo else ""
    text = escape(_NOT_IN_XML.sub("\ufffd", what.text))
    return (
        f'<text x="{x:g}" y="{y + what.shift:g}" font-family="{family}" font-size="{what.size}"'
        f'{weight} text-anchor="{_ANCHORS[what.anchor]}" fill="{what.color}"{halo}>{text}</text>'
    )


def _stroke(what: Stroke, x: float, y: float) -> str:
    points = " ".join(f"{x + px:g},{y + py:g}" for px, py in what.points)
    return (
        f'<polyline points="{points}" fill="none" stroke="{what.color}" '
        f'stroke-width="{what.width:g}" stroke-linejoin="round"/>'
    )


def _frame(what: Frame, x: float, y: float) -> str:
    inset = what.line / 2
    return (
        f'<rect x="{x + inset:g}" y="{y + inset:g}" width="{what.width - what.line:g}" '
        f'height="{what.height - what.line:g}" fill="none" stroke="{what.color}" '
        f'stroke-width="{what.line:g}"/>'
    )
