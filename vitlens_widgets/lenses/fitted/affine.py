"""`AffineLens`: every state through an affine translator, then as the logit lens reads it."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.fitted.kinds import check_kinds, kinds_of, spans
from vitlens_widgets.lenses.lens import Lens
from vitlens_widgets.lenses.reading import Reading
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.trace import Trace, ViT

if TYPE_CHECKING:
    from typing_extensions import Self


Translating = TypeVar("Translating")


class Translators(NamedTuple):
    """A and b of some states; see `AffineLens`."""

    weight: Tensor | None
    bias: Tensor | None
    up: Tensor | None = None


def translated(
    states: Tensor, where: Iterable[tuple[int, slice]], translators: Translators
) -> Tensor:
    """`h + A h + b` of every token, in float32 or finer.

    Args:
        states: `[state, image, token, d]`.
        where: The kind of tokens, as an index, and where they stand (`kinds.spans`).
        translators: Of these states, by kind.
    """
    return translated_by(states, where, by_kinds(translators))


def by_kinds(translators: Translators) -> list[Translators]:
    """Those of each kind, without its axis: `[state, ...]`."""
    parts = [part for part in translators if part is not None]
    each = range(parts[0].shape[1] if parts else 0)
    return [Translators(*(None if p is None else p[:, kind] for p in translators)) for kind in each]


def translated_by(
    states: Tensor, where: Iterable[tuple[int, slice]], of_kinds: Sequence[Translators]
) -> Tensor:
    """As `translated`, by the translators of each kind: `[state, ...]`."""
    fine = states.to(torch.promote_types(states.dtype, torch.float32))
    return torch.cat([_moved(fine[:, :, tokens], of_kinds[kind]) for kind, tokens in where], 2)


def _moved(tokens: Tensor, translators: Translators) -> Tensor:
    """Those of one kind."""
    weight, bias, up = (None if part is None else part.to(tokens) for part in translators)
    flat = tokens.flatten(1, 2)
    moved = flat if bias is None else flat + bias[:, None]
    if weight is None:
        return moved.view_as(tokens)
    half, last = (flat, weight) if up is None else (flat @ weight.mT, up)
    return torch.baddbmm(moved, half, last.mT).view_as(tokens)


class AffineLens(Lens):
    """State h of a token as `h + A h + b`, read by the model's own norm and classifier.

    Each state has its own A and b for each kind of token (`kinds`). States beyond those that have
    some, such as the final one, are read as they are; with A and b of zeros, the lens is the logit
    lens.

    Args:
        vit: The model, from `vl.load`.
        weight: A of each state and kind, `[state, kind, d, d]` from state 0 on; with `up`, the half
            of it that is applied first, `[state, kind, rank, d]`; None for A = 0.
        bias: b, `[state, kind, d]`; None for 0.
        up: `[state, kind, d, rank]`, so that A is `up @ weight`; None where `weight` is A itself.
        kinds: What the second axis counts: `("readout", "patch", "register")`, those of them that
            the model has (`lenses.fitted.kinds`), or `("all",)`; None for the model's own.
        fitted: How it was found and what it was measured to do, in JSON's types.

    Raises:
        UsageError: The model has no classifier, tensors do not fit it or one another, or have
            numbers that are not finite.
    """

    name = "affine lens"

    def __init__(
        self,
        vit: ViT,
        weight: Tensor | None,
        bias: Tensor | None = None,
        up: Tensor | None = None,
        kinds: Sequence[str] | None = None,
        fitted: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(vit)
        self.kinds = check_kinds(vit, kinds_of(vit) if kinds is None else kinds)
        self.weight, self.bias, self.up = weight, bias, up
        self.fitted = dict(fitted or {})
        check_shapes(vit, weight, bias, up, len(self.kinds))

    @property
    def sees_states_alone(self) -> bool:
        """Yes; of a lens that transforms states in another way, it is not known."""
        return type(self).transform is AffineLens.transform

    @property
    def n_translated(self) -> int:
        """How many states have a translator, from state 0 on."""
        return len(next((part for part in (self.weight, self.bias) if part is not None), ()))

    def transform(self, states: Tensor, first: int, final: Tensor) -> Tensor:  # noqa: ARG002
        """Each state translated, in float32 or finer."""
        n = min(len(states), self.n_translated - first)
        if n <= 0:
            return states
        some = slice(first, first + n)
        parts = (None if p is None else p[some] for p in (self.weight, self.bias, self.up))
        where = list(spans(self.vit, self.kinds))
        moved = translated(states[:n], where, Translators(*parts))
        return moved if n == len(states) else torch.cat([moved, states[n:].to(moved)])

    def decode_readout(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """See `Lens.decode_readout`; patches that nothing reads are not translated."""
        if not (self.sees_states_alone and self.vit.readout.prefix_alone):
            return super().decode_readout(states, first, final)
        n_prefix = self.vit.layout.n_prefix
        prefix = self.transform(states[:, :, :n_prefix], first, final).to(states)
        whole = torch.cat([prefix, states[:, :, n_prefix:]], 2)
        return self.classify(self.vit.adapter.readout_logits, whole, final)

    def read(
        self, trace: Trace, site: str = "resid", head: int | None = None, value_bias: bool = True
    ) -> Reading:
        """Read a trace; see `Lens.read`.

        What a block adds to the stream is read through A of the state that it leads to, without b,
        which belongs to no part of a sum.
        """
        lens = self if site == "resid" else self._of_parts()
        return Lens.read(lens, trace, site, head, value_bias)

    def save(self, path: str | os.PathLike[str], half: bool = False) -> None:
        """Write the lens as safetensors; see `Lens.save`.

        Args:
            path: The file.
            half: In half precision: a file of half the size, whose lens differs by rounding.

        Raises:
            UsageError: As for `Lens.save`, or numbers too large for half precision.
        """
        SavedLens.of(self.half() if half else self).write(path)

    def half(self) -> Self:
        """The same lens with its translators in half precision.

        Raises:
            UsageError: A number is too large for it.
        """
        return in_half(self)

    def _of_parts(self) -> Self:
        """The lens that reads what block k adds: by A of state k + 1."""
        twin = copy.copy(self)
        twin.bias = None
        twin.weight, twin.up = (None if p is None else p[1:] for p in (self.weight, self.up))
        return twin


def in_half(lens: Translating) -> Translating:
    """A lens with its translators in half precision.

    Args:
        lens: What keeps them by the names of `Translators`.

    Raises:
        UsageError: A number is too large for it.
    """
    twin = copy.copy(lens)
    for name in Translators._fields:
        part: Tensor | None = getattr(lens, name)
        half = None if part is None else part.half()
        if part is not None and half is not None and not half.isfinite().all():
            raise UsageError(
                f"The {name} of this {getattr(lens, 'name', 'lens')} has numbers up to "
                f"{part.abs().max():.3g}, too large for half precision; save it without half=True."
            )
        setattr(twin, name, half)
    return twin


def check_shapes(
    vit: ViT, weight: Tensor | None, bias: Tensor | None, up: Tensor | None, n_kinds: int
) -> None:
    """Refuse tensors that do not fit the model or one another.

    Raises:
        UsageError: They do not.
    """
    given = {"weight": weight, "bias": bias, "up": up}
    there = {name: part for name, part in given.items() if part is not None}
    for name, part in there.items():
        if not isinstance(part, Tensor):
            raise UsageError(f"{name}= takes a tensor or None, not {type(part).__name__}.")
        if not part.isfinite().all():
            raise UsageError(f"The {name} of a lens must be of finite numbers, and has others.")
    n = len(next(iter(there.values()))) if there else 0
    rank = up.shape[-1] if up is not None and up.ndim else vit.width
    wanted = {
        "weight": [n, n_kinds, rank, vit.width],
        "bias": [n, n_kinds, vit.width],
        "up": [n, n_kinds, vit.width, rank],
    }
    for name, part in there.items():
        if list(part.shape) != wanted[name] or n > vit.n_layers + 1:
            raise UsageError(
                f"The {name} of a lens of {vit.name} must be {wanted[name]} of no more than "
                f"{vit.n_layers + 1} states, not {list(part.shape)}."
            )
    if up is not None and weight is None:
        raise UsageError("A lens with up= needs weight=, too: A is up @ weight.")
