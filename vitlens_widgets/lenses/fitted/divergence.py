"""How far a lens's answers are from the model's final ones: what is fitted and measured."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.fitted.kinds import kinds_of, spans
from vitlens_widgets.models import BaseViT

Target = Literal["token", "readout"]
"""Whose final answer a token's lens is to give: the token's own, or the model's."""


class Finals(NamedTuple):
    """What the model answers at the end."""

    tokens: statistics.Final
    """What each token is to say, `[image, token or 1, outcome]`."""
    readout: statistics.Final
    """What the model says, `[image, outcome]`."""


class Divergences(NamedTuple):
    """KL(final || lens) in nats at one state."""

    tokens: Tensor
    """`[image, token]`."""
    readout: Tensor
    """`[image]`: of the model's readout of all tokens together."""


def finals(vit: BaseViT, state: Tensor, target: Target) -> Finals:
    """What is answered at the final state, `[image, token, d]`."""
    readout = statistics.final(vit.adapter.readout_logits(state).float(), vit.probabilities)
    if target == "readout":
        return Finals(statistics.Final(*(part[:, None] for part in readout)), readout)
    tokens = vit.adapter.token_logits(state).float()
    return Finals(statistics.final(tokens, vit.probabilities), readout)


def divergences(vit: BaseViT, state: Tensor, final: Finals) -> Divergences:
    """What translated tokens of one state say, `[image, token, d]`, beside that.

    Where the readout is one of them, it is not read twice.
    """
    state = state.to(vit.dtype)
    logits = vit.adapter.token_logits(state).float()
    tokens = statistics.kl_to(final.tokens, logits, vit.probabilities)
    one = one_token(vit)
    if one is not None:
        return Divergences(tokens, tokens[:, one])
    logits = vit.adapter.readout_logits(state).float()
    return Divergences(tokens, statistics.kl_to(final.readout, logits, vit.probabilities))


def loss(vit: BaseViT, found: Divergences, kinds: tuple[str, ...]) -> Tensor:
    """What a state's translators are fitted by: the mean over tokens of each kind, added up.

    Where the readout is more than one token, its own divergence is added.
    """
    each = [of_kind.mean() for of_kind in by_kind(vit, found.tokens, kinds).values()]
    return torch.stack(each if one_token(vit) is not None else [*each, found.readout.mean()]).sum()


def by_kind(vit: BaseViT, tokens: Tensor, kinds: tuple[str, ...]) -> dict[str, Tensor]:
    """Values of tokens, `[image, token]`, by their kind."""
    where = list(spans(vit, kinds))
    return {
        kind: torch.cat([tokens[:, part] for at, part in where if at == index], 1)
        for index, kind in enumerate(kinds)
    }


def by_place(vit: BaseViT, found: Divergences) -> dict[str, Tensor]:
    """The mean of each image at each place that is told of: `[image]`.

    `"readout"` is the model's own; where that is more than one token, those of them that are no
    patches are `"readout token"`.
    """
    means = {kind: of.mean(1) for kind, of in by_kind(vit, found.tokens, kinds_of(vit)).items()}
    if "readout" in means and one_token(vit) is None:
        means["readout token"] = means.pop("readout")
    return {**means, "readout": found.readout}


def one_token(vit: BaseViT) -> int | None:
    """The prefix token that alone is the model's readout; None where more is read."""
    readout = vit.readout
    if len(readout.groups) != 1 or readout.n_classifiers > 1:
        return None
    (group,) = readout.groups
    token = 0 if group == "cls" else group
    return token if isinstance(token, int) and token < vit.layout.n_prefix else None
