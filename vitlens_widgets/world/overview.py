"""The embedded models at a glance. Loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..data.frames import frame
from .cards import ModelCard, read_card
from .catalogue import NAMES

if TYPE_CHECKING:
    from pandas import DataFrame


def toy_models() -> DataFrame:
    """All embedded models: what each is, what it was trained on, and what it was measured to do.

    Scores are at the final state, on held-out scenes; `vl.world.card(name)` has those of every
    state and says more. `vl.load(name)` loads a model.

    Example:
        >>> toy_models()["name"][0]
        'toy/p32'
    """
    rows = [_row(read_card(name)) for name in NAMES]
    columns = dict.fromkeys(column for row in rows for column in row)
    return frame(
        {column: [row.get(column) for row in rows] for column in columns}, "Embedded models"
    )


def _row(card: ModelCard) -> dict[str, Any]:
    facts = card.facts
    return {
        "name": card.name,
        "layers": facts["layers"],
        "heads": facts["heads"],
        "width": facts["width"],
        "MLP": "yes" if facts["mlp"] else "no",
        "trained on": card.goal.trained_on,
        "scenes seen": card.measured.images,
        "MB": round(card.megabytes, 2),
        **card.measured.at_the_end(),
    }
