"""The file of an SAE's training that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from vitlens_widgets.features.known import same_model, seen_by
from vitlens_widgets.features.saved import SavedSAE
from vitlens_widgets.features.training.learning import Learning
from vitlens_widgets.features.training.loss import Weights
from vitlens_widgets.lenses.fitted.kept_fit import KeptFit
from vitlens_widgets.lenses.saved import SavedLens


class KeptTraining(KeptFit):
    """As `KeptFit`; at its end there is the file of an SAE."""

    finished_as = SavedSAE

    def facts_of(self, settings: Mapping[str, Any]) -> Any:
        """What the training was of, as the card says."""
        return settings["card"].get("of")

    def is_of(self, saved: SavedLens) -> bool:
        """Whether a file is of this model; that of an SAE knows the model by its site alone."""
        if not isinstance(saved, SavedSAE):
            return super().is_of(saved)
        site, layer = saved.settings["site"], saved.settings["layer"]
        if layer >= self._vit.n_layers:
            return False
        return same_model(saved.fingerprint, seen_by(self._vit, site, layer))


def in_tensors(now: Learning) -> dict[str, Tensor]:
    """What a file keeps, by name."""
    kept = {"silent": now.silent, "threshold": now.threshold}
    for what in ("weights", "mean", "square"):
        kept |= {f"{what} {name}": part for name, part in getattr(now, what)._asdict().items()}
    return kept


def of_tensors(tensors: dict[str, Tensor]) -> Learning:
    """What `in_tensors` gave."""
    weights, mean, square = (
        Weights(*(tensors[f"{what} {name}"] for name in Weights._fields))
        for what in ("weights", "mean", "square")
    )
    return Learning(weights, mean, square, tensors["silent"], tensors["threshold"])
