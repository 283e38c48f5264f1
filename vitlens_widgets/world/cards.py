"""Model cards: what an embedded model is, and what it was measured to do. Loads no torch.

The prose stands in the catalogue; every number is read from the file that the evaluation wrote
beside the weights (`python -m vitlens_widgets.world measure`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitlens_widgets.data.frames import frame
from vitlens_widgets.files import existing_path
from vitlens_widgets.world.catalogue import DECODERS, GOALS, NAMES, SAES, Goal, goal_of, known
from vitlens_widgets.world.measurement import (
    ClassMeasurement,
    DecoderMeasurement,
    InfillMeasurement,
    Measurement,
    TextMeasurement,
)
from vitlens_widgets.world.saes.card import SAECard, sae_card
from vitlens_widgets.world.weights import (
    P32,
    check_not_begun,
    name_of_weights,
    read_facts,
    trained_weights,
)

if TYPE_CHECKING:
    from pandas import DataFrame

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the weights and the measurements beside them."""

_MEASUREMENTS: dict[str, type[Measurement]] = {
    "classes": ClassMeasurement,
    "infilling": InfillMeasurement,
    "texts": TextMeasurement,
    "patch decoder": DecoderMeasurement,
    "flow decoder": DecoderMeasurement,
}
"""By kind of model."""

