"""A still picture of an InfillStrip: original, masked, every state's painting, how near each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.curve import Curve, curves
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import INSIDE, captioned, sheet
from vitlens_widgets.widgets.shared.still import joined

PLAIN = "infill lens"
"""The lens that needs no name."""

HIDDEN = np.array([222, 222, 222, 1])  # colour and opacity of a masked patch


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    meta, hidden = traits["_meta"], np.frombuffer(traits["_painted_mask"], "u1")
    masked = f"{int(hidden.sum())} of {hidden.size} masked"
    lens, several = lens_of(traits), meta.get("lenses")
    size = f"{meta['rows']} × {meta['cols']} patches"
    subtitle = joined(meta["model_name"], "" if lens == PLAIN else lens, size, masked)
    pasted = "visible patches are the original's" if traits["paste"] else "all patches as painted"
    words = f"what the decoder paints from each state; {pasted}; errors on the masked patches"
    shown, state = of_lens(traits, lens), traits["state"]
    panels = film(INSIDE, strip(shown, meta, state))
    below = nearness(INSIDE, meta["state_names"], scores(shown, meta)[0])
    rows = [[panels]]
    if several and traits["beside"]:
        beside = of_lens(traits, traits["beside"])
        rows.append(
            [captioned(f"by the {traits['beside']}", film(INSIDE, strip(beside, meta, state)))]
        )
        below = both_errors(traits, [lens, traits["beside"]])
    return sheet("Infilling", subtitle, [words, meta["caption"]], *rows, below)


def lens_of(traits: dict[str, Any]) -> str:
    """The name of the lens that is shown."""
    meta = traits["_meta"]
    return traits["lens"] if meta.get("lenses") else meta["lens_name"]


def of_lens(traits: dict[str, Any], lens: str) -> dict[str, Any]:
    """The traits with the pictures and numbers of one of the lenses."""
    others = (traits[name].get(lens, {}) for name in ("_other_pictures", "_other_numbers"))
    pictures, numbers = others
    return traits | pictures | numbers


def both_errors(traits: dict[str, Any], lenses: list[str]) -> list[Piece]:
    """The mean squared errors of two lenses against the chosen reference, on one axis."""
    meta, reference = traits["_meta"], traits["reference"]
    row = 0 if reference == "original" else 1
    mse = np.stack([scores(of_lens(traits, lens), meta)[0, row] for lens in lenses])
    to = "the original" if row == 0 else "what each paints at the end"
    return nearness(INSIDE, meta["state_names"], mse, lenses, f" against {to}")


def strip(traits: dict[str, Any], meta: dict[str, Any], chosen: int) -> list[Panel]:
    """Original, masked, and each state's painting."""
    size, grid = (meta["height"], meta["width"], 3), (meta["rows"], meta["cols"], 1)
    original = np.frombuffer(traits["_original"], "u1").reshape(size)
    painted = np.frombuffer(traits["_painted"], "u1").reshape(-1, *size)
    hidden = np.frombuffer(traits["_painted_mask"], "u1").reshape(grid)
    shown = hidden if traits["paste"] else np.ones(grid, "u1")
    patch = np.ones((size[0] // grid[0], size[1] // grid[1], 1), "u1")
    painted, values = np.where(np.kron(shown, patch), painted, original), scores(traits, meta)
    bare = np.zeros((*grid[:2], 4))
    panels = [Panel(original, bare, "original"), Panel(original, hidden * HIDDEN, "masked")]
    for i, name in enumerate(meta["state_names"]):
        mse, ssim = values[0, 0, i], values[2, 0, i]
        notes = [f"MSE {mse:.4f}"] if np.isfinite(mse) else []
        notes += [f"SSIM {ssim:.3f}"] if np.isfinite(ssim) else []
        panels.append(Panel(painted[i], bare, name, notes, is_chosen=i == chosen))
    return panels


def scores(traits: dict[str, Any], meta: dict[str, Any]) -> np.ndarray:
    """Errors of each state, `[metric, reference, state]`; NaN while they are not known."""
    size = (3, 2, len(meta["state_names"]))
    packed = np.frombuffer(traits["_scores"], "<f4")
    return packed.reshape(size) if packed.size else np.full(size, np.nan)


def nearness(
    width: int,
    names: list[str],
    mse: np.ndarray,
    words: Sequence[str] = ("against the original", "against the final answer"),
    to: str = "",
) -> list[Piece]:
    """Two curves of the mean squared error `[curve, state]`, if it is known."""
    if not np.isfinite(mse).any():
        return []
    places = (np.arange(len(names)) + 0.5) / len(names)
    many = [
        Curve(words[0], places, mse[0], "#1b1b1b"),
        Curve(words[1], places, mse[1], "#6b6b6b", (7, 11)),
    ]
    ticks = list(zip(places.tolist(), names, strict=True))
    drawn = curves(width, many, ticks, float(np.nanmax(mse)) or 1.0)
    return [captioned(f"MSE{to} on the masked patches, lower is better", drawn)]
