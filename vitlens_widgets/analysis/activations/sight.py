"""Which values are looked at: a site's channels or an SAE's latents, of which blocks and tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, as_list, check_type
from vitlens_widgets.features import SAE
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import ATTENTION_SITES, check_index, check_site

_AT_ONCE = 2**25
"""Activations that are held together: of large SAEs not those of a whole batch."""


class Sight:
    """What is looked at.

    Args:
        vit: The model.
        site: The site; None for the SAE's own, or for `"mlp_post"` where there is no SAE.
        layers: The blocks; None for all, or for the SAE's own.
        sae: Whose latents are meant; None for the channels of the site.

    Attributes:
        layers: The blocks, in their order.
        site: The site.
        sae: On the model's device.
        tokens: Which tokens, int64: the patches, or those that an SAE of the readout reads.
        settings: In JSON's types, all that tells it from another.

    Raises:
        UsageError: An unknown site or block, one between tokens, an SAE of another model, or site
            or layers that are not the SAE's.
    """

    def __init__(
        self, vit: ViT, site: str | None, layers: Sequence[int] | None, sae: SAE | None
    ) -> None:
        self.vit = vit
        self.sae = None if sae is None else _checked(vit, sae, site, layers)
        self.site = _site(site) if sae is None else sae.site
        every = range(vit.n_layers) if layers is None else as_list("layers=", layers, "[0, 3]")
        chosen = {check_index("layer", layer, vit.n_layers) for layer in every}
        self.layers = sorted(chosen) if sae is None else [sae.layer]
        self.of_readout = sae is not None and sae.tokens == "readout"
        layout = vit.layout
        every_token = np.arange(layout.n_tokens)
        if sae is not None and self.of_readout:
            self.tokens = every_token[sae.where(vit)]
        else:
            self.tokens = every_token[layout.patches]

    @property
    def settings(self) -> dict[str, Any]:
        """All that tells it from another."""
        every = self.layers == list(range(self.vit.n_layers))
        found: dict[str, Any] = {"site": self.site, "layers": None if every else self.layers}
        if self.sae is None:
            return found | {"sae": None}
        return found | {"sae": self.sae.name, "weights of the sae": _digest(self.sae)}

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of a map; of the readout's tokens there is one row."""
        return (1, len(self.tokens)) if self.of_readout else self.vit.layout.grid

    @property
    def whose(self) -> str:
        """What the features are, to begin a sentence."""
        if self.sae is not None:
            return f"Latents of {self.sae.name}"
        return f"Channels of {self.site} of {self.vit.name}"

    def pieces(self, value: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """A block's activations, some images at a time: which, and `[image, token, feature]`.

        Args:
            value: The site, `[image, token, ...]`.
        """
        seen = value[:, int(self.tokens[0]) : int(self.tokens[-1]) + 1].flatten(2)
        if len(self.tokens) < seen.shape[1]:
            seen = seen[:, torch.from_numpy(self.tokens - self.tokens[0]).to(seen.device)]
        width = seen.shape[2] if self.sae is None else self.sae.n_latents
        step = max(1, _AT_ONCE // (seen.shape[1] * width))
        for first in range(0, len(seen), step):
            images = slice(first, min(first + step, len(seen)))
            some = seen[images]
            found = some if self.sae is None else self.sae.encode(some)
            yield images, found.float().cpu()


def _site(site: str | None) -> str:
    name = check_site("mlp_post" if site is None else site)
    if name in ATTENTION_SITES:
        raise UsageError(
            f'"{name}" is between two tokens, and activations are of one; "pattern" is what '
            "vl.analysis.heads.statistics looks at."
        )
    return name


def _checked(vit: ViT, sae: SAE, site: str | None, layers: Sequence[int] | None) -> SAE:
    check_type("sae=", sae, SAE, 'an SAE, such as vl.load_sae("my_sae.safetensors")')
    sae.check(vit)
    if site not in (None, sae.site) or (layers is not None and list(layers) != [sae.layer]):
        raise UsageError(
            f"This SAE is of {sae.site} in block {sae.layer}; leave site= and layers= out."
        )
    return sae.to(vit.device)


def _digest(sae: SAE) -> str:
    """By which all that its latents depend on is known again."""
    found = hashlib.sha256(str((sae, sae.subtracts_bias, sae.scaling.kind)).encode())
    scaling = sae.scaling.shift, sae.scaling.factor
    weights = sae.encoder, sae.encoder_bias, sae.decoder, sae.decoder_bias
    for part in (*weights, sae.activation.threshold, *scaling):
        found.update(b"none" if part is None else part.cpu().numpy().tobytes())
    return found.hexdigest()
