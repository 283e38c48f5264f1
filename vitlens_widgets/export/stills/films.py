"""What several still pictures have in common: titles, every state small, tables of answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.answers import Answers
from vitlens_widgets.export.stills.emoji import sprite
from vitlens_widgets.export.stills.numbers import probability, some
from vitlens_widgets.export.stills.patches import Patches
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, WIDTH, Sheet

MOST_PANELS, LARGEST_PANEL, GAP = 13, 140, 8  # in a row of a film
MOST_LINES = 9  # of a table


def title(sheet: Sheet, name: str, subtitle: str, *lines: str) -> None:
    """A title, what the widget is of, and lines on what is shown of it."""
    end = sheet.words(MARGIN, 33, name, 16, bold=True)
    sheet.words(end + 10, 33, subtitle, 13, paper.GREY, width=WIDTH - MARGIN - end - 10)
    for i, line in enumerate(filter(None, lines)):
        sheet.words(MARGIN, 56 + 20 * i, line, 13, paper.GREY, width=INSIDE)


def patches_words(meta: dict[str, Any]) -> str:
    """`"7 × 7 patches + CLS"`."""
    registers = [name for name in meta["prefix"] if name.startswith("register")]
    others = [name for name in meta["prefix"] if name not in registers]
    more = [f"{len(registers)} register{'s' * (len(registers) > 1)}"] if registers else []
    return " + ".join([f"{meta['rows']} × {meta['cols']} patches", *others, *more])


def state_words(names: list[str], state: int) -> str:
    """`"state 3_pre: before block 3"`; what is no state says its own name."""
    if names[state] == "final":
        return "state final: after the last block"
    if names[state] == f"{state}_pre":
        return f"state {names[state]}: before block {state}"
    return names[state]


def emoji_words(
    sheet: Sheet, answers: Answers, index: int, x: float, y: float, **how: Any
) -> float:
    """A class's emoji and its name; returns where they end."""
    picture = sprite(answers.emoji(index), 15)
    if picture is not None:
        sheet.put(picture, x, y - 12)
        x, how = x + 20, how | ({"width": how["width"] - 20} if "width" in how else {})
    return sheet.words(x, y, answers.labels[index] or "background", **how)


def film(sheet: Sheet, patches: Patches, state: int, y: int) -> int:
    """Every state under its patches' answers, with the readout's; returns where it ends."""
    answers, names = patches.answers, patches.answers.meta["state_names"]
    per_row = min(MOST_PANELS, len(names))
    room = min(LARGEST_PANEL, (INSIDE - GAP * (per_row - 1)) // per_row)
    cell = patches.cell(room, room)
    width, height = (cell * count for count in reversed(answers.grid))
    step = min((INSIDE - width) / max(1, per_row - 1), room + 24)
    for i, name in enumerate(names):
        x, top = round(MARGIN + i % per_row * step), y + i // per_row * (height + 46)
        sheet.put(patches.draw(i, cell), x, top)
        if i == state:
            sheet.ring(x, top, width, height)
        color = paper.ACCENT if i == state else paper.INK
        center, room_of_words = x + width / 2, round(step) - 4
        sheet.words(center, top + height + 16, name, 12, color, bold=i == state, anchor="ms")
        _answer(sheet, answers, i, (center, top + height + 33), room_of_words)
    return y + (1 + (len(names) - 1) // per_row) * (height + 46)


def _answer(sheet: Sheet, answers: Answers, state: int, at: tuple[float, float], room: int) -> None:
    """The readout's answer under a panel."""
    index, share = answers.top[state, -1, 0], probability(float(answers.probability[state, -1, 0]))
    picture = sprite(answers.emoji(index), 14)
    if picture is None:
        words = f"{answers.labels[index]} {share}"
        sheet.words(*at, words, 12, paper.GREY, width=room, anchor="ms")
        return
    start = at[0] - (18 + paper.font(12).getlength(share)) / 2
    sheet.put(picture, start, at[1] - 12)
    sheet.words(start + 18, at[1], share, 12, paper.GREY)


def table(sheet: Sheet, answers: Answers, token: int | None, x: int, y: int, width: int) -> int:
    """A token's first answers through the states, and the target's; returns where it ends."""
    state = answers.state["state"]
    sheet.words(x, y, answers.token_words(token), 13, bold=True)
    sheet.words(x + width, y, "its first answers in each state", 12, paper.GREY, anchor="rs")
    places, left = min(3, answers.meta["n_answers"]), x + _names_width(answers)
    column = (x + width - left) // (places + 1)
    for place in range(places):
        words = ("1st answer", "2nd", "3rd")[place]
        sheet.words(left + place * column, y + 22, words, 12, paper.GREY)
    end = sheet.words(left + places * column, y + 22, "target", 12, paper.GREY) + 6
    emoji_words(
        sheet, answers, answers.state["target"], end, y + 22, size=12, width=x + width - end
    )
    sheet.box(x, y + 29, width, 1, paper.LINE)
    y += 31
    for row in some(answers.n_states, state, MOST_LINES):
        if row == state:
            sheet.box(x - 6, y, width + 12, 26, paper.SOFT)
        _line(sheet, answers, row, -1 if token is None else token, (x, y, column))
        y += 26
    return y


def _names_width(answers: Answers) -> int:
    """The room for the names of the states."""
    face = paper.font(12, bold=True)
    return max(50, 8 + int(max(face.getlength(name) for name in answers.meta["state_names"])))


def _line(sheet: Sheet, answers: Answers, state: int, token: int, at: tuple[int, int, int]) -> None:
    """One state of the table."""
    (x, y, column), is_shown = at, state == answers.state["state"]
    color = paper.ACCENT if is_shown else paper.INK
    bar = paper.ACCENT if is_shown else paper.BAR
    names, base = answers.meta["state_names"], y + 16
    sheet.words(x, base, names[state], 12, color, bold=is_shown)
    left, width = x + _names_width(answers), column - 14
    for place in range(min(3, answers.meta["n_answers"])):
        share = float(answers.probability[state, token, place])
        if not np.isnan(share):
            index = answers.top[state, token, place]
            emoji_words(sheet, answers, index, left, base, size=12, width=width - 34)
        sheet.words(left + width, base, probability(share), 12, anchor="rs")
        sheet.bar(left, y + 21, width, share, bar)
        left += column
    share = float(answers.chance[state, token])
    if not np.isnan(share):
        sheet.words(left, base, f"rank {answers.rank[state, token]}", 12)
    sheet.words(left + column, base, probability(share, 3), 12, anchor="rs")
    sheet.bar(left, y + 21, column, share, bar)
