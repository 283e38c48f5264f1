"""Kinds of token: which tokens of a model have a translator in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

import torch

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean

KINDS = ("readout", "patch", "register")
"""Prefix tokens that the model's readout reads (CLS), patches, and prefix tokens that it does not
read (registers; CLS, where the mean of patches is read). Patches are of one kind, read or not."""
ALL = "all"
"""The one kind, where all tokens have their translator in common."""


def kinds_of(vit: BaseViT) -> tuple[str, ...]:
    """The kinds of token that a model has, in the order of `KINDS`."""
    there = {*_of_prefix(vit), "patch"}
    return tuple(kind for kind in KINDS if kind in there)


def check_kinds(vit: BaseViT, kinds: Sequence[str]) -> tuple[str, ...]:
    """The kinds of a model's translators: each of its own, or one for all.

    Raises:
        UsageError: They are neither.
    """
    own = kinds_of(vit)
    if tuple(kinds) not in (own, (ALL,)):
        raise UsageError(
            f"{vit.name} has tokens of the kinds {quoted_list(own)}, each with a translator of its "
            f'own, or "{ALL}" have one in common; not {list(kinds)}.'
        )
    return tuple(kinds)


def spans(vit: BaseViT, kinds: Sequence[str]) -> Iterator[tuple[int, slice]]:
    """Where the tokens of each kind stand in a sequence, `(index of the kind, slice)`.

    The last slice has no end: patches may have been dropped, and prefix tokens never are.

    Args:
        vit: The model.
        kinds: As `check_kinds` gives them.
    """
    if tuple(kinds) == (ALL,):
        yield 0, slice(0, None)
        return
    place = 0
    for kind, run in groupby(_of_prefix(vit)):
        n = len(list(run))
        yield kinds.index(kind), slice(place, place + n)
        place += n
    yield kinds.index("patch"), slice(place, None)


def _of_prefix(vit: BaseViT) -> list[str]:
    """The kind of each prefix token."""
    n_prefix = vit.layout.n_prefix
    if n_prefix and vit.readout.attention is not None:
        read = _attended(vit)[:n_prefix]
    else:
        read = [vit.readout.reads_prefix(token, n_prefix) for token in range(n_prefix)]
    return ["readout" if one else "register" for one in read]


@clean
@torch.no_grad()
def _attended(vit: BaseViT) -> list[bool]:
    """Which tokens an attention pooling looks at; those that it leaves out weigh exactly 0."""
    weights = vit.adapter.readout_weights(vit.adapter.blank_state(1))[0]
    return cast("list[bool]", (weights != 0).tolist())
