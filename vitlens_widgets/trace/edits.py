"""Edits: changes made at a site during the forward pass.

`vit.trace(images, edits=[...])` applies them in the order given. Every edit chooses a site and one
or several layers, and may choose heads and tokens: an index, a slice, a list or a boolean mask
(for tokens also a `[row, col]` mask of the patches). `vitlens_widgets.models.sites` lists the sites
and their shapes.

>>> edits = vl.edits
>>> edits.Zero("z", 3, head=2)                       # switch a head off
>>> edits.Replace("z", 11, other_trace, head=4, token=0)  # patch one head's output at CLS
>>> edits.KnockOut(range(6), query=0, key=layout.patches)  # CLS may not look at the patches
>>> edits.DropTokens(mask)                           # remove patches from the sequence
>>> edits.Feature.neuron(4, 17, zero=True)           # switch a neuron off
>>> edits.Feature(sae, 3120, scale=4.0)              # turn a latent of an autoencoder up
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

from vitlens_widgets._lazy import refusal
from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.edit import Edit, TracedSites, short
from vitlens_widgets.trace.feature_edit import Feature
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.selection import Choice


@dataclass(frozen=True, repr=False, eq=False)
class Zero(Edit):
    """The chosen values become 0 (zero ablation)."""

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """Zeros."""
        return torch.zeros_like(value)


@dataclass(frozen=True, repr=False, eq=False)
class Scale(Edit):
    """The chosen values are multiplied by `factor`, broadcast to `[image, chosen, d]`."""

    factor: Tensor | float

    @property
    def operands(self) -> dict[str, Any]:
        """The factor."""
        return {"factor": self.factor}

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """The value times the factor."""
        return value * torch.as_tensor(self.factor).to(value)


@dataclass(frozen=True, repr=False, eq=False)
class Add(Edit):
    """`vector` is added to the chosen values (steering), broadcast to `[image, chosen, d]`."""

    vector: Tensor | float

    @property
    def operands(self) -> dict[str, Any]:
        """The vector."""
        return {"vector": self.vector}

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """The value plus the vector."""
        return value + torch.as_tensor(self.vector).to(value)


@dataclass(frozen=True, repr=False, eq=False)
class Replace(Edit):
    """The chosen values are replaced (activation patching).

    Args:
        by: A tensor that broadcasts to `[image, chosen, d]`, or another trace of the same model,
            of which the same site, layer, heads and tokens are taken.
    """

    by: Tensor | float | TracedSites

    @property
    def takes_sites(self) -> bool:
        """Whether the new values are those of another trace."""
        return not isinstance(self.by, (Tensor, float, int))

    @property
    def operands(self) -> dict[str, Any]:
        """The tensor, if it is one."""
        return {} if self.takes_sites else {"by": self.by}

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:
        """The tensor, or the other trace's values."""
        if isinstance(self.by, (Tensor, float, int)):
            new = torch.as_tensor(self.by)
        else:
            new = region.read(self.by[self.site, layer])
        return new.to(value).expand_as(value)


@dataclass(frozen=True, repr=False, eq=False)
class KnockOut(Edit):
    """Chosen queries may no longer attend to chosen keys.

    Args:
        layer: One block or several.
        when: `"scores"`: the scores become minus infinity, so that the softmax shares the weight
            among the other keys; `"pattern"`: the weights become 0 after the softmax.
        renormalise: With `when="pattern"`, whether the remaining weights of each row are scaled
            to sum to 1 again.

    Source:
        Before the softmax: Geva et al. (2023), section 5. After it, without renormalising:
        Vilas et al. (2023), section 5.1, as their code does it.
    """

    site: str = field(init=False, default="attn_scores")
    layer: int | Iterable[int]
    when: Literal["scores", "pattern"] = field(default="scores", kw_only=True)
    renormalise: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.when not in ("scores", "pattern"):
            raise UsageError(f'when must be "scores" or "pattern", not {self.when!r}.')
        if self.renormalise and self.when == "scores":
            raise UsageError('renormalise= goes with when="pattern"; the softmax does it anyway.')
        object.__setattr__(self, "site", "attn_scores" if self.when == "scores" else "pattern")

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """Minus infinity before the softmax, 0 after it."""
        return torch.full_like(value, -torch.inf if self.when == "scores" else 0.0)

    def apply(self, value: Tensor, layer: int, region: Region) -> Tensor:
        """See `Edit.apply`; renormalises the rows that were changed."""
        out = super().apply(value, layer, region)
        if not self.renormalise:
            return out
        rows = region.with_every_key(out.shape[-1])
        return rows.write(out, _summing_to_one(rows.read(out)))


@dataclass(frozen=True, eq=False)
class DropTokens:
    """Patches are removed from the sequence after the position embedding, before block 0.

    The sequence gets shorter, and attention, MLP and readout see only the patches that are left;
    `trace.tokens` tells which they are. Other edits go on naming tokens as in the whole sequence.

    Args:
        token: Which patches: an index, a slice, a list, a mask of the tokens, or a `[row, col]`
            mask of the patches. Prefix tokens stay.

    Source: Vilas et al. (2023), section 5.2, and their perturbation test.
    """

    token: Choice

    def __repr__(self) -> str:
        return f"DropTokens({short(self.token)})"


class PlacedEdit(NamedTuple):
    """An edit with its place in a run."""

    edit: Edit
    layers: tuple[int, ...]
    """The blocks it is made in."""
    region: Region
    """Where in the site's tensor."""

    def apply(self, value: Tensor, layer: int) -> Tensor:
        """See `Edit.apply`."""
        return self.edit.apply(value, layer, self.region)


AnyEdit = Edit | DropTokens
AnyPlacedEdit = PlacedEdit | DropTokens


def _summing_to_one(rows: Tensor) -> Tensor:
    total = rows.sum(-1, keepdim=True)
    return torch.where(total > 0, rows / total, rows)


def __dir__() -> list[str]:
    return __all__


__all__ = ["Add", "DropTokens", "Edit", "Feature", "KnockOut", "Replace", "Scale", "Zero"]

if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    __getattr__ = refusal(__name__, __all__, "vl.edits")
