"""`TaughtClass`: a class while it is taught, and the lines that teach it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from vitlens_widgets.data.emoji import emoji_for
from vitlens_widgets.lenses.taught.examples import Click
from vitlens_widgets.models import TokenLayout


@dataclass(frozen=True)
class TaughtClass:
    """A class while it is taught.

    Attributes:
        name: What it is called, without its emoji.
        emoji: The one that was given with the name, else one that fits it; "" where none does.
        slot: Its place among colours: the first that was free when it was new, and its own from
            then on, whatever becomes of other classes.
        clicks: Its examples, in the order of teaching.
    """

    name: str
    emoji: str
    slot: int
    clicks: tuple[Click, ...] = ()


def python_of(
    classes: Sequence[TaughtClass], layout: TokenLayout, images: str, method: str, readout: str
) -> str:
    """Lines that teach these classes; they make `classifier` and `twin` of `vit`.

    Args:
        classes: With examples.
        layout: Where their patches stand.
        images: What the images are called in these lines.
        method: As in `PatchClassifier`.
        readout: As in `PatchClassifier`.
    """
    words = "" if method == "prototypes" else f', method="{method}"'
    words += "" if readout == "share" else f', readout="{readout}"'
    rows = [f"        {_called(one)}: [{_said(one.clicks, layout)}]," for one in classes]
    return "\n".join(
        [
            f"classifier = vl.PatchClassifier(vit, {images}{words}).fit(",
            "    {",
            *rows,
            "    }",
            ")",
            "twin = vit.taught(classifier)",
        ]
    )


def _called(one: TaughtClass) -> str:
    """The name as it is typed: with its emoji, where it would not get that one by itself."""
    name = one.name if one.emoji == emoji_for(one.name) else f"{one.emoji} {one.name}"
    return json.dumps(name, ensure_ascii=False)


def _said(clicks: Sequence[Click], layout: TokenLayout) -> str:
    return ", ".join(f"({click.image}, {layout.row_col(click.token)})" for click in clicks)
