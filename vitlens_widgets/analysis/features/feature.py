"""`Chosen`: a feature that is asked about, and the vectors that features write to the stream."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError, check_type
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.edits import Feature
from vitlens_widgets.trace.feature_edit import NEURONS, Latents, latents_of
from vitlens_widgets.trace.frozen_branch import ADDED
from vitlens_widgets.trace.rounding import tolerance_of
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.unit_writes import unit_writes
from vitlens_widgets.trace.vit import check_vit

STREAM = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
"""Sites whose vectors are the stream's own."""


@dataclass(frozen=True)
class FeatureSet:
    """All neurons of a block, or all latents of a sparse autoencoder.

    Args:
        vit: The model.
        layer: The block.
        sae: The autoencoder; None for neurons.

    Raises:
        UsageError: No such block, no autoencoder, or one of another model or block.
    """

    vit: BaseViT
    layer: int
    sae: Latents | None = None

    def __post_init__(self) -> None:
        check_vit(self.vit, "What a feature writes")
        layer = check_index("layer", self.layer, self.vit.n_layers)
        if self.sae is None:
            return
        check_type("sae=", self.sae, Latents, "a sparse autoencoder, such as vl.load_sae(...)")
        self.sae.check(self.vit)
        if layer != self.sae.layer:
            raise UsageError(
                f"This sparse autoencoder is of block {self.sae.layer}, and layer={layer} was "
                "asked for."
            )

    @property
    def site(self) -> str:
        """Where they are."""
        return NEURONS if self.sae is None else self.sae.site

    @property
    def readers(self) -> range:
        """The blocks whose heads read what they write."""
        return range(self.layer + (self.site != "resid_pre"), self.vit.n_layers)

    def count(self, trace: BaseTrace) -> int:
        """How many there are."""
        if self.sae is not None:
            return self.sae.n_latents
        return prod(trace._context.shape(NEURONS, self.layer)[2:])  # pyright: ignore[reportPrivateUsage]

    def check(self, index: int, trace: BaseTrace) -> int:
        """The number of a feature, if there is one.

        Raises:
            UsageError: There is none.
        """
        return check_index("feature", index, self.count(trace))

    def named(self, index: int) -> str:
        """What people call one: `neuron 17 of block 3`."""
        if self.sae is None:
            return f"neuron {index} of block {self.layer}"
        return f"latent {index} of {self.site} in block {self.layer}"

    def edit(self, index: int, **words: Any) -> Feature:
        """The edit that changes one."""
        if self.sae is None:
            return Feature.neuron(self.layer, index, **words)
        return Feature(self.sae, index, **words)

    @clean
    @torch.no_grad()
    def activations(self, trace: Trace, index: Tensor) -> Tensor:
        """How much some of them fire in a run, float32 or finer `[image, token, index]`.

        Where an autoencoder is for some tokens alone, the numbers of others are 0.
        """
        site = trace[self.site, self.layer].detach().flatten(2)
        if self.sae is None:
            fine = torch.promote_types(site.dtype, torch.float32)
            return site[..., index.to(site.device)].to(fine)
        found = latents_of(self.sae, site, index)
        (tokens,) = self._region(trace)
        outside = torch.ones(found.shape[1], dtype=torch.bool)
        outside[tokens] = False
        found[:, outside] = 0
        return found

    def _region(self, trace: Trace) -> tuple[Tensor, ...]:
        """The positions of the tokens that they are of."""
        choices = self.edit(0, zero=True).choices_in(trace._context)  # pyright: ignore[reportPrivateUsage]
        return (trace._context.positions("token", choices["token"]),)  # pyright: ignore[reportPrivateUsage]

    @clean
    @torch.no_grad()
    def vectors(self, trace: BaseTrace, index: Tensor | None = None) -> Tensor:
        """What one unit of each of some adds to the stream, float32 `[index, d]`.

        From the weights alone, layer scale included: the run only lends its blocks.

        Args:
            trace: A run of the model.
            index: Which; None for all.

        Raises:
            UnsupportedModelError: It is no fixed vector: something that is not linear stands
                between.
        """
        every = torch.arange(self.count(trace)) if index is None else index
        if self.sae is None:
            units = torch.nn.functional.one_hot(every, self.count(trace)).float()
        else:
            units = self.sae.directions[every.to(self.sae.device)]
        if self.site in STREAM:
            return units.float().cpu()
        added = ADDED.get(self.site)
        if added is not None:
            shape = trace._context.shape(self.site, self.layer)[2:]  # pyright: ignore[reportPrivateUsage]
            found = unit_writes(trace, self.layer, self.site, added, units.view(-1, *shape))
            if found.off <= tolerance_of(found.weight.dtype):
                return found.weight.float().cpu()
        raise UnsupportedModelError(
            f"What features of {self.site} in block {self.layer} of {self.vit.name} write is no "
            "fixed vector: something that is not linear stands between them and the stream. "
            "vl.analysis.features.turned runs the model with one turned, whatever stands there."
        )


def reference_run(vit: ViT) -> Trace:
    """A run on grey, for what is asked of the weights alone."""
    like = next(vit.model.parameters())
    pixels = like.new_zeros(1, vit.adapter.n_channels, *vit.image_size)
    return vit.trace(pixels, preprocessed=True)


def random_directions(n: int, width: int, seed: int) -> Tensor:
    """Directions of length 1 drawn from all alike, float32 `[n, width]`."""
    drawn = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(drawn, dim=-1)


def vectors(vit: ViT, layer: int, sae: Latents | None = None) -> np.ndarray:
    """What 1 of each feature of a block adds to the residual stream, from the weights alone.

    Args:
        vit: The model.
        layer: The block.
        sae: A sparse autoencoder, of that block, whose latents are meant; None for the neurons.

    Returns:
        Float32 `[feature, d]`.

    Raises:
        UsageError: No such block, or an autoencoder of another model.
        UnsupportedModelError: What the features write is no fixed vector.

    Example:
        >>> np.linalg.norm(vl.analysis.features.vectors(vit, 4), axis=-1)  # how long each is
    """
    return FeatureSet(vit, layer, sae).vectors(reference_run(vit)).numpy()
