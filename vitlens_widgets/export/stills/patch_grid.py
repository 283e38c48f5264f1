"""A still picture of a PatchGrid: the chosen state large, a token's answers, every state small."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.export.stills import classes, films
from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.answers import Answers
from vitlens_widgets.export.stills.numbers import probability
from vitlens_widgets.export.stills.patches import Patches
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet, photo
from vitlens_widgets.export.stills.tinting import legend_colors

TOP, LEFT = 112, 448  # where the large picture begins, px; its room
RIGHT = MARGIN + LEFT + 28
RIGHT_WIDTH = MARGIN + INSIDE - RIGHT
IMAGE = 140


def draw(state: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits."""
    answers, sheet = Answers(state), Sheet()
    patches = Patches(answers, state["tint"], state["glyph"])
    meta, names = answers.meta, answers.meta["state_names"]
    subtitle = (
        f"{meta['model_name']} · {meta['lens_name']} · {films.patches_words(meta)} · "
        f"{meta['n_classes']} labels"
    )
    which = f"image {meta['image']}" if meta["n_images"] > 1 else ""
    shown = ", ".join(filter(None, [which, films.state_words(names, state["state"])]))
    films.title(
        sheet, "Patch answers", subtitle, " · ".join(filter(None, [shown, meta["caption"]]))
    )
    readout(sheet, answers, 82)
    left_end = large(sheet, patches, state["state"], (MARGIN, TOP), LEFT)
    y = _image_and_classes(sheet, patches)
    right_end = films.table(sheet, answers, state["token"], RIGHT, y + 36, RIGHT_WIDTH)
    films.film(sheet, patches, state["state"], max(left_end, right_end) + 28)
    return sheet


def readout(sheet: Sheet, answers: Answers, y: int) -> None:
    """What the model's readout answers in the chosen state."""
    state = answers.state["state"]
    x = sheet.words(MARGIN, y, answers.token_words(None), 13, paper.GREY) + 12
    for place in range(min(3, answers.meta["n_answers"])):
        index, share = answers.top[state, -1, place], float(answers.probability[state, -1, place])
        x = films.emoji_words(sheet, answers, index, x, y, size=13, bold=place == 0, width=170)
        x = sheet.words(x + 6, y, probability(share), 13, bold=place == 0) + 18


def large(sheet: Sheet, patches: Patches, state: int, at: tuple[int, int], room: int) -> int:
    """A state large, with the pinned token and the tint's legend; returns where it ends."""
    (x, y), (rows, cols) = at, patches.answers.grid
    cell, meta = patches.cell(room, room), patches.answers.meta
    sheet.put(patches.draw(state, cell), x, y)
    token = patches.answers.state["token"]
    if token is not None and token >= len(meta["prefix"]):
        row, col = divmod(token - len(meta["prefix"]), cols)
        sheet.ring(x + col * cell, y + row * cell, cell, cell)
    return _legend(sheet, patches, (x, y + rows * cell + 12), cols * cell)


def _legend(sheet: Sheet, patches: Patches, at: tuple[int, int], width: int) -> int:
    """The words of a tint, its colours with numbers if it has an order; returns where they end."""
    x, y = at
    if patches.scale is None:
        if patches.tint == "class":
            words = "colour: the most probable class of each patch"
            sheet.words(x, y + 10, words, 12, paper.GREY, width=width)
        return y + 28
    ramp, face = max(160, width // 2), paper.font(12)
    words = paper.written(f"tint: {patches.scale.words}", face)
    if face.getlength(words) > width - ramp - 12:
        sheet.words(x, y + 10, words, 12, paper.GREY, width=width)
        y, ramp = y + 20, width
    else:
        sheet.words(x, y + 10, words, 12, paper.GREY)
    sheet.ramp(x + width - ramp, y, ramp, legend_colors(patches.scale.map), patches.scale.ticks)
    return y + 28


def _swatch(sheet: Sheet, style: classes.Style | None, at: tuple[int, int]) -> None:
    """A class's colour, hatched where another class has the same."""
    x, y = at
    sheet.box(x, y, 11, 11, paper.LINE if style is None else style.color)
    for line in (2, 7) if style is not None and style.hatched else ():
        sheet.pen.line((x + line, y + 10, x + line + 10 - line, y + line), paper.PAPER, 1)


def _image_and_classes(sheet: Sheet, patches: Patches) -> int:
    """The untouched image, and beside it the classes of the state; returns where they end."""
    answers = patches.answers
    cell = patches.cell(RIGHT_WIDTH / 2, IMAGE)
    width, height = (cell * count for count in reversed(answers.grid))
    sheet.put(photo(answers.picture, width, height), RIGHT, TOP)
    x, y, given = RIGHT + width + 24, TOP + 12, classes.styles(answers)
    found = classes.counts(answers, answers.state["state"])
    sheet.words(x, y, "Classes in this state", 13, bold=True)
    lines = max(1, (height - 30) // 21)
    for index, count in found[:lines]:
        y += 21
        _swatch(sheet, given.get(index), (x, y - 10))
        room = MARGIN + INSIDE - x - 60
        end = films.emoji_words(sheet, answers, index, x + 18, y, size=12, width=room)
        sheet.words(end + 8, y, str(count), 12, bold=True)
    if len(found) > lines:
        words = f"and {len(found) - lines} more"
        sheet.words(MARGIN + INSIDE, TOP + 12, words, 12, paper.HINT, anchor="rs")
    return TOP + height
