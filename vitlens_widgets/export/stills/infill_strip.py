"""A still picture of an InfillStrip: original, masked, every state's painting and its error."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills import films
from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet, scaled

MOST_COLUMNS, LARGEST, GAP = 8, 240, 10
METRICS = (("MSE", 0, 4), ("SSIM", 2, 3))  # name, place among the scores, decimals
HATCH = (222, 189)  # of hidden patches: ground and stripes
PERIOD = 6


def draw(state: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits."""
    sheet, meta = Sheet(), state["_meta"]
    hidden = np.frombuffer(state["_painted_mask"], "u1")
    subtitle = (
        f"{meta['model_name']} · {meta['rows']} × {meta['cols']} patches · "
        f"{int(hidden.sum())} of {hidden.size} masked"
    )
    pasted = "visible patches are the original's" if state["paste"] else "all patches as painted"
    words = f"what the decoder paints from each state; {pasted}; errors on the masked patches"
    films.title(sheet, "Infilling", subtitle, words, meta["caption"])
    strip(sheet, state, meta, state["state"], 104 if meta["caption"] else 84)
    return sheet


def strip(sheet: Sheet, state: dict[str, Any], meta: dict[str, Any], layer: int, y: int) -> int:
    """Original, masked, and each state's painting in a row or several; returns where they end."""
    panels = _panels(state, meta)
    columns = min(MOST_COLUMNS, len(panels))
    width = min(LARGEST, (INSIDE - GAP * (columns - 1)) // columns)
    height = round(width * meta["height"] / meta["width"])
    for i, (pixels, name, *scores) in enumerate(panels):
        x, top = MARGIN + i % columns * (width + GAP), y + i // columns * (height + 64)
        sheet.put(scaled(pixels, width, height, smooth=True), x, top)
        is_shown = i - 2 == layer
        if is_shown:
            sheet.ring(x, top, width, height)
        color, middle = paper.ACCENT if is_shown else paper.INK, x + width / 2
        sheet.words(middle, top + height + 18, name, 13, color, anchor="ms", bold=is_shown)
        for line, words in enumerate(scores):
            base = top + height + 35 + 16 * line
            sheet.words(middle, base, words, 12, paper.GREY, anchor="ms", width=width)
    return y + (1 + (len(panels) - 1) // columns) * (height + 64)


def _panels(state: dict[str, Any], meta: dict[str, Any]) -> list[tuple]:
    """Pictures with their names and what is said of them."""
    size = (meta["height"], meta["width"], 3)
    original = np.frombuffer(state["_original"], "u1").reshape(size)
    painted = np.frombuffer(state["_painted"], "u1").reshape(-1, *size)
    hidden = _hidden(np.frombuffer(state["_painted_mask"], "u1"), meta)[..., None]
    shown = np.where(hidden, painted, original) if state["paste"] else painted
    masked = np.where(hidden, _hatch(size), original)
    panels: list[tuple] = [(original, "original"), (masked, "masked")]
    for i, name in enumerate(meta["state_names"]):
        panels.append((shown[i], name, *_scores(state["_scores"], len(shown), i)))
    return panels


def _hidden(mask: np.ndarray, meta: dict[str, Any]) -> np.ndarray:
    """Which pixels belong to masked patches, bool `[height, width]`."""
    size = (meta["height"] // meta["rows"], meta["width"] // meta["cols"])
    return np.kron(mask.reshape(meta["rows"], meta["cols"]), np.ones(size)).astype(bool)


def _hatch(size: tuple[int, int, int]) -> np.ndarray:
    diagonal = np.add.outer(np.arange(size[0]), np.arange(size[1]))
    ground, stripes = HATCH
    return np.where((diagonal % PERIOD < 1)[..., None], stripes, ground)


def _scores(packed: bytes, n_states: int, state: int) -> list[str]:
    """A state's errors against the original, where they have been computed."""
    if not len(packed):
        return []
    values = np.frombuffer(packed, "<f4").reshape(-1)
    found = [(name, values[2 * n_states * i + state], digits) for name, i, digits in METRICS]
    return [f"{name} {value:.{digits}f}" for name, value, digits in found if np.isfinite(value)]
