"""One state of a patch grid as a picture: its tint, outlines between classes, and what answers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vitlens_widgets.export.stills import classes, sheet
from vitlens_widgets.export.stills.answers import Answers, is_background
from vitlens_widgets.export.stills.colors import colored
from vitlens_widgets.export.stills.emoji import faded, sprite
from vitlens_widgets.export.stills.numbers import probability
from vitlens_widgets.export.stills.tinting import CLASS_GROUND, MAP_GROUND, laid_over, prepared
from vitlens_widgets.export.stills.tinting import map_opacity as opacity_of
from vitlens_widgets.export.stills.tints import Tint, tint_of

SMALLEST_EMOJI, SMALLEST_LABEL, SMALLEST_DOT, SMALLEST_LETTERS = 14, 40, 24, 24  # px of a patch
MISSING = (238, 238, 238)


@dataclass(frozen=True, eq=False)
class Patches:
    """The patch grid of a PatchGrid or an Explorer, to be drawn at any state and size.

    Attributes:
        answers: What it shows.
        tint: Name of the tint; `"difference"` draws only answers that the untouched run has not.
        glyph: `"emoji"`, `"label"` or `"none"`.
    """

    answers: Answers
    tint: str
    glyph: str

    @functools.cached_property
    def scale(self) -> Tint | None:
        """The tint's scale; None for one without an order."""
        return tint_of(self.answers, self.tint)

    @property
    def on_light(self) -> bool:
        """What stands on the patches is dark."""
        if self.tint == "class":
            return True
        return self.tint == "none" and float(self.answers.picture.mean()) > 140

    @functools.cached_property
    def _grounds(self) -> dict[tuple[int, int], np.ndarray]:
        return {}

    @functools.cached_property
    def _prepared(self) -> np.ndarray:
        picture = self.answers.picture
        if self.tint == "none":
            return picture
        return prepared(picture, **(CLASS_GROUND if self.tint == "class" else MAP_GROUND))

    def cell(self, width: float, height: float) -> int:
        """Pixels of a patch, so that the grid fits; at least 1."""
        rows, cols = self.answers.grid
        return max(1, int(min(width / cols, height / rows)))

    def draw(self, state: int, cell: int) -> Image.Image:
        """A state, with patches of `cell` pixels."""
        size = (self.answers.grid[1] * cell, self.answers.grid[0] * cell)
        if size not in self._grounds:
            self._grounds[size] = np.asarray(sheet.photo(self._prepared, *size))
        image = Image.fromarray(self._tinted(self._grounds[size], state))
        if self.tint == "class" and cell >= 5:
            self._outline(image, state, cell)
        for (row, col), token in np.ndenumerate(self._tokens()):
            self._glyph(image, state, token, (cell * (col + 0.5), cell * (row + 0.5)), cell)
        return image

    def _tokens(self) -> np.ndarray:
        return self.answers.patches(np.arange(self.answers.top.shape[1]))

    def _is_missing(self, state: int) -> np.ndarray:
        """Patches without a number, `[row, col]`."""
        missing = np.isnan(self.answers.patches(self.answers.probability[state, :, 0]))
        return missing if self.scale is None else missing | np.isnan(self.scale.place[state])

    def _tinted(self, ground: np.ndarray, state: int) -> np.ndarray:
        missing = self._is_missing(state)
        stripes = None
        if self.tint == "class":
            colors, opacity, stripes = classes.paint(self.answers, state)
        elif self.scale is not None:
            colors = colored(self.scale.place[state], self.scale.map)
            opacity = opacity_of(np.nan_to_num(self.scale.strength(state)))
        else:
            colors, opacity = np.zeros((*missing.shape, 3)), np.zeros(missing.shape)
        colors = np.where(missing[..., None], MISSING, colors)
        if stripes is not None:
            stripes = np.where(missing[..., None], MISSING, stripes)
        return laid_over(ground, colors, np.where(missing, 1.0, opacity), stripes)

    def _outline(self, image: Image.Image, state: int, cell: int) -> None:
        """A line wherever two neighbouring patches have different first answers."""
        pen, top = ImageDraw.Draw(image), self.answers.patches(self.answers.top[state, :, 0])
        width = 2 if cell >= SMALLEST_LABEL else 1
        for row, col in np.argwhere(top[1:] != top[:-1]):
            y = (row + 1) * cell
            pen.line((col * cell, y, (col + 1) * cell, y), sheet.INK, width)
        for row, col in np.argwhere(top[:, 1:] != top[:, :-1]):
            x = (col + 1) * cell
            pen.line((x, row * cell, x, (row + 1) * cell), sheet.INK, width)

    def _glyph(
        self, image: Image.Image, state: int, token: int, at: tuple[float, float], cell: int
    ) -> None:
        if self.tint == "difference" and not self.answers.changed[state, token]:
            return
        index, share = self.answers.top[state, token, 0], self.answers.probability[state, token, 0]
        name = self.answers.labels[index]
        if np.isnan(share):
            _write(image, at, "NaN", cell, "#d3473d", bold=True)
        elif self.glyph == "none":
            return
        elif is_background(name):
            self._dot(image, at, cell)
        elif self.glyph == "label":
            self._label(image, at, name, share, cell)
        elif cell >= SMALLEST_EMOJI:
            self._emoji(image, at, index, share, cell)

    def _dot(self, image: Image.Image, at: tuple[float, float], cell: int) -> None:
        """A dot, or a ring where other patches have none."""
        (x, y), pen = at, ImageDraw.Draw(image)
        if self.tint == "difference":
            radius = max(1.5, 0.12 * cell)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=self._ink)
        elif cell >= SMALLEST_DOT:
            pen.ellipse((x - 1, y - 1, x + 1, y + 1), self._ink)

    @property
    def _ink(self) -> str:
        return sheet.HINT if self.on_light else "#cccccc"

    def _label(
        self, image: Image.Image, at: tuple[float, float], name: str, share: float, cell: int
    ) -> None:
        if cell < SMALLEST_LABEL:
            return
        color = sheet.INK if self.on_light else sheet.PAPER
        _write(image, (at[0], at[1] - 7), name, cell, color, bold=True)
        _write(image, (at[0], at[1] + 7), probability(share), cell, color)

    def _emoji(
        self, image: Image.Image, at: tuple[float, float], index: int, share: float, cell: int
    ) -> None:
        """A class's emoji, fainter the less probable it is; its first letters without one."""
        size = round(cell * (0.6 if cell > SMALLEST_LABEL else 0.74))
        picture = sprite(self.answers.emoji(index), size, "light" if self.on_light else "dark")
        if picture is not None:
            picture = faded(picture, 0.25 + 0.75 * float(share))
            image.paste(picture, tuple(round(x - picture.width / 2) for x in at), picture)
        elif cell >= SMALLEST_LETTERS:
            color = sheet.INK if self.on_light else sheet.PAPER
            letters = self.answers.briefs[index][: max(1, (cell - 2) // 8)].strip()
            _write(image, at, letters, cell, color)


def _write(
    image: Image.Image, at: tuple[float, float], text: str, cell: int, color: str, *,
    bold: bool = False,
) -> None:  # fmt: skip
    """A word on a patch, with a rim that lets it be read on any picture."""
    face = sheet.font(11, bold)
    rim = "#ffffffb0" if color == sheet.INK else "#000000b0"
    text = sheet.written(text, face, cell - 4)
    ImageDraw.Draw(image, "RGBA").text(
        at, text, color, face, anchor="mm", stroke_width=1, stroke_fill=rim
    )
