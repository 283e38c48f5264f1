"""A still picture of an InfillStrip: original, masked, every state's painting, how near each is."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.curve import AXIS, Curve, curves
from vitlens_widgets.export.stills.film import Panel, film
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet, scaled
from vitlens_widgets.export.stills.words import GREY, HINT, Word
from vitlens_widgets.masks import enlarged
from vitlens_widgets.widgets.shared.still import joined

METRICS = (("MSE", 0, 4), ("SSIM", 2, 3))  # name, place among the scores, decimals
HATCH, PERIOD = (222, 189), 6  # of hidden patches: ground and stripes
MOST_COLUMNS, LARGEST = 9, 200
CURVE = 110  # px


def draw(traits: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits."""
    sheet, meta = Sheet(), traits["_meta"]
    hidden = np.frombuffer(traits["_painted_mask"], "u1")
    masked = f"{int(hidden.sum())} of {hidden.size} masked"
    subtitle = joined(meta["model_name"], f"{meta['rows']} × {meta['cols']} patches", masked)
    pasted = "visible patches are the original's" if traits["paste"] else "all patches as painted"
    words = f"what the decoder paints from each state; {pasted}; errors on the masked patches"
    sheet.title("Infilling", subtitle, words, meta["caption"])
    top = 104 if meta["caption"] else 84
    end, middles = strip(sheet, traits, meta, traits["state"], top)
    _nearness(sheet, meta, scores(traits, meta)[0], end + 24, middles[2:])
    return sheet


def strip(
    sheet: Sheet, traits: dict[str, Any], meta: dict[str, Any], chosen: int, y: float
) -> tuple[float, list[float]]:
    """Original, masked, and each state's painting; returns what `film` does."""
    pixels, values = pictures(traits, meta), scores(traits, meta)
    names, panels = ["original", "masked", *meta["state_names"]], []
    for i, (picture, name) in enumerate(zip(pixels, names, strict=True)):
        written = [(m, values[at, 0, i - 2], d) for m, at, d in METRICS if i > 1]
        notes = [[Word(f"{m} {v:.{d}f}")] for m, v, d in written if np.isfinite(v)]
        panels.append(Panel(partial(_small, picture), name, notes, i - 2 == chosen))
    return film(sheet, panels, (MARGIN, y), INSIDE, MOST_COLUMNS, LARGEST)


def _small(pixels: np.ndarray, width: int) -> Image.Image:
    return scaled(pixels, width, round(width * pixels.shape[0] / pixels.shape[1]), smooth=True)


def pictures(traits: dict[str, Any], meta: dict[str, Any]) -> np.ndarray:
    """The original, the masked one, and the paintings, uint8 `[2 + state, height, width, 3]`."""
    size = (meta["height"], meta["width"], 3)
    original = np.frombuffer(traits["_original"], "u1").reshape(size)
    painted = np.frombuffer(traits["_painted"], "u1").reshape(-1, *size)
    hidden = np.frombuffer(traits["_painted_mask"], "u1").reshape(meta["rows"], meta["cols"])
    patch = (meta["height"] // meta["rows"], meta["width"] // meta["cols"])
    hidden = enlarged(hidden.astype(bool), patch)[..., None]
    diagonal = np.add.outer(np.arange(size[0]), np.arange(size[1]))[..., None]
    hatch = np.where(diagonal % PERIOD < 1, HATCH[1], HATCH[0])
    shown = np.where(hidden, painted, original) if traits["paste"] else painted
    return np.stack([original, np.where(hidden, hatch, original), *shown]).astype(np.uint8)


def scores(traits: dict[str, Any], meta: dict[str, Any]) -> np.ndarray:
    """Errors of each state, `[metric, reference, state]`; NaN while they are not known."""
    size = (3, 2, len(meta["state_names"]))
    packed = np.frombuffer(traits["_scores"], "<f4")
    return packed.reshape(size) if packed.size else np.full(size, np.nan)


def _nearness(
    sheet: Sheet, meta: dict[str, Any], mse: np.ndarray, y: float, middles: list[float]
) -> None:
    """The curves of the mean squared error `[reference, state]`, under the states' pictures."""
    if not np.isfinite(mse).any():
        return
    end, names = float(np.nanmax(mse)) or 1.0, meta["state_names"]
    is_one_row = middles == sorted(middles) and len(middles) > 1
    left = middles[0] - (middles[1] - middles[0]) / 2 if is_one_row else MARGIN + AXIS
    places = (np.arange(len(names)) + 0.5) / len(names)
    width = (middles[1] - middles[0]) * len(names) if is_one_row else INSIDE - AXIS
    ticks = list(zip(places.tolist(), names, strict=True))[:: -(-len(names) // 13)]
    of_end = [(share, f"{share * end:.2g}") for share in (0, 0.5, 1)]
    sheet.words(MARGIN, y, "MSE on the masked patches, lower is better", 12, GREY)
    many = [
        Curve("against the original", places, mse[0] / end, "#1b1b1b"),
        Curve("against the final answer", places, mse[1] / end, HINT, (7, 11)),
    ]
    curves(sheet, many, (left - AXIS, y + 14), (width + AXIS, CURVE), ticks, of_end)
