"""`Feature`: the edit of single features, which are neurons or latents of a sparse autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_flag, check_type, said
from vitlens_widgets.models import BaseViT, TokenLayout
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edit import Edit, short
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.selection import Choice, indices, tokens

NEURONS = "mlp_post"
"""The site whose channels are the neurons."""

AT_ONCE = 64 * 2**20
"""Bytes of latents that are looked at together."""

Applied = Literal["all", "patches", "readout"]
"""Which tokens latents are of."""


@runtime_checkable
class Latents(Protocol):
    """What is asked of a sparse autoencoder."""

    @property
    def site(self) -> str:
        """Of which site of a block."""
        ...

    @property
    def layer(self) -> int:
        """Of which block."""
        ...

    @property
    def tokens(self) -> Applied:
        """Of which tokens."""
        ...

    @property
    def n_latents(self) -> int:
        """How many latents there are."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its tensors are."""
        ...

    @property
    def directions(self) -> Tensor:
        """What one unit of each latent adds to the site, `[latent, width]`."""
        ...

    def encode(self, x: Tensor) -> Tensor:
        """`[..., width]` to `[..., latent]`."""
        ...

    def adds(self, change: Tensor, x: Tensor | None = None, index: Tensor | None = None) -> Tensor:
        """What a change of latents `[..., index]` of tokens x adds to the site, `[..., width]`."""
        ...

    def check(self, vit: Any) -> None:
        """Refuse a model that it does not fit.

        Raises:
            UsageError: It does not.
        """
        ...


