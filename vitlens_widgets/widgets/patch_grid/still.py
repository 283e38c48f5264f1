"""A still picture of a PatchGrid: the chosen state large, every state small, what they answer."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.film import Panel, film
from vitlens_widgets.export.stills.numbers import decimal, probability
from vitlens_widgets.export.stills.patches import (
    SMALLEST_EMOJI,
    Glyph,
    Ground,
    centers,
    framed,
    outline,
)
from vitlens_widgets.export.stills.scales import MISSING, ColorScale
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet
from vitlens_widgets.export.stills.tinting import CLASS_GROUND, MAP_GROUND
from vitlens_widgets.export.stills.words import GREY, INK, Word, length
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.shared.still import (
    joined,
    patches_words,
    pinned_patches,
    state_words,
    token_words,
)

TOP, LEFT = 132, 400  # where the large picture begins, px; its room
MOST_BESIDE = 26  # states that stand beside it; more have all the width below
NAN = "#d3473d"


class Patches:
    """The patches of one run, to be drawn at any state and size.

    Args:
        answers: Theirs.
        tint: Its name.
        glyph: `"emoji"`, `"label"` or `"none"`.
        divergence: Nats from another run, `[state, token + readout]`, for the tint "difference".
        changed: Where a glyph is to be drawn, of the same shape; None for all patches.
    """

    def __init__(
        self,
        answers: Answers,
        tint: str,
        glyph: str,
        divergence: np.ndarray | None = None,
        changed: np.ndarray | None = None,
    ) -> None:
        self.answers, self.tint, self.glyph, self.changed = answers, tint, glyph, changed
        self.values, self.scale, self.words = tinted(answers, tint, divergence)
        how = {"none": None, "class": CLASS_GROUND}.get(tint, MAP_GROUND)
        self.ground = Ground(answers.picture, answers.grid, how)
        bright = tint == "none" and float(answers.picture.mean()) > 140
        self.on_light = tint == "class" or bright

    def draw(self, state: int, cell: float) -> Image.Image:
        """A state, with patches of `cell` pixels."""
        answers = self.answers
        image = self.ground.under(cell, *self._paint(state))
        if self.tint == "class" and cell >= 5:
            outline(image, answers.patches(answers.top[state, :, 0]), cell)
        if cell < SMALLEST_EMOJI:  # nothing that could be seen on so many patches
            return image
        tokens = answers.patches(np.arange(answers.top.shape[1]))
        middles = centers(answers.grid, cell)
        for at, token in np.ndenumerate(tokens):
            glyph = self._glyph(state, int(token), cell)
            if glyph is not None:
                glyph.draw(image, tuple(middles[at]), cell, self.on_light)
        return image

    def within(self, state: int, side: int) -> Image.Image:
        """A state, in so many pixels."""
        return self.draw(state, self.ground.cell(side))

    def _paint(self, state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Colours, opacities and stripes; what is no number is grey."""
        missing, stripes = np.isnan(self.answers.probability[state, :, 0]), None
        missing = self.answers.patches(missing)
        if self.scale is not None:
            values = self.answers.patches(self.values[state])
            missing = missing | np.isnan(values)
            colors, opacity = self.scale.pixels(values), self.scale.opacity(values)
        elif self.tint == "class":
            colors, opacity, stripes = self.answers.class_paint(state)
            stripes = np.where(missing[..., None], MISSING, stripes)
        else:
            colors, opacity = np.zeros((*missing.shape, 3)), np.zeros(missing.shape)
        return np.where(missing[..., None], MISSING, colors), np.where(missing, 1, opacity), stripes

    def _glyph(self, state: int, token: int, cell: float) -> Glyph | None:
        answers = self.answers
        index, share = answers.top[state, token, 0], float(answers.probability[state, token, 0])
        if self.changed is not None and not self.changed[state, token]:
            return None
        if np.isnan(share):
            return Glyph(text="NaN", color=NAN)
        if self.glyph == "none":
            return None
        if answers.is_background(index):
            return Glyph() if self.changed is None else Glyph(text="○")
        if self.glyph == "label":
            return Glyph(text=answers.labels[index], under=probability(share))
        brief = answers.briefs[index][: max(1, int(cell - 2) // 8)].strip()
        return Glyph(answers.emoji[index], brief, share)


def tinted(
    answers: Answers, tint: str, divergence: np.ndarray | None = None
) -> tuple[np.ndarray, ColorScale | None, str]:
    """A tint's numbers `[state, token + readout]`, their scale (None without order), its words."""
    target = answers.labels[answers.target] if answers.labels else ""
    match tint:
        case "probability":
            write = "{:g}".format
            words = f"probability{' (sigmoid)' * answers.alone} of {target}"
            return answers.chance, ColorScale("viridis", 1, write=write), words
        case "rank":
            rank = np.where(np.isnan(answers.logit), np.nan, answers.rank)
            scale = ColorScale("viridis", len(answers.labels), "rank", write="{:.0f}".format)
            return rank, scale, f"rank of {target}"
        case "logit":
            end = largest(answers.logit)
            scale = ColorScale("blue_orange", end, write=decimal, shares=(0, 1))
            return answers.logit, scale, f"logit of {target}"
        case "entropy":
            values, words = answers.statistic("entropy"), "entropy of all yes or no, nats"
            return values, nats(answers.most_entropy), words if answers.alone else "entropy, nats"
        case "kl":
            values = answers.statistic("kl")
            return values, nats(largest(values)), "KL to the final answer, nats"
    if divergence is not None:
        return divergence, nats(largest(divergence)), "KL from the baseline run, nats"
    return answers.probability, None, "the most probable class" if tint == "class" else ""


def nats(end: float) -> ColorScale:
    """From 0 to a largest value, with as many digits as a small one needs."""
    return ColorScale("cividis", end, write=decimal if end >= 0.05 else "{:.2g}".format)


def largest(values: np.ndarray) -> float:
    """The largest magnitude among the patches' and the readout's."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def draw(traits: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits."""
    answers, sheet, meta = Answers(traits), Sheet(), traits["_meta"]
    patches = Patches(answers, traits["tint"], traits["glyph"])
    size = f"{patches_words(meta)} · {meta['n_classes']} labels"
    which = f"image {meta['image']}, " if meta["n_images"] > 1 else ""
    shown = which + state_words(meta["state_names"], traits["state"])
    subtitle = joined(meta["model_name"], meta["lens_name"], size)
    sheet.title("Patch answers", subtitle, joined(shown, meta["caption"]))
    first_answers(sheet, answers, traits["state"], traits["token"], 80)
    end = large(sheet, patches, traits["state"], traits["token"], (MARGIN, TOP), LEFT)
    is_beside = answers.n_states <= MOST_BESIDE
    at = (MARGIN + LEFT + 24, TOP) if is_beside else (MARGIN, end + 32)
    untouched = Ground(answers.picture, answers.grid)
    end = max(end, states(sheet, patches, traits, at, MARGIN + INSIDE - at[0], untouched))
    classes(sheet, answers, traits["state"], end + 20)
    return sheet


def first_answers(sheet: Sheet, answers: Answers, state: int, token: int | None, y: float) -> None:
    """What the readout and the pinned token answer in a state, and where the target stands."""
    rows = [(-1, f"{answers.meta['readout_name']} readout")]
    rows += [] if token is None else [(token, token_words(answers.meta, token))]
    for line, (row, name) in enumerate(rows):
        x = sheet.line(MARGIN, y + 20 * line, [Word(name)], 150, 13) + 12
        target = Word(answers.labels[answers.target], emoji=answers.emoji[answers.target])
        rank, chance = answers.rank[state, row], probability(float(answers.chance[state, row]), 3)
        words = [
            *(word for place in range(3) for word in answer(answers, state, row, place)),
            Word("    target"),
            Word(target.text, is_name=True, emoji=target.emoji),
            Word(f"rank {rank},"),
            Word(chance, INK, bold=True),
        ]
        sheet.line(max(x, MARGIN + 110), y + 20 * line, words, MARGIN + INSIDE - x, 13)


def answer(
    answers: Answers, state: int, token: int, place: int, *, short: bool = False
) -> list[Word]:
    """A class and its probability, or nothing where there are fewer classes."""
    if place >= answers.meta["n_answers"]:
        return []
    share = float(answers.probability[state, token, place])
    if np.isnan(share):
        return [Word("NaN", NAN)]
    index = answers.top[state, token, place]
    labels, is_bold = answers.briefs if short else answers.labels, place == 0 and not short
    emoji = "" if answers.is_background(index) else answers.emoji[index]
    color = GREY if short else INK
    return [
        Word(labels[index] or "background", color, is_bold, emoji, is_name=True, instead=short),
        Word(probability(share), GREY, is_bold),
    ]


def large(
    sheet: Sheet, patches: Patches, state: int, token: int | None, at: tuple[int, int], side: int
) -> float:
    """A state large, with the pinned token and the tint's legend; returns where it ends."""
    x, drawn, answers = at[0], patches.within(state, side), patches.answers
    y = framed(sheet, drawn, at, answers.grid, pinned_patches(answers.meta, token))
    if patches.words:
        sheet.words(x, y + 20, f"tint: {patches.words}", 12, GREY, width=side)
    if patches.scale is None:
        return y + 24
    sheet.ramp(x, y + 30, max(160, drawn.width), patches.scale.blended, patches.scale.ticks)
    return y + 56


def states(
    sheet: Sheet,
    patches: Patches,
    traits: dict[str, Any],
    at: tuple[float, float],
    width: float,
    untouched: Ground | None = None,
) -> float:
    """Every state small, with the readout's answer and the pinned token's; returns the end."""
    answers = patches.answers
    tokens = [-1] if traits["token"] is None else [-1, traits["token"]]
    under = f"under each state: the answer of the {answers.meta['readout_name']} readout"
    then = f", then of {token_words(answers.meta, tokens[1])}" if len(tokens) > 1 else ""
    sheet.words(at[0], at[1] - 10, under + then, 12, GREY, width=width)
    panels = [] if untouched is None else [Panel(untouched.within, "image")]
    for i, name in enumerate(answers.meta["state_names"]):
        notes = [answer(answers, i, token, 0, short=True) for token in tokens]
        draw_it = partial(patches.within, i)
        panels.append(Panel(draw_it, name, notes, i == traits["state"]))
    most = (5 if len(panels) < 16 else 7) if width < 700 else (7 if len(panels) < 15 else 13)
    return film(sheet, panels, at, width, most)[0]


def classes(sheet: Sheet, answers: Answers, state: int, y: float) -> None:
    """The classes of a state with the number of their patches, as many as fit in a line."""
    words = [Word("patches by class", INK, bold=True)]
    counts = answers.counts(state)
    for place, (index, count) in enumerate(counts):
        left = len(counts) - place - 1
        colors = answers.colors.get(index)
        swatch = _swatch(colors) if colors is not None else np.full((1, 1, 3), 216, np.uint8)
        name, emoji = answers.labels[index] or "background", answers.emoji[index]
        more = [
            Word(f"   {name}", emoji=emoji, swatch=swatch, is_name=True),
            Word(str(count), INK, bold=True),
        ]
        if length([*words, *more, Word(f"   and {left} more")]) > INSIDE and place:
            words.append(Word(f"   and {left + 1} more"))
            break
        words += more
    sheet.line(MARGIN, y, words, INSIDE)


def _swatch(colors: np.ndarray) -> np.ndarray:
    """A class's colour, with stripes where another class has the same."""
    diagonal = np.add.outer(np.arange(11), np.arange(11)) % 5 < 2
    return np.where(diagonal[..., None], colors[1], colors[0]).astype(np.uint8)
