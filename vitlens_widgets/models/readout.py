"""`Readout`: what a model's own classifier reads, and how much of each token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError

Group = Literal["cls", "cls_distillation", "prefix", "patches", "all"] | int
"""Tokens that are averaged; a number stands for that token alone."""
_PREFIX = ("cls", "cls_distillation", "prefix")


@dataclass(frozen=True)
class Readout:
    """What a model's own classifier reads.

    Args:
        name: In words, for people: `"CLS"`, `"mean of patches"`, ...
        groups: Groups of tokens; each is averaged, and the averages weigh the same. Empty where
            it is no weighted mean of tokens, or one by attention.
        attention: How an attention pooling weighs the tokens of the last state:
            `[image, token, d] -> [image, head, token]`.
        direct: Whether what is read of the normed tokens reaches the classifier as it is; else
            something is computed between them.
        n_classifiers: How many classifiers of the model answer together, each for a token.
    """

    name: str
    groups: tuple[Group, ...] = ()
    attention: Callable[[Tensor], Tensor] | None = None
    direct: bool = True
    n_classifiers: int = 1

    @property
    def reads_cls(self) -> bool:
        """Whether CLS is read, alone or beside other tokens."""
        return any(group == 0 or group in _PREFIX for group in self.groups)

    def reads_prefix(self, token: int, n_prefix: int) -> bool:
        """Whether a prefix token is read; where all of the last state may be, each of them is."""
        if not self.groups:
            return True
        return any(bool(_mean(group, n_prefix + 1, n_prefix)[token]) for group in self.groups)

    @property
    def prefix_alone(self) -> bool:
        """Whether no patch is read."""
        return bool(self.groups) and all(
            isinstance(group, int) or group in _PREFIX for group in self.groups
        )

    def weights(self, state: Tensor, n_prefix: int) -> Tensor:
        """How it weighs the tokens of the last state.

        1 on CLS where it reads CLS, equal weights where it reads a mean (of CLS and distillation,
        of several CLS tokens, of patches, of all tokens) or several CLS tokens side by side, half
        on CLS and half on the patches where it reads CLS beside their mean, and with attention
        pooling the mean over the pooling's heads of their weights.

        Args:
            state: The last state, `[image, token, d]`; patches may have been dropped.
            n_prefix: How many tokens stand before the first patch.

        Returns:
            `[image, token]`, each row summing to 1.

        Raises:
            UsageError: It is no weighted mean of tokens, or does not show its weights.
        """
        if self.attention is not None:
            return self.attention(state).mean(1)
        if not self.groups:
            raise UsageError(
                f"This model reads {self.name}, which is not a weighted mean of tokens that it "
                "shows; choose a query token instead."
            )
        means = [_mean(group, state.shape[1], n_prefix) for group in self.groups]
        return (torch.stack(means).sum(0) / len(means)).to(state).expand(len(state), -1)

    def __str__(self) -> str:
        return self.name


CLS = Readout("CLS", ("cls",))
CLS_AND_DISTILLATION = Readout("CLS + distillation", ("cls_distillation",), n_classifiers=2)
CLS_AND_PATCHES = Readout("CLS and mean of patches", ("cls", "patches"))
PREFIX = Readout("mean of CLS tokens", ("prefix",))
PATCHES = Readout("mean of patches", ("patches",))
ALL_TOKENS = Readout("mean of all tokens", ("all",))


def _mean(group: Group, n_tokens: int, n_prefix: int) -> Tensor:
    """Equal weights on the tokens of a group, `[token]`."""
    named = {
        "cls": slice(0, 1),
        "cls_distillation": slice(0, 2),
        "prefix": slice(0, n_prefix),
        "patches": slice(n_prefix, None),
        "all": slice(None),
    }
    weights = torch.zeros(n_tokens)
    weights[group if isinstance(group, int) else named[group]] = 1
    return weights / weights.sum()