@dataclass(frozen=True, repr=False, eq=False, init=False)
class Feature(Edit):
    """Single features are set, scaled or switched off: neurons, or latents of an autoencoder.

    The site becomes `site + (changed latents - latents) @ directions`: what the autoencoder does
    not say of the site, its error, is kept, and a token whose latents stay as they are keeps its
    own value to the bit. Of a neuron the channel itself is changed.

    Args:
        sae: The sparse autoencoder; its own site and layer are meant. None for neurons.
        index: Which latents, or neurons: an index, a slice, a list or a boolean mask.
        set: What they become: a number, or a tensor that broadcasts to `[image, token, index]`.
        scale: What they are multiplied by, likewise.
        zero: Whether they are switched off: `set=0`.
        token: Which tokens; None for all that the autoencoder is for, or all.
        layer: Of neurons, the block or several.

    Raises:
        UsageError: Not one of `set`, `scale` and `zero`, a layer beside an autoencoder or none
            without, or no autoencoder.

    Example:
        >>> vl.edits.Feature(sae, 3120, zero=True)                # a latent off
        >>> vl.edits.Feature(sae, [5, 9], scale=4.0, token=layout.patches)
        >>> vl.edits.Feature.neuron(11, 42, scale=0.0)            # a neuron off

    Source:
        The error that is kept: Marks et al. (2024), "Sparse feature circuits", section 2.
    """

    latents: Latents | None
    index: Choice
    amount: Tensor | float
    is_factor: bool

    def __init__(
        self,
        sae: Latents | None,
        index: Choice,
        *,
        set: Tensor | float | None = None,
        scale: Tensor | float | None = None,
        zero: bool = False,
        token: Choice = None,
        layer: int | Iterable[int] | None = None,
    ) -> None:
        if (sae is None) == (layer is None):
            raise UsageError(
                "Feature takes a sparse autoencoder, whose layer is its own, or None and the "
                "layer= of neurons."
            )
        if sae is not None:
            such_as = "a sparse autoencoder, such as vl.load_sae(...), or None for neurons"
            check_type("Feature", sae, Latents, such_as)
        given = {"set": set, "scale": scale, "zero": check_flag("zero=", zero) or None}
        chosen = [name for name, one in given.items() if one is not None]
        if len(chosen) != 1:
            raise UsageError(
                "Feature takes one of set=, scale= and zero=True, which says what becomes of the "
                f"feature; not {' and '.join(chosen) or 'none'}."
            )
        own = {
            "site": NEURONS if sae is None else sae.site,
            "layer": layer if sae is None else sae.layer,
            "latents": sae,
            "index": index,
            "amount": scale if scale is not None else 0.0 if zero else set,
            "is_factor": scale is not None,
            "token": token,
            **dict.fromkeys(("head", "query", "key")),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @classmethod
    def neuron(cls, layer: int | Iterable[int], index: Choice, **words: Any) -> Feature:
        """Neurons of a block: channels of `mlp_post`.

        Args:
            layer: The block or several.
            index: Which neurons.
            **words: `set`, `scale` or `zero`, and `token`, as of `Feature`.

        Raises:
            UsageError: As `Feature`.
        """
        return cls(None, index, layer=layer, **words)

    @property
    def operands(self) -> dict[str, Any]:
        """What the features become, or are multiplied by."""
        return {"scale" if self.is_factor else "set": self.amount}

    def choices_in(self, context: Context) -> dict[str, Choice]:
        """See `Edit.choices_in`; of latents, the tokens that they are of.

        Raises:
            UsageError: A token or latent that is not there, or an autoencoder of another model.
        """
        if self.latents is None:
            return self.choices
        self.latents.check(context.vit)
        self._chosen(0)
        return {**self.choices, "token": _of_latents(self.latents, self.token, context, repr(self))}

    def operand_shape(self, chosen: tuple[int, ...]) -> tuple[int, ...]:
        """See `Edit.operand_shape`: `[image, token, index]`."""
        return (*chosen[:2], len(self._chosen(prod(chosen[2:]))))

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """The site with these features changed."""
        flat = value.flatten(2)
        new = self._neurons(flat) if self.latents is None else self._decoded(self.latents, flat)
        return new.view_as(value)

    def _neurons(self, flat: Tensor) -> Tensor:
        out, at = flat.clone(), self._chosen(flat.shape[-1]).to(flat.device)
        out[..., at] = self._new(flat[..., at], torch.as_tensor(self.amount))
        return out

    def _decoded(self, latents: Latents, flat: Tensor) -> Tensor:
        index = self._chosen(0)
        amount = torch.as_tensor(self.amount).expand(*flat.shape[:2], len(index)).flatten(0, 1)
        rows = flat.flatten(0, 1)
        done: list[Tensor] = []
        for part in _parts(latents, len(rows)):
            x = rows[part].to(latents.device, torch.float32)
            own = latents.encode(x)[:, index.to(x.device)]
            moved = self._new(own, amount[part]) - own
            new = (x + latents.adds(moved, x, index.to(x.device))).to(flat)
            touched = moved.ne(0).any(-1, keepdim=True).to(flat.device)
            done.append(torch.where(touched, new, rows[part]))
        return torch.cat(done).view_as(flat)

    def _new(self, own: Tensor, amount: Tensor) -> Tensor:
        amount = amount.to(own)
        return own * amount if self.is_factor else amount.expand_as(own)

    def _chosen(self, n_neurons: int) -> Tensor:
        if self.latents is None:
            return indices("neuron", self.index, n_neurons)
        return indices("latent", self.index, self.latents.n_latents)

    def __repr__(self) -> str:
        how = "scale" if self.is_factor else "set"
        words = [f"{how}={short(self.amount)}"]
        words += [] if self.token is None else [f"token={short(self.token)}"]
        if self.latents is None:
            return f"Feature.neuron({', '.join([short(self.layer), short(self.index), *words])})"
        of = f"{type(self.latents).__name__} of {self.site} {self.layer}"
        return f"Feature({', '.join([of, short(self.index), *words])})"


def latents_of(latents: Latents, site: Tensor, index: Tensor) -> Tensor:
    """Some latents of a site, float32: `[..., width]` to `[..., index]`.

    Some tokens at a time: all latents of all tokens may not fit.
    """
    rows = site.reshape(-1, site.shape[-1])
    found = rows.new_empty(len(rows), len(index), dtype=torch.float32)
    for part in _parts(latents, len(rows)):
        some = latents.encode(rows[part].to(latents.device, torch.float32))
        found[part] = some[:, index.to(some.device)].to(found)
    return found.view(*site.shape[:-1], len(index))


def applied_tokens(vit: BaseViT, layout: TokenLayout, which: Applied) -> Tensor:
    """The tokens that latents are of, as indices of a layout, int64 `[token]`.

    Args:
        vit: The model.
        layout: The layout of the whole sequence.
        which: `"all"`, `"patches"`, or `"readout"`: the prefix tokens that the readout reads.

    Raises:
        UsageError: The readout reads patches, too, and what it reads alone is asked for.
    """
    every = torch.arange(layout.n_tokens)
    if which != "readout":
        return every[layout.patches] if which == "patches" else every
    if not vit.readout.prefix_alone:
        raise UsageError(
            f"This SAE is of the prefix token that a model's classifier reads, and {vit.name} "
            f"reads its {vit.readout.name}."
        )
    n = layout.n_prefix
    return every[:n][torch.tensor([vit.readout.reads_prefix(token, n) for token in range(n)])]


def _of_latents(latents: Latents, token: Choice, context: Context, edit: str) -> Tensor:
    own = applied_tokens(context.vit, context.layout, latents.tokens)
    if token is None:
        return own[torch.isin(own, context.kept)]
    chosen = tokens("token", token, context.layout)
    outside = chosen[~torch.isin(chosen, own)]
    if len(outside):
        raise UsageError(
            f"{edit}: token {int(outside[0])} is none that this autoencoder is for; it is for "
            f"{said(latents.tokens)} of the tokens ({len(own)} of {context.layout.n_tokens})."
        )
    return chosen


def _parts(latents: Latents, n_rows: int) -> Iterator[slice]:
    """All of some tokens, so many at a time that their latents take `AT_ONCE` bytes."""
    step = max(1, AT_ONCE // (4 * latents.n_latents))
    yield from (slice(first, first + step) for first in range(0, n_rows, step))
