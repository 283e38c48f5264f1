"""Whether a block's attention is what it is read as: `pattern @ v` is the `z` that was used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.capture import kept_copy
from vitlens_widgets.trace.chunks import WeighedErrors, chunks
from vitlens_widgets.trace.fingerprint import digest_of
from vitlens_widgets.trace.modules import computing, is_untouched, replaced_in
from vitlens_widgets.trace.rounding import tolerance_of
from vitlens_widgets.trace.stream import Words

READ_SITES = ("q", "k", "v", "z", "attn_scores", "pattern")
"""Sites that mean something only if attention is one softmax of q and k that weighs v."""

_proved: WeakKeyDictionary[BaseViT, dict[int, tuple[int, bytes]]] = WeakKeyDictionary()


def known_again(vit: BaseViT, layer: int) -> int | None:
    """By what a block is known to be the one that was seen to attend as it is read.

    None where its code was patched or hooked: that may do something else from run to run.
    """
    block = vit.adapter.blocks[layer]
    if not is_untouched(block):
        return None
    how = getattr(getattr(vit.model, "config", None), "_attn_implementation", None)
    fused = id(nn.functional.scaled_dot_product_attention)
    return hash((computing(block), how, fused))


def is_proved(vit: BaseViT, layer: int, known: int | None, words: Words | None) -> bool:
    """Whether this block was seen to attend as it is read, handed the very same beside its state.

    Masks and positions are compared by all their numbers: another mask is another attention.
    """
    before = _proved.get(vit, {}).get(layer)
    if known is None or words is None or before is None or before[0] != known:
        return False
    return before[1] == digest_of(words)


@dataclass(frozen=True, eq=False)
class Claim:
    """That a block's attention is what its queries, keys and values are read as.

    Args:
        vit: The model.
        layer: The block.
        v: Values as the block went on with, `[image, token, head, d_head]`.
        z: What it made of them, of the same shape.
        known: By what the block is known again, as it was before the run.
        words: What it was handed beside its state.
        proved: The layers of its trace of which the same is known, to which this one is added.
    """

    vit: BaseViT
    layer: int
    v: Tensor
    z: Tensor
    known: int | None
    words: Words | None
    proved: set[int]

    def kept(self) -> Claim:
        """The same with memory of its own, since the model may go on to change its own in place."""
        return replace(self, v=kept_copy(self.v), z=kept_copy(self.z))

    @clean
    def check(self, q: Tensor, k: Tensor) -> None:
        """Settle it by the block's queries and keys, `[image, token, head, d_head]`.

        Raises:
            UnsupportedModelError: `pattern @ v` is not `z`.
        """
        with torch.no_grad():
            parts = self.vit.adapter.exact_parts(self.layer, q, k)
            errors = self.errors(parts.q)
            for chunk in chunks(parts):
                errors.see(chunk)
            self.settle(errors)

    def errors(self, like: Tensor) -> WeighedErrors:
        """By which it is settled, once all chunks of the pattern were seen, of the type of one."""
        v, z = (part.detach().transpose(1, 2).to(like) for part in (self.v, self.z))
        return WeighedErrors(v, z)

    def settle(self, errors: WeighedErrors) -> None:
        """Refuse a block for which it does not hold, and know again one for which it does.

        Raises:
            UnsupportedModelError: `pattern @ v` is not `z`.
        """
        vit, layer, off, largest = self.vit, self.layer, errors.off, errors.largest
        wrong = ~(off <= tolerance_of(self.z.dtype) * largest)  # another temperature, mask or bias
        if wrong.any():
            head = int(wrong.nonzero()[0])
            raise UnsupportedModelError(
                f"{vit.name} cannot be read exactly: the attention of block {layer} must be one "
                f"softmax of the scaled products of its queries and keys, weighing its values, but "
                f"in head {head} that is off by {off[head]:.3g} (values up to {largest[head]:.3g})"
                f"{replaced_in(vit, layer)}; its states can be read."
            )
        self.proved.add(layer)
        handed = None if self.known is None or self.words is None else digest_of(self.words)
        if self.known is not None and handed is not None:
            _proved.setdefault(vit, {})[layer] = self.known, handed
