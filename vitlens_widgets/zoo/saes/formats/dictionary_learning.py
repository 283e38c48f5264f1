"""dictionary_learning: a folder of `ae.pt`, a state dict, and `config.json`.

Source: the repository saprmarks/dictionary_learning (`dictionary.py`, `trainers/top_k.py`,
`batch_top_k.py`, `matryoshka_batch_top_k.py`, `utils.load_dictionary`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any, cast

from torch import Tensor

from vitlens_widgets.errors import UsageError, whole_number
from vitlens_widgets.features import Activation, Scaling
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.models.sites import SITES
from vitlens_widgets.zoo.saes.format import (
    ReadSAE,
    SAEFormat,
    by_columns,
    said_choice,
    with_unit_directions,
)
from vitlens_widgets.zoo.saes.found import Found

Read = tuple[Mapping[str, Tensor], Activation, bool]
"""Tensors, the activation, and whether the bias is subtracted."""


class DictionaryLearning(SAEFormat):
    """A folder; of the site it says what its trainer was told."""

    name = "dictionary_learning"

    def takes(self, found: Found) -> bool:
        """Whether a trainer's class of dictionary stands in its configuration."""
        trainer = found.said.get("trainer")
        return is_mapping(trainer) and "dict_class" in trainer

    def parts(self, found: Found) -> ReadSAE:
        """See `SAEFormat`."""
        trainer = found.said["trainer"]
        kind = said_choice(found, "the class", trainer["dict_class"], list(_KINDS))
        tensors, activation, subtracts = _KINDS[kind](found)
        layer = whole_number(trainer.get("layer"))
        return ReadSAE(
            tensors,
            activation,
            Scaling(),
            subtracts_bias=subtracts,
            nested=_nested(found),
            site=_site(trainer.get("submodule_name")),
            layer=layer,
            model=str(trainer.get("lm_name") or ""),
        )


def _site(submodule: Any) -> str | None:
    """The site that is named in the name of a submodule, if one is."""
    named = [site for site in SITES if "_" in site and site in str(submodule)]
    return named[0] if len(named) == 1 else None


def _linear(found: Found, bias: str) -> dict[str, Tensor]:
    return {
        "encoder": found.tensor("encoder.weight"),
        "encoder_bias": found.tensor("encoder.bias"),
        "decoder": found.tensor("decoder.weight").mT,
        "decoder_bias": found.tensor(bias),
    }


def _plain(found: Found) -> Read:
    return *with_unit_directions(_linear(found, "bias"), Activation()), True


def _new(found: Found) -> Read:
    return _linear(found, "decoder.bias"), Activation(), False


def _topk(found: Found) -> Read:
    return _linear(found, "b_dec"), Activation("topk", _k(found)), True


def _batchtopk(found: Found) -> Read:
    return _linear(found, "b_dec"), _above_one(found), True


def _matryoshka(found: Found) -> Read:
    return by_columns(found), _above_one(found), True


def _jumprelu(found: Found) -> Read:
    threshold = found.tensor("threshold").clamp(min=0)  # below 0 a ReLU decides
    return by_columns(found), Activation("jumprelu", threshold=threshold), False


_KINDS: dict[str, Callable[[Found], Read]] = {
    "AutoEncoder": _plain,
    "AutoEncoderNew": _new,
    "AutoEncoderTopK": _topk,
    "BatchTopKSAE": _batchtopk,
    "MatryoshkaBatchTopKSAE": _matryoshka,
    "JumpReluAutoEncoder": _jumprelu,
}


def _above_one(found: Found) -> Activation:
    """Above one threshold, which is -1 where training has not found it: a ReLU then."""
    return Activation("batchtopk", _k(found), found.tensor("threshold").clamp(min=0))


def _k(found: Found) -> int:
    return int(found.tensor("k"))


def _nested(found: Found) -> tuple[int, ...]:
    """Of the sizes of groups, how many latents they are together, one after the other."""
    if "group_sizes" not in found.tensors:
        return ()
    sizes = cast("list[float]", found.tensor("group_sizes").tolist())
    if not sizes or min(sizes) < 1:
        raise UsageError(f"{found.name} is damaged: its group sizes are {sizes}.")
    return tuple(accumulate(map(int, sizes)))
