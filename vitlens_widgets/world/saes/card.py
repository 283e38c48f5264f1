"""The card of an embedded SAE: what it is, what it was measured to do, and how to train it anew.

Every number is read from its file, and from the one beside it that says what was measured with the
world's truth (`vl.analysis.best_features`). Loads no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from safetensors import safe_open

from vitlens_widgets.data.frames import frame
from vitlens_widgets.world.saes.recipes import FIRST_SEED, FOLDER, OBJECTS, sae_file

if TYPE_CHECKING:
    from pandas import DataFrame

_KEY = "vitlens_widgets SAE"
_NOT_GOOD_FOR = (
    "Other models, and photographs. That a latent tells something does not show that the model "
    "uses it: vl.analysis.features says what happens without it."
)


@dataclass(frozen=True, slots=True)
class SAECard:
    """An embedded SAE.

    Attributes:
        name: What it is loaded as.
        of: What it was trained by; the words of `vl.train_sae`.
        held_out: What it is worth on scenes held out.
        told: F1 of the best features: `"call"`, `"means"` by kind of truth and of feature (mean,
            half of its 95 % interval, and luck's), and `"truths"`, a row for each.
        megabytes: The size of its file, in millions of bytes.
    """

    name: str
    of: dict[str, Any]
    held_out: dict[str, Any]
    told: dict[str, Any]
    megabytes: float

    @property
    def model(self) -> str:
        """The model that it is of."""
        return self.name.rpartition("/")[0]

    @property
    def command(self) -> str:
        """How to train it anew."""
        return f"python -m vitlens_widgets.world train {self.name}"

    def table(self) -> DataFrame:
        """F1 of the best latent, neuron and channel for each truth, with interval and null."""
        columns = dict(
            zip(self.told["columns"], zip(*self.told["truths"], strict=True), strict=True)
        )
        return frame({name: list(column) for name, column in columns.items()}, self.name)

    def __repr__(self) -> str:
        rows = [f"  {': '.join((kind, told))}" for kind, told in self._rows()]
        return "\n".join([self.name, *self._sentences(), *rows, *self._ending()])

    def _repr_markdown_(self) -> str:
        """The card as Jupyter shows it."""
        rows = "\n".join(f"- {kind}: {told}" for kind, told in self._rows())
        before, after = ("\n\n".join(part) for part in (self._sentences(), self._ending()))
        return f"### {self.name}\n\n{before}\n\n{rows}\n\n{after}"

    def _sentences(self) -> list[str]:
        of, worth = self.of, self.held_out
        state = self.name.rpartition("/")[-1]
        return [
            f"Sparse autoencoder of state {state} of {self.model} ({of['site']} of block "
            f"{of['layer']}): {of['n_latents']} latents, {of['kind']}, k = {of['k']}, "
            f"{of['tokens']} tokens; {self.megabytes:.2f} MB.",
            f"Trained by vl.train_sae, {of['steps']:,} steps of {of['batch_size']:,} tokens of "
            f"{of['n_images'] - of['held_out']:,} scenes of {OBJECTS} things, seeds from "
            f"{FIRST_SEED:,} on.",
            f"On {worth['images']} scenes held out: it explains {worth['explained']:.1%} of the "
            f"variance with {worth['l0']:.1f} latents a token; {worth['dead']:.1%} of the latents "
            f"are never on. With its reconstruction in place the model's answer is "
            f"{worth['kl']:.3f} nats off, with the mean token {worth['kl_mean']:.3f}: "
            f"{worth['recovered']:.1%} are recovered.",
            f"The best single feature for each truth, mean F1 on patches, half of its 95 % interval"
            f" and luck's in brackets ({self.told['call']}):",
        ]

    def _rows(self) -> Iterator[tuple[str, str]]:
        for kind, of in self.told["means"].items():
            said = [
                f"{name} {f1:.2f} ± {half:.2f} ({luck:.2f})"
                for name, (f1, half, luck) in of.items()
            ]
            yield kind, ", ".join(said)

    def _ending(self) -> list[str]:
        return [f"Not good for: {_NOT_GOOD_FOR}", f"Train it anew: {self.command}"]


def sae_card(name: str, folder: Path = FOLDER) -> SAECard:
    """The card of an embedded SAE; it and what was measured of it lie in `folder`."""
    path = sae_file(name, folder)
    file = safe_open(path, framework="numpy")
    with file:
        noted = cast("dict[str, str]", file.metadata() or {})
    about: dict[str, Any] = json.loads(noted[_KEY])
    card = about["settings"]["card"]
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return SAECard(name, card["of"], card["held_out"], told, path.stat().st_size / 1e6)
