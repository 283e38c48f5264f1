"""Writing a figure: its width and names are checked first, and the file is there whole or not."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from vitlens_widgets.errors import UsageError, check_count, said
from vitlens_widgets.export.figures.arranged import arranged
from vitlens_widgets.export.figures.parts import FigureParts, Shared
from vitlens_widgets.export.figures.pdf import as_pdf
from vitlens_widgets.export.figures.svg import as_svg
from vitlens_widgets.export.given import widgets_given
from vitlens_widgets.export.stills.painting import painted
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.files import path_for, write_whole

TEXT_PT = 7.0
"""Points of most words in a figure: what journals ask for at least."""
UNITS_OF_TEXT = 12  # of the same words in a still picture
SUFFIXES = (".pdf", ".svg", ".png")
WIDTHS, RESOLUTIONS = (20.0, 2000.0), (36.0, 2400.0)


class CanBeDrawn(Protocol):
    """A widget that can be put in a figure."""

    def figure_parts(self, shared: Shared | None = None) -> FigureParts:
        """What it can put there, on a scale or with colours that it shares with others."""
        ...


def save_figure(
    widgets: CanBeDrawn | Sequence[CanBeDrawn],
    path: str | Path,
    width_mm: float = 85,
    panels: Sequence[str | int] | None = None,
    *,
    columns: int | None = None,
    dpi: float = 300,
) -> Path:
    """Writes panels of widgets as a figure for a paper: PDF, SVG or PNG, by the file's name.

    Letters and lines stay letters and lines in a PDF or an SVG, pictures and emoji are embedded;
    letters are 7 points high. Several widgets stand under each other, a row each, so that
    `[vl.PatchGrid(reading, image=i) for i in range(3)]` with `panels=["image", 0, 6, "final"]` is a
    sheet of three images by three states, whose colours are on one scale.

    Args:
        widgets: A widget of this package, or a list of them.
        path: The file to write; its name ends in `.pdf` (`pip install vitlens_widgets[figures]`),
            `.svg` or `.png`.
        width_mm: How wide the figure is, in millimetres; its height follows.
        panels: Which panels, by name, or states by number; each widget says which it has. Default:
            what it shows.
        columns: How many panels stand side by side. Default: of one widget as many as are well
            seen, of several all.
        dpi: Pixels per inch of what is a picture.

    Returns:
        The file.

    Raises:
        UsageError: There is no such panel, a number is out of range, the file cannot be written,
            or fpdf2 is missing.

    Example:
        >>> vl.save_figure([grid, maps], "figure.svg", width_mm=170)
    """
    many = widgets_given("save_figure", widgets, path, "figure_parts")
    target = _checked_file(path)
    width_mm, dpi = _number("width_mm", width_mm, WIDTHS), _number("dpi", dpi, RESOLUTIONS)
    width = round(width_mm / 25.4 * 72 / TEXT_PT * UNITS_OF_TEXT)
    rows = [parts.chosen(panels) for parts in _sharing(many)]
    columns = None if columns is None else check_count("columns", columns, least=1)
    piece = arranged(width, rows, columns)
    write_whole(target, _written(piece, target.suffix.lower(), width_mm, dpi))
    return target


def _sharing(widgets: Sequence[CanBeDrawn]) -> list[FigureParts]:
    """What the widgets have, with one scale or one colour for each class where that can be."""
    every = [one.figure_parts() for one in widgets]
    joint = _joint([parts.shared for parts in every]) if len(every) > 1 else None
    return every if joint is None else [one.figure_parts(joint) for one in widgets]


def _joint(many: Sequence[Shared | None]) -> Shared | None:
    """The widest of scales of one kind, or all classes, the first of each widget first."""
    scales = [one for one in many if isinstance(one, ColorScale)]
    if len(scales) == len(many) and len({(one.map, one.bend) for one in scales}) == 1:
        return replace(
            scales[0],
            end=max(one.end for one in scales),
            low=min(one.low for one in scales),
            is_clipped=any(one.is_clipped for one in scales),
            is_clipped_below=any(one.is_clipped_below for one in scales),
        )
    names = [one for one in many if one is not None and not isinstance(one, ColorScale)]
    if len(names) < len(many):
        return None
    ranked = (name for names_of in zip_longest(*names) for name in names_of if name)
    return list(dict.fromkeys(ranked))


def _written(piece: Piece, suffix: str, width_mm: float, dpi: float) -> bytes:
    density = width_mm / 25.4 * dpi / piece.width
    if suffix == ".png":
        out = io.BytesIO()
        painted(piece, density).save(out, "PNG", dpi=(dpi, dpi))
        return out.getvalue()
    return (as_pdf if suffix == ".pdf" else as_svg)(piece, width_mm, density)


def _checked_file(path: str | Path) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(
            f'A figure is written to a file with a name, such as "figure.pdf", not to {said(path)}.'
        )
    target = path_for(path, "figure.pdf")
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f'"{target.name}" does not say what kind of figure it shall be; end it with ".pdf", '
            f'".svg" or ".png", as in "{target.stem or "figure"}.pdf".'
        )
    return target


def _number(name: str, given: Any, ends: tuple[float, float]) -> float:
    try:
        value = math.nan if isinstance(given, (bool, str)) else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not ends[0] <= value <= ends[1]:
        raise UsageError(f"{name} is a number from {ends[0]:g} to {ends[1]:g}, not {given!r}.")
    return value
