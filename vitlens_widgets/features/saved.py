"""An SAE as it lies in a file of this package's own."""

from __future__ import annotations

import json
import os
from typing import Any, cast

import torch

from vitlens_widgets.errors import UsageError
from vitlens_widgets.features.activation import Activation
from vitlens_widgets.features.scaling import Scaling
from vitlens_widgets.lenses.saved import SavedLens

_TENSORS = ("encoder", "encoder_bias", "decoder", "decoder_bias")
_WORDS = ("site", "layer", "tokens", "subtracts_bias", "nested", "card", "name")
_PARTS = {"activation": Activation, "scaling": Scaling}


class SavedSAE(SavedLens):
    """As `SavedLens`; its fingerprint is what the model shows at the SAE's site (`known`)."""

    key = "vitlens_widgets SAE"
    thing = "SAE"


def write_sae(sae: Any, path: str | os.PathLike[str], *, half: bool) -> None:
    """Write one; see `SAE.save`."""
    tensors: dict[str, Any] = {name: getattr(sae, name) for name in _TENSORS}
    settings: dict[str, Any] = {name: getattr(sae, name) for name in _WORDS}
    for part in _PARTS:
        of_part = cast("dict[str, Any]", vars(getattr(sae, part)))
        for name, value in of_part.items():
            kept = tensors if isinstance(value, torch.Tensor) else settings
            kept[f"{part}.{name}"] = value
    if half:
        tensors = {name: tensor.half() for name, tensor in tensors.items()}
    try:
        settings = json.loads(json.dumps(settings))
    except (TypeError, ValueError):
        raise UsageError(
            "The card of an SAE that is saved holds texts, numbers, and lists and dicts of these."
        ) from None
    SavedSAE("SAE", sae.model, dict(sae.seen), settings, tensors).write(path)


def read_sae(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arguments of `SAE`; see `SAE.load`."""
    saved = SavedSAE.read(path)
    found: dict[str, Any] = {**saved.settings, **saved.tensors}
    words = {name: found[name] for name in (*_TENSORS, *_WORDS)}
    words["nested"] = tuple(words["nested"])
    for part, kind in _PARTS.items():
        of_part = {n.removeprefix(f"{part}."): v for n, v in found.items() if n.startswith(part)}
        words[part] = kind(**{n: _full(value) for n, value in of_part.items()})
    return {**words, "model": saved.model, "seen": saved.fingerprint}


def _full(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) else value
