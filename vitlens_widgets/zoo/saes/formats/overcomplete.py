"""overcomplete: the state dict of a module; the module itself is pickled there, and not read.

Source: the repository KempnerInstitute/overcomplete, `overcomplete.sae` (base, modules, dictionary,
topk_sae, batchtopk_sae, jump_sae). A state dict tells the thresholds of JumpReLU, and nothing else
of the activation, of the site or of the layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.features import Activation, Scaling
from vitlens_widgets.zoo.saes.format import ReadSAE, SAEFormat, refuse_kind
from vitlens_widgets.zoo.saes.found import Found

_DICTIONARIES = ("dictionary._weights", "dictionary.dictionary")
_LAYERS = ("encoder.final_block", "encoder")
_SMALL = 1e-5
"""What BatchNorm adds to a variance."""
_NEARLY = 0.1
"""How far a length may be from 1 for a row that one step of training has moved from it."""


class Overcomplete(SAEFormat):
    """A state dict with a linear encoder, which a BatchNorm may follow."""

    name = "overcomplete"

    def takes(self, found: Found) -> bool:
        """Whether it has a dictionary."""
        return any(name.startswith("dictionary.") for name in found.tensors)

    def parts(self, found: Found) -> ReadSAE:
        """See `SAEFormat`."""
        weight, bias = self._encoder(found)
        decoder = self._directions(found)
        tensors: dict[str, Tensor] = {
            "encoder": weight,
            "encoder_bias": bias,
            "decoder": decoder,
            "decoder_bias": decoder.new_zeros(decoder.shape[1]),
        }
        activation = None
        if "thresholds" in found.tensors:
            activation = Activation(
                "jumprelu", threshold=_from_on(found.tensor("thresholds").exp())
            )
        return ReadSAE(tensors, activation, Scaling(), subtracts_bias=False)

    def _encoder(self, found: Found) -> tuple[Tensor, Tensor]:
        """Weight `[latent, d]` and bias of the encoder, with its BatchNorm in them."""
        own = [name for name in found.tensors if name.startswith("encoder.")]
        at = next((at for at in _LAYERS if f"{at}.0.weight" in found.tensors), "")
        if not at or any(not name.startswith((f"{at}.0.", f"{at}.1.")) for name in own):
            raise refuse_kind(found, "sparse autoencoder with an encoder of several layers")
        weight, bias = found.tensor(f"{at}.0.weight"), found.tensor(f"{at}.0.bias")
        if not any(name.startswith(f"{at}.1.") for name in own):
            return weight, bias
        if f"{at}.1.running_var" not in found.tensors:
            raise refuse_kind(found, "sparse autoencoder whose encoder ends in a LayerNorm")
        spread = (found.tensor(f"{at}.1.running_var") + _SMALL).sqrt()
        factor = found.tensor(f"{at}.1.weight") / spread
        shift = found.tensor(f"{at}.1.bias")
        bias = (bias - found.tensor(f"{at}.1.running_mean")) * factor + shift
        return weight * factor[:, None], bias

    def _directions(self, found: Found) -> Tensor:
        """The rows of the dictionary, of length 1 where they nearly are, times its multiplier."""
        at = next((name for name in _DICTIONARIES if name in found.tensors), None)
        if at is None:
            raise refuse_kind(found, "sparse autoencoder with a dictionary made of examples")
        rows = found.tensor(at)
        lengths = rows.square().sum(1, keepdim=True).sqrt()
        if at == _DICTIONARIES[0] and bool(((lengths - 1).abs() <= _NEARLY).all()):
            rows = rows / (lengths + 1e-8)  # training divides before each use, not after each step
        multiplier = "dictionary.multiplier"
        return rows * found.tensor(multiplier).exp() if multiplier in found.tensors else rows


def _from_on(threshold: Tensor) -> Tensor:
    """The largest number below a threshold: overcomplete keeps what is as large as it."""
    return torch.nextafter(threshold, threshold.new_zeros(()))
