"""`BaseSAE`: what a sparse autoencoder of one site of a model is, and what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vitlens_widgets.errors import (
    UsageError,
    check_choice,
    check_count,
    check_flag,
    check_type,
)
from vitlens_widgets.features.activation import Activation
from vitlens_widgets.features.known import check_model
from vitlens_widgets.features.scaling import Scaling
from vitlens_widgets.models.sites import SITES
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.feature_edit import AT_ONCE, applied_tokens

if TYPE_CHECKING:
    from typing_extensions import Self

Tokens = Literal["all", "patches", "readout"]
"""Which tokens an SAE was trained on, and is applied to."""

_PER_HEAD = ("q", "k", "v", "z", "attn_scores", "pattern")
READS = tuple(site for site in SITES if site not in _PER_HEAD)
"""Sites that have one vector a token."""


@dataclass(frozen=True, eq=False, repr=False)
class BaseSAE:
    """As `SAE`, which says what is meant by its arguments."""

    site: str
    layer: int
    tokens: Tokens
    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    activation: Activation = field(default_factory=Activation)
    scaling: Scaling = field(default_factory=Scaling)
    subtracts_bias: bool = False
    nested: tuple[int, ...] = ()
    card: Mapping[str, object] = field(default_factory=dict[str, object])
    name: str = "SAE"
    model: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        check_choice("site of an SAE", self.site, READS)
        check_count("layer of an SAE", self.layer, least=0)
        check_choice("tokens of an SAE", self.tokens, ("all", "patches", "readout"))
        check_flag("subtracts_bias of an SAE", self.subtracts_bias)
        check_type("activation of an SAE", self.activation, Activation, 'Activation("topk", k=32)')
        check_type("scaling of an SAE", self.scaling, Scaling, 'Scaling("layer norm")')
        self._check_tensors()
        self._check_nested()
        for name in ("card", "seen"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    def _check_tensors(self) -> None:
        n_latents, width = self.decoder.shape if self.decoder.ndim == 2 else (0, 0)
        wanted = {
            "encoder": (n_latents, width),
            "encoder_bias": (n_latents,),
            "decoder": (n_latents, width),
            "decoder_bias": (width,),
        }
        for name, shape in wanted.items():
            tensor = getattr(self, name)
            if tensor.shape != shape or not n_latents:
                raise UsageError(
                    f"{name} of an SAE is {list(tensor.shape)}, and should be {list(shape)}, as "
                    "its decoder is [latent, d]."
                )
            if not tensor.isfinite().all():
                raise UsageError(f"{name} of an SAE has numbers that are not finite.")
            object.__setattr__(self, name, tensor.detach().float().contiguous())

    def _check_nested(self) -> None:
        rising = list(self.nested) == sorted(set(self.nested))
        if self.nested and not (rising and self.nested[-1] == self.n_latents):
            raise UsageError(
                f"nested of an SAE are rising numbers of latents, the last one of them all, "
                f"{self.n_latents}; {list(self.nested)} are not."
            )

    @property
    def width(self) -> int:
        """The width d of the site."""
        return self.decoder.shape[1]

    @property
    def n_latents(self) -> int:
        """How many latents there are."""
        return self.decoder.shape[0]

    @property
    def device(self) -> torch.device:
        """Where its tensors are."""
        return self.decoder.device

    @property
    def directions(self) -> Tensor:
        """What one unit of each latent adds to the site, float32 `[latent, d]`.

        A constant scaling is undone. Where each token is scaled by numbers of its own, they are in
        scaled units: `adds` has them at given tokens.
        """
        return self._directions

    @cached_property
    def _directions(self) -> Tensor:
        return self.decoder * self.scaling.constant(self.decoder).back

    def encode(self, x: Tensor) -> Tensor:
        """Latents of tokens, float32 `[..., latent]`, 0 or more (but see `keeps_negative`).

        Args:
            x: The site's values, `[..., d]`, on the SAE's device.

        Raises:
            UsageError: The last axis is not the site's width.
        """
        rows = self._rows(x)
        latents = rows.new_empty(len(rows), self.n_latents)
        step = max(1, AT_ONCE // (4 * self.n_latents))
        for first in range(0, len(rows), step):
            latents[first : first + step] = self._encoded(rows[first : first + step])
        return latents.view(*x.shape[:-1], self.n_latents)

    def _encoded(self, rows: Tensor) -> Tensor:
        scale = self.scaling.of(rows)
        read = (rows - scale.shift) / scale.factor
        read = read - self.decoder_bias if self.subtracts_bias else read
        return self.activation(functional.linear(read, self.encoder, self.encoder_bias))

    def decode(self, latents: Tensor, x: Tensor | None = None, n: int | None = None) -> Tensor:
        """The site's values that latents stand for, float32 `[..., d]`.

        Args:
            latents: `[..., latent]`.
            x: What they were encoded from, `[..., d]`: asked for where each token is scaled by
                numbers of its own.
            n: With the first n latents alone, as a Matryoshka SAE (`nested`) is read; None for all.

        Raises:
            UsageError: A shape does not fit, or x is missing.
        """
        if latents.shape[-1:] != (self.n_latents,):
            raise UsageError(
                f"This SAE decodes [..., latent] with {self.n_latents} latents, not "
                f"{list(latents.shape)}."
            )
        n = self.n_latents if n is None else check_count("n", n, 1, self.n_latents)
        back = latents[..., :n].float() @ self.decoder[:n] + self.decoder_bias
        scale = self.scaling.of(self._given(x, back))
        return back * scale.back + scale.shift

    def reconstruct(self, x: Tensor, n: int | None = None) -> Tensor:
        """What is left of tokens `[..., d]` after encoding and decoding them, float32."""
        return self.decode(self.encode(x), x, n)

    def adds(self, change: Tensor, x: Tensor | None = None, index: Tensor | None = None) -> Tensor:
        """What a change of latents `[..., latent]` adds to the site, float32 `[..., d]`.

        Args:
            change: Of latents.
            x: As for `decode`.
            index: Of which latents, int64 `[latent]`; None for all in order.
        """
        added = change.float() @ (self.decoder if index is None else self.decoder[index])
        return added * self.scaling.of(self._given(x, added)).back

    def _given(self, x: Tensor | None, like: Tensor) -> Tensor:
        """What latents were encoded from, where scaling depends on it."""
        if not self.scaling.is_of_each_token:
            return like
        if x is None:
            raise UsageError(
                "This SAE scales each token by numbers of its own: give decode what the latents "
                "were encoded from, sae.decode(latents, x), or call sae.reconstruct(x)."
            )
        return self._rows(x).view(x.shape)

    def _rows(self, x: Tensor) -> Tensor:
        if x.shape[-1:] != (self.width,):
            raise UsageError(
                f"This SAE reads [..., d] with d = {self.width}, not {list(x.shape)}; it is of "
                f"{self.site} in block {self.layer}."
            )
        return x.reshape(-1, self.width).float()

    def to(self, device: torch.device | str) -> Self:
        """The same on a device."""
        there = torch.device(device)
        names = ("encoder", "encoder_bias", "decoder", "decoder_bias", "activation", "scaling")
        return replace(self, **{name: getattr(self, name).to(there) for name in names})

    def check(self, vit: ViT) -> None:
        """Refuse a model that this SAE cannot be of.

        Raises:
            UsageError: It has no such layer, the site has another width, the layout no such
                tokens; or the SAE knows its model (`made_for`), and this is another up to there.
        """
        check_model(self, vit)

    def where(self, vit: ViT) -> np.ndarray:
        """Which tokens it is applied to, by the model's own layout, bool `[token]`.

        Raises:
            UsageError: The SAE is of what a model's classifier reads, and this one's reads patches.
        """
        layout = vit.adapter.layout()
        found = np.zeros(layout.n_tokens, dtype=bool)
        found[applied_tokens(vit, layout, self.tokens)] = True
        return found

    def __repr__(self) -> str:
        where = f"{self.site} in block {self.layer}, {self.tokens} tokens, d = {self.width}"
        of = f"{self.n_latents:,} latents of {where}, {self.activation}"
        return f"{type(self).__name__}({self.name}: {of})"
