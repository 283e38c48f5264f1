"""What the still pictures of several widgets need: words, and numbers put on their patches."""

from __future__ import annotations

from typing import Any

import numpy as np


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


def token_words(meta: dict[str, Any], token: int) -> str:
    """`"CLS"`, `"row 2, col 5"`."""
    names = meta["prefix"]
    if token < len(names):
        return names[token]
    row, col = divmod(token - len(names), meta["cols"])
    return f"row {row}, col {col}"


def joined(*parts: str) -> str:
    """What is not empty, with dots between."""
    return " · ".join(filter(None, parts))


def on_patches(values: np.ndarray, meta: dict[str, Any]) -> np.ndarray:
    """Numbers of the tokens that were kept, `[..., token]` -> `[..., row, col]`, NaN elsewhere."""
    n_prefix, grid = len(meta["prefix"]), (meta["rows"], meta["cols"])
    every = np.full((*values.shape[:-1], n_prefix + grid[0] * grid[1]), np.nan, np.float32)
    every[..., meta["tokens"]] = values
    return every[..., n_prefix:].reshape(*values.shape[:-1], *grid)


def rings(meta: dict[str, Any], *tokens: int | None) -> list[tuple[float, float, float, float]]:
    """Those tokens that are patches: left, top, width and height as shares of the picture."""
    rows, cols, n_prefix = meta["rows"], meta["cols"], len(meta["prefix"])
    patches = [divmod(t - n_prefix, cols) for t in tokens if t is not None and t >= n_prefix]
    return [(col / cols, row / rows, 1 / cols, 1 / rows) for row, col in patches]
