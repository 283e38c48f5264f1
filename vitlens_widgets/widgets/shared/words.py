"""What is said of a model's patches, states and tokens beside its pictures."""

from __future__ import annotations

from typing import Any


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
