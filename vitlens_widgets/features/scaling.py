"""`Scaling`: what a sparse autoencoder does to a site's values before its encoder reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice

ScalingKind = Literal["none", "constant", "layer norm", "norm"]


class Rescaling(NamedTuple):
    """`(x - shift) / factor` is read, and `y * back + shift` is what comes back.

    Attributes:
        shift: Of each token or of all, `[..., d]`, `[..., 1]` or `[]`.
        factor: The same.
        back: The same; the factor, but for what keeps a division from one by 0.
    """

    shift: Tensor
    factor: Tensor
    back: Tensor


@dataclass(frozen=True, eq=False)
class Scaling:
    """How a site's values are scaled before they are encoded, which is undone after decoding.

    Args:
        kind: `"none"`; `"constant"`: minus `shift`, over `factor`, the same for all tokens;
            `"layer norm"`: each token minus its mean, over its standard deviation (that of a
            sample: d - 1) plus 1e-5, and times it without the 1e-5 afterwards; `"norm"`: each
            token at a length of the root of d.
        shift: Of `"constant"`: `[d]` or one number; None for 0.
        factor: Of `"constant"`: `[d]` or one number, above 0; None for 1.

    Raises:
        UsageError: It is another kind, or a factor is not above 0.
    """

    kind: ScalingKind = "none"
    shift: Tensor | None = None
    factor: Tensor | None = None

    def __post_init__(self) -> None:
        check_choice("The scaling of an SAE", self.kind, ("none", "constant", "layer norm", "norm"))
        if self.factor is not None and not bool((self.factor > 0).all()):
            raise UsageError("The factor that an SAE's input is divided by must be above 0.")

    @property
    def is_of_each_token(self) -> bool:
        """Whether each token is scaled by numbers of its own."""
        return self.kind in ("layer norm", "norm")

    def of(self, x: Tensor) -> Rescaling:
        """By how much these tokens `[..., d]` are scaled."""
        if self.kind == "layer norm":
            spread = x.std(-1, keepdim=True)
            return Rescaling(x.mean(-1, keepdim=True), spread + 1e-5, spread)
        if self.kind == "norm":
            factor = x.square().mean(-1, keepdim=True).sqrt()
            return Rescaling(x.new_zeros(()), factor, factor)
        return self.constant(x)

    def constant(self, like: Tensor) -> Rescaling:
        """By how much all tokens are scaled where it is the same for all: else not at all."""
        shift = like.new_zeros(()) if self.shift is None else self.shift.to(like)
        factor = like.new_ones(()) if self.factor is None else self.factor.to(like)
        return Rescaling(shift, factor, factor)

    def to(self, device: torch.device) -> Scaling:
        """The same on a device."""
        moved = [None if one is None else one.to(device) for one in (self.shift, self.factor)]
        return replace(self, shift=moved[0], factor=moved[1])
