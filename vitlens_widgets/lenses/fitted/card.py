"""The card of a tuned lens, in words; every number is read from the lens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vitlens_widgets.lenses.fitted.affine import AffineLens
from vitlens_widgets.lenses.fitted.ending import call_of

if TYPE_CHECKING:
    from pandas import DataFrame

_CALL = ("n_images", "held_out", "target", "rank", "start", "steps", "batch_size", "rate", "decay")

_NOT_GOOD_FOR = (
    "Other models, other weights of this one, and images of another kind than it was fitted to: "
    "there its divergence from the final answer is not known. It says what the model would answer "
    "if nothing else were read on the way; that a class can be read from a state does not show "
    "that the model uses it."
)


def card_of(lens: AffineLens, table: DataFrame) -> str:
    """The card.

    Args:
        lens: The lens.
        table: As `TunedLens.table` gives it.
    """
    facts: Mapping[str, Any] = lens.fitted["of"]
    kinds = "all" if list(facts["kinds"]) == ["all"] else "each"
    words = {"kinds": kinds} | {name: facts[name] for name in (*_CALL, "seed")}
    lines = [
        f"{lens.name[:1].upper()}{lens.name[1:]} of {lens.vit.name}",
        call_of(lens, words),
        f"KL of the final answer from the lens's, mean over {facts['held_out']} images held out, "
        "in nats; the logit lens's in brackets:",
    ]
    for place, of in table.groupby("place", sort=False):
        rows = zip(of["state"], of["KL (nats)"], of["logit lens KL (nats)"], strict=True)
        lines.append(f"  {place}: " + ", ".join(f"{s} {a:.2f} ({b:.2f})" for s, a, b in rows))
    return "\n".join([*lines, f"Not good for: {_NOT_GOOD_FOR}"])
