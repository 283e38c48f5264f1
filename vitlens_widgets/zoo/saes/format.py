"""`SAEFormat`: one way to keep a sparse autoencoder, in one file of `zoo/saes/formats`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from vitlens_widgets.errors import UsageError, quoted_list, whole_number
from vitlens_widgets.features import Activation, Scaling
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.zoo.saes.found import Found


@dataclass(frozen=True)
class ReadSAE:
    """An SAE as its format says it; what the format does not say is None.

    Attributes:
        tensors: `encoder`, `encoder_bias`, `decoder`, `decoder_bias`, as `SAE` has them.
        activation: Which latents stay on.
        scaling: Of the input.
        subtracts_bias: Whether the decoder's bias is subtracted before encoding.
        nested: Of a Matryoshka SAE.
        site: Where it was trained.
        layer: Of which block; below 0 it counts from the last.
        tokens: On which tokens.
        model: The name of the model that it was trained on.
    """

    tensors: Mapping[str, Tensor]
    activation: Activation | None
    scaling: Scaling | None
    subtracts_bias: bool
    nested: tuple[int, ...] = ()
    site: str | None = None
    layer: int | None = None
    tokens: str | None = None
    model: str = ""


class SAEFormat(ABC):
    """One way to keep a sparse autoencoder."""

    name: ClassVar[str]
    """Of those who keep them so."""

    @abstractmethod
    def takes(self, found: Found) -> bool:
        """Whether it is kept so; formats that stand earlier in the list have not taken it."""

    @abstractmethod
    def parts(self, found: Found) -> ReadSAE:
        """What it is.

        Raises:
            UsageError: It is of a kind that this package does not compute, or is damaged.
        """


def by_columns(found: Found) -> dict[str, Tensor]:
    """The tensors of those who write `x W_enc + b_enc` and `latents W_dec + b_dec`."""
    return {
        "encoder": found.tensor("W_enc").mT,
        "encoder_bias": found.tensor("b_enc"),
        "decoder": found.tensor("W_dec"),
        "decoder_bias": found.tensor("b_dec"),
    }


def with_unit_directions(
    tensors: Mapping[str, Tensor], activation: Activation
) -> tuple[dict[str, Tensor], Activation]:
    """The same function with decoder rows of length 1: latents are larger by what rows get shorter.

    Raises:
        UsageError: A row is 0.
    """
    lengths = tensors["decoder"].square().sum(1).sqrt()
    if not bool((lengths > 0).all()):
        raise UsageError("A latent of this SAE has a direction of 0, which has no unit length.")
    threshold = None if activation.threshold is None else activation.threshold * lengths
    changed = {
        "encoder": tensors["encoder"] * lengths[:, None],
        "encoder_bias": tensors["encoder_bias"] * lengths,
        "decoder": tensors["decoder"] / lengths[:, None],
        "decoder_bias": tensors["decoder_bias"],
    }
    kept = Activation(activation.kind, activation.k, threshold, activation.keeps_negative)
    return changed, kept


def said_choice(found: Found, what: str, given: Any, known: Sequence[str]) -> str:
    """What a format says, if it is one of what this package computes.

    Raises:
        UsageError: It is something else.
    """
    if given not in known:
        raise UsageError(
            f"{found.name} has {what} {given!r}; read are those with {quoted_list(known)}."
        )
    return given


def said_count(found: Found, what: str, given: Any) -> int:
    """A whole number from 1 on that a format says.

    Raises:
        UsageError: It is none.
    """
    count = whole_number(given)
    if count is None or count < 1:
        raise UsageError(f"{found.name} is damaged: its {what} is {given!r}, no whole number.")
    return count


def relu_or_topk(found: Found) -> Activation:
    """The activation of those who name its function, and its k beside it.

    Raises:
        UsageError: It is another function, or has no k.
    """
    kind = found.said.get("activation_fn_str", found.said.get("activation_fn", "relu"))
    if said_choice(found, "the activation", kind, ("relu", "topk")) == "relu":
        return Activation()
    words = found.said.get("activation_fn_kwargs")
    return Activation("topk", said_count(found, "k", words.get("k") if is_mapping(words) else None))


def refuse_kind(found: Found, kind: str) -> UsageError:
    """The sentence for an autoencoder whose algebra is another."""
    return UsageError(
        f"{found.name} is a {kind}, which is not read here: vl.load_sae reads autoencoders of one "
        "site with ReLU, TopK, BatchTopK and JumpReLU."
    )


_HOOK = re.compile(r"blocks\.(\d+)\.(?:attn\.|mlp\.)?hook_(\w+)")
_SITES = {
    "resid_pre": "resid_pre",
    "resid_mid": "resid_mid",
    "resid_post": "resid_post",
    "attn_out": "attn_out",
    "mlp_out": "mlp_out",
    "pre": "mlp_pre",
    "post": "mlp_post",
}


def hook_point(found: Found, text: Any) -> tuple[str | None, int | None]:
    """The site and the block of a hook point as TransformerLens and Prisma call them.

    Raises:
        UsageError: It is one that has no site here, such as a head's.
    """
    if not text:
        return None, None
    match = _HOOK.fullmatch(str(text))
    if match is None or match[2] not in _SITES:
        raise UsageError(
            f"{found.name} is of the hook point {text!r}; read are those of the stream, of what "
            "attention and MLP add to it, and of neurons."
        )
    return _SITES[match[2]], int(match[1])


SCALINGS: dict[Any, Scaling] = {
    "none": Scaling(),
    None: Scaling(),
    False: Scaling(),
    "layer_norm": Scaling("layer norm"),
    "constant_norm_rescale": Scaling("norm"),
}
"""What SAELens and Prisma call the scaling of the input."""
