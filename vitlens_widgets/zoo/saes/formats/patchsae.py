"""PatchSAE: a file of torch with the state dict and, as an object, the settings.

Source: the repository dynamical-inference/patchsae (`tasks.utils.load_sae`, ViTSAERunnerConfig),
whose code goes back to HugoFry/mats_sae_training_for_ViTs. The encoder reads `x - b_dec`.
"""

from __future__ import annotations

from typing import Any

from vitlens_widgets.errors import UsageError, whole_number
from vitlens_widgets.features import Activation, Scaling
from vitlens_widgets.zoo.saes.format import ReadSAE, SAEFormat, by_columns, refuse_kind
from vitlens_widgets.zoo.saes.found import Found

_OTHERS = ("gated_sae", "topk_sae", "jumprelu_sae", "matryoshka_sae")
_TOKENS: dict[Any, str] = {
    True: "readout",
    "only": "readout",
    False: "all",
    None: "all",
    "include": "all",
    "exclude": "patches",
}


class PatchSAE(SAEFormat):
    """One file; its block may be counted from the last."""

    name = "PatchSAE"

    def takes(self, found: Found) -> bool:
        """Whether its settings are PatchSAE's."""
        return "block_layer" in found.said

    def parts(self, found: Found) -> ReadSAE:
        """See `SAEFormat`."""
        said = found.said
        for kind in _OTHERS:
            if said.get(kind):
                raise refuse_kind(found, f'sparse autoencoder with "{kind}"')
        layer = whole_number(said["block_layer"])
        if layer is None:
            raise UsageError(f"{found.name} is damaged: its block is {said['block_layer']!r}.")
        tokens = said.get("class_token")
        return ReadSAE(
            by_columns(found),
            Activation(),
            Scaling(),
            subtracts_bias=True,
            site="resid_post" if said.get("module_name") == "resid" else None,
            layer=layer,
            tokens=_TOKENS.get(tokens) if isinstance(tokens, (str, bool, type(None))) else None,
            model=str(said.get("model_name", "")),
        )
