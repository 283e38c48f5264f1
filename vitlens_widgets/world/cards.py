"""Model cards: what an embedded classifier is, and what it was measured to do.

The prose is written here; every number is read from the file that the evaluation wrote beside the
weights (`python -m vitlens_widgets.world.evaluate`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the weights and the measurements beside them."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What an evaluation found; each score is by number of objects, then by state.

    Attributes:
        architecture: The network in one line.
        images: Scenes seen in training, each once.
        scenes: Held-out scenes measured, for each number of objects.
        states: Names of the states, "0_pre" to "final".
        accuracy: Share of scenes whose CLS answer is a class in the scene.
        iou: Mean IoU of the patch answers, as `world.metrics` defines it.
        iou_all_background: The IoU of calling everything background.
        iou_exact_shares: The IoU of the exact share of each label in each patch.
    """

    architecture: str
    images: int
    scenes: int
    states: tuple[str, ...]
    accuracy: dict[int, tuple[float, ...]]
    iou: dict[int, tuple[float, ...]]
    iou_all_background: dict[int, float]
    iou_exact_shares: dict[int, float]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """An embedded classifier: what it was asked for, what it does, what it is not good for."""

    name: str
    recipe: str
    not_good_for: str
    measured: Measurement

    @property
    def command(self) -> str:
        """How to train it anew."""
        return f"python -m vitlens_widgets.world.train {self.name}"

    def __repr__(self) -> str:
        return "\n".join([self.name, *_sentences(self), "", *_plain_table(self.measured)])

    def _repr_markdown_(self) -> str:
        """The card as Jupyter shows it."""
        sentences = "\n\n".join(_sentences(self))
        return f"### {self.name}\n\n{sentences}\n\n" + "\n".join(_markdown_table(self.measured))


_RECIPES = {
    "toy/p32": (
        "Trained from image labels only. CLS names the classes of the image; the mean of a class's "
        "five largest patch probabilities must tell whether the class is in the image "
        "(multiple-instance loss), and any answer but background costs a patch a little. No patch "
        "was ever told what it shows: its answers emerged."
    ),
    "toy/p32-taught": (
        "Trained from the exact masks: every patch is told which share of it each label covers, "
        "and CLS the classes of the image. Its patch answers were taught; they did not emerge."
    ),
    "toy/p32-cls": (
        "Trained from the classes of the image alone, asked of CLS. Nothing was ever asked of the "
        "patches."
    ),
}
_LIMITS = {
    "toy/p32": "Photographs, things outside the sixteen classes, and exact outlines.",
    "toy/p32-taught": "Photographs, and showing that patch answers emerge: these were taught.",
    "toy/p32-cls": "Photographs, and saying where things are: its patches do not draw them.",
}


def read_card(name: str, folder: Path = WEIGHTS) -> ModelCard:
    """The card of the embedded model `name`, with the measurements that lie in `folder`."""
    found = json.loads(measurement_file(name, folder).read_text())
    for scores in ("accuracy", "iou", "iou_all_background", "iou_exact_shares"):
        found[scores] = {int(count): _frozen(value) for count, value in found[scores].items()}
    measured = Measurement(**{**found, "states": tuple(found["states"])})
    return ModelCard(name, _RECIPES[name], _LIMITS[name], measured)


def weights_file(name: str, folder: Path = WEIGHTS) -> Path:
    """Where the weights of `name` lie: "toy/p32" is toy-p32.safetensors."""
    return folder / f"{name.replace('/', '-')}.safetensors"


def measurement_file(name: str, folder: Path = WEIGHTS) -> Path:
    """Where the measurements of `name` lie."""
    return weights_file(name, folder).with_suffix(".json")


def _frozen(value: list[float] | float) -> tuple[float, ...] | float:
    return tuple(value) if isinstance(value, list) else value


def _sentences(card: ModelCard) -> list[str]:
    found = card.measured
    return [
        f"{found.architecture}. {card.recipe} Seen: {found.images:,} scenes.",
        f"On {found.scenes:,} held-out scenes each: accuracy {found.accuracy[1][-1]:.3f} with one"
        f" object; mean IoU of the patches {found.iou[1][-1]:.3f} with one object and"
        f" {found.iou[2][-1]:.3f} with two.",
        f"For comparison: calling everything background has an IoU of"
        f" {found.iou_all_background[1]:.3f} and {found.iou_all_background[2]:.3f}; the exact share"
        f" of each label in each patch {found.iou_exact_shares[1]:.3f}"
        f" and {found.iou_exact_shares[2]:.3f}.",
        f"Not good for: {card.not_good_for}",
        f"Train it anew: {card.command}",
    ]


_HEADINGS = ("state", "accuracy, 1 object", "2 objects", "IoU, 1 object", "2 objects")


def _rows(found: Measurement) -> Iterable[tuple[str, ...]]:
    columns = (found.accuracy[1], found.accuracy[2], found.iou[1], found.iou[2])
    for name, *scores in zip(found.states, *columns, strict=True):
        yield (name, *(f"{score:.3f}" for score in scores))


def _plain_table(found: Measurement) -> list[str]:
    widths = [max(len(heading), 6) for heading in _HEADINGS]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (_HEADINGS, *_rows(found))
    ]


def _markdown_table(found: Measurement) -> list[str]:
    rule = ("---", *["---:"] * (len(_HEADINGS) - 1))
    return [f"| {' | '.join(row)} |" for row in (_HEADINGS, rule, *_rows(found))]
