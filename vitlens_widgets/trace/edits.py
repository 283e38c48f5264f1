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
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.region import Region, region_of
from vitlens_widgets.trace.selection import Choice, indices
from vitlens_widgets.trace.sites import check_site

if TYPE_CHECKING:
    from vitlens_widgets.trace.context import Context
    from vitlens_widgets.trace.trace import Trace


@dataclass(frozen=True, repr=False, eq=False)
class Edit(ABC):
    """A change at one site; use one of its subclasses.

    A state is one thing under two names: an edit at `resid_pre` of block k changes state k, which
    is also `resid_post` of block k - 1.

    Args:
        site: The site's name.
        layer: One block or several, counted from 0.
        head: Which heads, at `q k v z attn_scores pattern`.
        token: Which tokens, at every other site and at `q k v z`.
        query: Which rows, at `attn_scores pattern`.
        key: Which columns, at `attn_scores pattern`.
    """

    site: str
    layer: int | Iterable[int]
    head: Choice = field(default=None, kw_only=True)
    token: Choice = field(default=None, kw_only=True)
    query: Choice = field(default=None, kw_only=True)
    key: Choice = field(default=None, kw_only=True)

    @abstractmethod
    def changed(self, value: Tensor, layer: int, context: Context) -> Tensor:
        """What stands in the chosen region instead of `value` `[image, chosen..., d]`."""

    def layers(self, context: Context) -> list[int]:
        """The layers this edit is about.

        Raises:
            UsageError: A layer out of range.
        """
        return indices("layer", self.layer, context.vit.n_layers).tolist()

    def region(self, context: Context) -> Region:
        """Where in the site's tensor this edit is.

        Raises:
            UsageError: A choice that this site does not have, or that is out of range.
        """
        return region_of(self, context)

    def check(self, context: Context) -> None:
        """Refuse, before the model runs, an edit that does not fit this model or these images.

        Raises:
            UsageError: What does not fit.
        """
        check_site(self.site)
        self.layers(context)
        self.region(context)

    def apply(self, value: Tensor, layer: int, context: Context) -> Tensor:
        """The site's whole value with this edit made; `value` itself is left as it is."""
        region = self.region(context)
        new = self.changed(region.read(value), layer, context)
        return region.write(value, new.to(value))

    def __repr__(self) -> str:
        said = [f"{f.name}={_short(getattr(self, f.name))}" for f in fields(self) if self._says(f)]
        return f"{type(self).__name__}({', '.join(said)})"

    def _says(self, f: object) -> bool:
        return getattr(self, f.name) is not None


@dataclass(frozen=True, repr=False, eq=False)
class Zero(Edit):
    """The chosen values become 0 (zero ablation)."""

    def changed(self, value: Tensor, layer: int, context: Context) -> Tensor:  # noqa: ARG002
        """Zeros."""
        return torch.zeros_like(value)


@dataclass(frozen=True, repr=False, eq=False)
class Scale(Edit):
    """The chosen values are multiplied by `factor`, broadcast to `[image, chosen, d]`."""

    factor: Tensor | float

    def check(self, context: Context) -> None:
        """See `Edit.check`; the factor must broadcast to the chosen region."""
        super().check(context)
        context.check_fits(self, "factor", self.factor)

    def changed(self, value: Tensor, layer: int, context: Context) -> Tensor:  # noqa: ARG002
        """The value times the factor."""
        return value * torch.as_tensor(self.factor).to(value)


@dataclass(frozen=True, repr=False, eq=False)
class Add(Edit):
    """`vector` is added to the chosen values (steering), broadcast to `[image, chosen, d]`."""

    vector: Tensor | float

    def check(self, context: Context) -> None:
        """See `Edit.check`; the vector must broadcast to the chosen region."""
        super().check(context)
        context.check_fits(self, "vector", self.vector)

    def changed(self, value: Tensor, layer: int, context: Context) -> Tensor:  # noqa: ARG002
        """The value plus the vector."""
        return value + torch.as_tensor(self.vector).to(value)


@dataclass(frozen=True, repr=False, eq=False)
class Replace(Edit):
    """The chosen values are replaced (activation patching).

    Args:
        by: A tensor that broadcasts to `[image, chosen, d]`, or another trace of the same model,
            of which the same site, layer, heads and tokens are taken.
    """

    by: Tensor | Trace

    def check(self, context: Context) -> None:
        """See `Edit.check`; a trace must be of this model, layout and number of images."""
        super().check(context)
        if isinstance(self.by, (Tensor, float, int)):
            context.check_fits(self, "by", self.by)
        else:
            context.check_same(self.by)

    def changed(self, value: Tensor, layer: int, context: Context) -> Tensor:
        """The tensor, or the other trace's values."""
        if isinstance(self.by, (Tensor, float, int)):
            new = torch.as_tensor(self.by)
        else:
            new = self.region(context).read(self.by[self.site, layer])
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

    def check(self, context: Context) -> None:
        """See `Edit.check`; a softmax needs one key that is left."""
        super().check(context)
        if self.when == "scores" and len(self.region(context).chosen[-1]) == len(context.kept):
            raise UsageError(
                f"{self!r} leaves its queries no key to attend to; knock out fewer keys, or use "
                'when="pattern".'
            )

    def changed(self, value: Tensor, layer: int, context: Context) -> Tensor:  # noqa: ARG002
        """Minus infinity before the softmax, 0 after it."""
        return torch.full_like(value, -torch.inf if self.when == "scores" else 0.0)

    def apply(self, value: Tensor, layer: int, context: Context) -> Tensor:
        """See `Edit.apply`; renormalises the rows that were changed."""
        out = super().apply(value, layer, context)
        if not self.renormalise:
            return out
        rows = self.region(context).with_every_key(out.shape[-1])
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
        return f"DropTokens({_short(self.token)})"


def _summing_to_one(rows: Tensor) -> Tensor:
    total = rows.sum(-1, keepdim=True)
    return torch.where(total > 0, rows / total, rows)


def _short(value: object) -> str:
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        return f"{type(value).__name__}{list(value.shape)}"
    return repr(value)


def __dir__() -> list[str]:
    return __all__


__all__ = ["Add", "DropTokens", "Edit", "KnockOut", "Replace", "Scale", "Zero"]
