"""SAELens: a folder of `sae_weights.safetensors` and `cfg.json`.

Source: the repository jbloomAus/SAELens, `sae_lens.saes` (standard, topk, jumprelu) and
`sae_lens.loading` for the settings of versions before 6. BatchTopK and Matryoshka are saved there
as jumprelu. Of tokens it says nothing: it was made for texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.features import Activation
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.zoo.saes.format import (
    SCALINGS,
    ReadSAE,
    SAEFormat,
    by_columns,
    hook_point,
    refuse_kind,
    relu_or_topk,
    said_count,
    with_unit_directions,
)
from vitlens_widgets.zoo.saes.found import Found

_FACTORS = ("finetuning_scaling_factor", "scaling_factor")


class SAELens(SAEFormat):
    """A folder."""

    name = "SAELens"

    def takes(self, found: Found) -> bool:
        """Whether its settings have SAELens' sizes."""
        return "d_sae" in found.said and "d_in" in found.said

    def parts(self, found: Found) -> ReadSAE:
        """See `SAEFormat`."""
        said = found.said
        metadata = said.get("metadata")
        noted: Mapping[str, Any] = metadata if is_mapping(metadata) else said
        self._refuse_others(found, noted)
        activation = self._activation(found)
        tensors: dict[str, Tensor] = self._finetuned(found, by_columns(found))
        if said.get("rescale_acts_by_decoder_norm"):
            tensors, activation = with_unit_directions(tensors, activation)
        hook = noted.get("hook_name", noted.get("hook_point"))
        site, layer = hook_point(found, hook)
        return ReadSAE(
            tensors,
            activation,
            SCALINGS.get(said.get("normalize_activations", "none")),
            subtracts_bias=bool(said.get("apply_b_dec_to_input", True)),
            site=site,
            layer=layer,
            model=str(noted.get("model_name") or ""),
        )

    def _refuse_others(self, found: Found, noted: Mapping[str, Any]) -> None:
        """Raise for what is computed otherwise."""
        kind = found.said.get("architecture", "standard")
        if kind not in _KINDS:
            raise refuse_kind(found, f"sparse autoencoder of the architecture {kind!r}")
        by_head = found.said.get("reshape_activations", "none") != "none"
        if by_head or noted.get("hook_head_index", noted.get("hook_point_head_index")) is not None:
            raise refuse_kind(found, "sparse autoencoder of single heads")

    def _activation(self, found: Found) -> Activation:
        return _KINDS[found.said.get("architecture", "standard")](found)

    def _finetuned(self, found: Found, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """With decoder rows times the factors that fine-tuning has found."""
        factors = [found.tensor(name) for name in _FACTORS if name in found.tensors]
        if not factors or bool((factors[0] == 1).all()):
            return tensors
        if not found.said.get("finetuning_scaling_factor"):
            raise UsageError(
                f"{found.name} has scaling factors, and its settings do not say whether they are "
                "used; load and save it by a newer SAELens."
            )
        return {**tensors, "decoder": tensors["decoder"] * factors[0][:, None]}


def _topk(found: Found) -> Activation:
    return Activation("topk", said_count(found, "k", found.said.get("k")))


def _jumprelu(found: Found) -> Activation:
    return Activation("jumprelu", threshold=found.tensor("threshold").clamp(min=0))


_KINDS: dict[str, Callable[[Found], Activation]] = {
    "standard": relu_or_topk,  # versions before 6 had TopK as an activation of it
    "topk": _topk,
    "jumprelu": _jumprelu,
}
