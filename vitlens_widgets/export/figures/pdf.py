"""A piece as a PDF, by fpdf2: letters as text in an embedded font, lines as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets.errors import UsageError
from vitlens_widgets.export.stills.fonts import font
from vitlens_widgets.export.stills.piece import Frame, Letters, Piece, Pixels, Stroke

if TYPE_CHECKING:
    from fpdf import FPDF

CORE_FONT = "Helvetica"
"""Where this machine has no font file: one that every reader of PDFs has."""


def as_pdf(piece: Piece, width_mm: float, density: float) -> bytes:
    """The file; arguments as for `as_svg`.

    Raises:
        UsageError: fpdf2 is not installed.
    """
    try:
        from fpdf import FPDF
    except ImportError:
        raise UsageError(
            "A PDF is written by fpdf2, which is not installed: pip install "
            'vitlens_widgets[figures]; or name the file ".svg".'
        ) from None
    points = width_mm / piece.width * 72 / 25.4  # of a unit
    pdf = FPDF(unit=points, format=(piece.width, piece.height))  # pyright: ignore[reportArgumentType]  # it takes numbers, too
    pdf.set_margin(0)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    page = _PdfPage(pdf, points, density)
    page.draw(piece, 0, 0)
    return bytes(pdf.output())


class _PdfPage:
    """A page that is drawn on, with the fonts that it has so far."""

    def __init__(self, pdf: FPDF, points: float, density: float) -> None:
        self._pdf, self._points, self._density = pdf, points, density
        self._fonts: set[tuple[str, str]] = set()

    def draw(self, piece: Piece, x: float, y: float) -> None:
        """Draws the parts of a piece, its own corner at `(x, y)`."""
        for part in piece.parts:
            left, top, what = x + part.x, y + part.y, part.what
            if isinstance(what, Piece) and what.clips:
                box = (left, top, what.width, what.height)
                with self._pdf.local_context(), self._pdf.rect_clip(*box):  # colours end with it
                    self.draw(what, left, top)
            elif isinstance(what, Piece):
                self.draw(what, left, top)
            elif isinstance(what, Pixels):
                self._picture(what, left, top)
            elif isinstance(what, Letters):
                self._letters(what, left, top)
            elif isinstance(what, Stroke):
                self._line(what.color, what.width)
                self._pdf.polyline([(left + px, top + py) for px, py in what.points])
            else:
                self._frame(what, left, top)

    def _picture(self, what: Pixels, x: float, y: float) -> None:
        how = {"fill_opacity": what.opacity} if what.opacity < 1 else {}
        with self._pdf.local_context(**how):
            self._pdf.image(what.at(self._density), x, y, what.width, what.height)

    def _letters(self, what: Letters, x: float, y: float) -> None:
        if not what.text:
            return
        self._use_font(what)
        room = self._pdf.get_string_width(what.text)
        left = x - {"l": 0, "m": room / 2, "r": room}[what.anchor]
        if what.halo:
            self._line(what.halo, 2)
            with self._pdf.local_context(text_mode="STROKE", stroke_join_style="round"):
                self._pdf.text(left, y + what.shift, what.text)
        self._pdf.set_text_color(what.color)
        self._pdf.text(left, y + what.shift, what.text)

    def _use_font(self, what: Letters) -> None:
        face, style = font(what.size, what.bold), "B" if what.bold else ""
        path = face.path
        family = face.getname()[0] or CORE_FONT
        if not isinstance(path, str):
            family = CORE_FONT
        elif (family, style) not in self._fonts:
            self._pdf.add_font(family, style, path)
            self._fonts.add((family, style))
        self._pdf.set_font(family, style, what.size * self._points)

    def _line(self, color: str, width: float) -> None:
        self._pdf.set_draw_color(color)
        self._pdf.set_line_width(width)

    def _frame(self, what: Frame, x: float, y: float) -> None:
        inset = what.line / 2
        self._line(what.color, what.line)
        self._pdf.rect(x + inset, y + inset, what.width - what.line, what.height - what.line)
