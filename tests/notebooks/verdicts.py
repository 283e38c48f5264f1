"""What the notebooks on Vilas et al. (2023) may say of a claim, and of which embedded models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TWINS = ("toy/p32", "toy/p32-cls")
"""In the order of the notebooks."""

COLUMNS = [
    "claim",
    "in the paper",
    *(name for twin in TWINS for name in (twin, f"{twin}, measured")),
]
"""Of the table of claims."""

YES, NO, OPEN = "as in the paper", "not so here", "cannot be told"


def verdict(said: str) -> str:
    """The verdict in what is said of a claim; the numbers come after it."""
    return said.partition(":")[0]


def verdicts_by_claim(claims: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """What is said of each claim for the two models, claims in the notebook's order."""
    return {row["claim"]: tuple(verdict(row[name]) for name in TWINS) for row in claims}