_COUNTS = ("layers", "heads", "width", "scenes seen", "latents")


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model of the world: what it was asked for, what it does, what it is not good for.

    Attributes:
        name: What it is loaded as.
        command: How to train it anew.
        goal: What it was asked in training.
        facts: What its weights file notes: `layers`, `width`, `heads`, `images`, ...
        measured: What it was measured to do.
        megabytes: The size of its weights file, in millions of bytes.
    """

    name: str
    command: str
    goal: Goal
    facts: dict[str, Any]
    measured: Measurement
    megabytes: float

    @property
    def recipe(self) -> str:
        """How it was trained, in sentences."""
        return self.goal.recipe

    @property
    def not_good_for(self) -> str:
        """What it is no good for."""
        return self.goal.not_good_for

    def __repr__(self) -> str:
        return "\n".join([self.name, *_sentences(self), "", *_plain_table(self.measured)])

    def _repr_markdown_(self) -> str:
        """The card as Jupyter shows it."""
        sentences = "\n\n".join(_sentences(self))
        return f"### {self.name}\n\n{sentences}\n\n" + "\n".join(_markdown_table(self.measured))


def card(name: str | os.PathLike[str]) -> ModelCard | SAECard:
    """The card of an embedded model, decoder or SAE, or of a model that `world.train` has written.

    Args:
        name: Its name, or the folder of your own.

    Raises:
        UsageError: There is no such model; the message names the nearest embedded one. Or its
            training has not ended.
    """
    path = existing_path(name)
    weights = trained_weights(path)
    if weights is not None:
        return own_card(weights)
    check_not_begun(path)
    if str(name) in SAES:
        return sae_card(str(name))
    return read_card(str(name) if str(name) in DECODERS else known(str(name)))


def read_card(name: str, folder: Path = WEIGHTS) -> ModelCard:
    """The card of an embedded model or decoder; its weights and scores lie in `folder`."""
    command = f"python -m vitlens_widgets.world train {name}"
    weights = weights_file(name, folder)
    goal = goal_of(name) or read_facts(weights)["goal"]  # of one that is not embedded yet
    return _card(weights, name, command, goal)


def own_card(weights: Path) -> ModelCard:
    """The card of a model that this package has trained elsewhere than among its own.

    Raises:
        UsageError: Its training has not ended: what it does was not measured.
    """
    if not weights.with_suffix(".json").exists():
        check_not_begun(weights.parent)
    return _card(weights, name_of_weights(weights), _call(weights), read_facts(weights)["goal"])


def _card(weights: Path, name: str, command: str, goal: str) -> ModelCard:
    facts = {**asdict(P32), **read_facts(weights)}  # early files noted less
    kind = _MEASUREMENTS[facts.get("kind", "classes")]
    measured = kind.read(weights.with_suffix(".json"))
    return ModelCard(name, command, GOALS[goal], facts, measured, weights.stat().st_size / 1e6)


def _call(weights: Path) -> str:
    """The call of `world.train`, or the command, that gives these weights again."""
    facts = read_facts(weights)
    if GOALS[facts["goal"]].kind != "classes":  # which only a recipe of this package trains
        name = weights.stem.replace("-", "/", 1)  # see `weights_file`
        if goal_of(name) != facts["goal"]:  # the file has another name by now
            same = (one for one in (*NAMES, *DECODERS) if goal_of(one) == facts["goal"])
            name = next(same, name)
        return f"python -m vitlens_widgets.world train {name}"
    arguments = {
        name: facts[name] for name in ("goal", "layers", "width", "heads", "images", "seed")
    }
    arguments["attention_only"] = not facts["mlp"]
    listed = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"vl.world.train({weights.parent.as_posix()!r}, {listed})"


def weights_file(name: str, folder: Path = WEIGHTS) -> Path:
    """Where the weights of `name` lie: "toy/p32" is toy-p32.safetensors."""
    return folder / f"{name.replace('/', '-')}.safetensors"


def _sentences(card: ModelCard) -> list[str]:
    measured, first = card.measured, card.facts.get("begun_with")
    begun = "" if first is None else f" Begun with the weights of {first}."
    return [
        f"{measured.architecture}. {card.recipe}{begun} Seen: {measured.images:,} scenes.",
        *measured.sentences(),
        f"Not good for: {card.not_good_for}",
        f"Train it anew: {card.command}",
    ]


def _rows(measured: Measurement) -> Iterable[tuple[str, ...]]:
    scores = measured.by_state()
    yield ("state", *scores)
    for name, *row in zip(measured.states, *scores.values(), strict=True):
        yield (name, *(f"{score:.3f}" for score in row))


def _plain_table(measured: Measurement) -> list[str]:
    rows = list(_rows(measured))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _markdown_table(measured: Measurement) -> list[str]:
    heading, *rows = _rows(measured)
    rule = ("---", *["---:"] * (len(heading) - 1))
    return [f"| {' | '.join(row)} |" for row in (heading, rule, *rows)]


def toy_models() -> DataFrame:
    """What the package carries: what each is, what it was trained on, what it was measured to do.

    Models, decoders, and sparse autoencoders of models' states; `loaded by` names the call that
    loads each. Scores are at the final state, on held-out scenes; `vl.world.card(name)` has those
    of every state and says more.

    Example:
        >>> toy_models()["name"][0]
        'toy/p32'
    """
    rows = [_row(read_card(name)) for name in (*NAMES, *DECODERS)]
    rows += [_row_of_sae(sae_card(name)) for name in SAES]
    columns = dict.fromkeys(column for row in rows for column in row)
    table = frame(
        {column: [row.get(column) for row in rows] for column in columns}, "Embedded models"
    )
    return table.astype(dict.fromkeys(_COUNTS, "Int64"))  # whole, also where some have none


def _row(card: ModelCard) -> dict[str, Any]:
    facts = card.facts
    return {
        "name": card.name,
        "loaded by": "vl.load_decoder" if card.name in DECODERS else "vl.load",
        "layers": facts["layers"],
        "heads": facts["heads"],
        "width": facts["width"],
        "MLP": "yes" if facts["mlp"] else "no",
        "trained on": card.goal.trained_on,
        "scenes seen": card.measured.images,
        "MB": round(card.megabytes, 2),
        **card.measured.at_the_end(),
    }


def _row_of_sae(card: SAECard) -> dict[str, Any]:
    of, worth = card.of, card.held_out
    return {
        "name": card.name,
        "loaded by": "vl.load_sae",
        "trained on": f"{of['site']} of block {of['layer']} of {card.model}",
        "scenes seen": of["n_images"] - of["held_out"],
        "MB": round(card.megabytes, 2),
        "latents": of["n_latents"],
        "explained variance": worth["explained"],
        "recovered": worth["recovered"],
    }
