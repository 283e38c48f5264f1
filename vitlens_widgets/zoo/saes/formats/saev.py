"""saev: a line of JSON, then a state dict by torch.

Source: the repository OSU-NLP-Group/saev, `saev.nn` (schemas 1 to 5 and what came before them). Its
encoder subtracts no bias. Its TopK keeps the k largest, whatever their sign; its BatchTopK, which
until schema 2 kept k a token, later uses a threshold that training stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.features import Activation, Scaling
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.zoo.saes.format import (
    ReadSAE,
    SAEFormat,
    by_columns,
    said_choice,
    said_count,
)
from vitlens_widgets.zoo.saes.found import Found

_SCHEMAS = (None, 1, 2, 3, 4, 5)
_KINDS = ("Relu", "TopK", "BatchTopK")


class Saev(SAEFormat):
    """A file with a header; site, layer and tokens are not in it.

    Nor is the mean and the scale that some were trained with, by which the data were scaled before.
    """

    name = "saev"

    def takes(self, found: Found) -> bool:
        """Whether a header stands before the weights."""
        return found.has_header

    def parts(self, found: Found) -> ReadSAE:
        """See `SAEFormat`."""
        schema = found.said.get("schema")
        if schema not in _SCHEMAS:
            raise UsageError(
                f"{found.name} is of saev's schema {schema!r}; read are those up to {_SCHEMAS[-1]}."
            )
        kind, words = _activation(found.said, schema)
        said_choice(found, "the activation", kind, _KINDS)
        return ReadSAE(
            by_columns(found), _as_ours(found, kind, words), Scaling(), subtracts_bias=False
        )


def _activation(said: Mapping[str, Any], schema: int | None) -> tuple[Any, Mapping[str, Any]]:
    """The class of the activation, and its settings.

    Schema 1 has two forms: the class stands beside the configuration or within it.
    """
    if schema is None:
        return "Relu", {}
    cfg = _dict(said, "cfg")
    if schema == 1 and said.get("cls") in _KINDS:
        return said["cls"], cfg
    activation = _dict(cfg, "activation")
    return activation.get("cls", "Relu"), _dict(activation, "params")


def _dict(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The dict of this name, which is empty where there is none."""
    found: Any = said.get(name)
    return found if is_mapping(found) else {}


def _as_ours(found: Found, kind: str, words: Mapping[str, Any]) -> Activation:
    if kind == "Relu":
        return Activation()
    k = said_count(found, "top_k", words.get("top_k", 32))
    if kind == "BatchTopK" and "activation.threshold" in found.tensors:
        threshold = found.tensor("activation.threshold").clamp(min=0)
        return Activation("batchtopk", k, threshold)
    return Activation("topk", k, keeps_negative=True)
