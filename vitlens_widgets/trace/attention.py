"""Whether a block's attention is what it is read as: `pattern @ v` is the `z` that was used."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.modules import computing, is_untouched, replaced_in
from vitlens_widgets.trace.rounding import tolerance_of
from vitlens_widgets.trace.rows import largest_errors
from vitlens_widgets.trace.stream import Words

READ_SITES = ("q", "k", "v", "z", "attn_scores", "pattern")
"""Sites that mean something only if attention is one softmax of q and k that weighs v."""

_proved: WeakKeyDictionary[BaseViT, dict[int, int]] = WeakKeyDictionary()


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
    """Whether this block was seen to attend as it is read, and is handed no other mask now."""
    if known is None or words is None or words.hold_tensors:
        return False
    return _proved.get(vit, {}).get(layer) == known


@clean
def check_attention(
    vit: BaseViT, layer: int, parts: Mapping[str, Tensor], z: Tensor, known: int | None
) -> None:
    """Refuse a block whose attention is not what its queries, keys and values are read as.

    Args:
        vit: The model.
        layer: The block.
        parts: `q`, `k` and `v` as the block went on with, `[image, token, head, d_head]`.
        z: What it made of them, of the same shape.
        known: By what the block is known again, as it was before the run.

    Raises:
        UnsupportedModelError: `pattern @ v` is not `z`.
    """
    with torch.no_grad():
        of_scores = vit.adapter.exact_parts(layer, parts["q"], parts["k"])
        v, found = (part.transpose(1, 2).to(of_scores.q) for part in (parts["v"], z))
        off, largest = largest_errors(of_scores, v, found)
        wrong = ~(off <= tolerance_of(z.dtype) * largest)  # no other temperature, mask or bias
    if wrong.any():
        head = int(wrong.nonzero()[0])
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: the attention of block {layer} must be one "
            f"softmax of the scaled products of its queries and keys, weighing its values, but "
            f"in head {head} that is off by {off[head]:.3g} (values up to {largest[head]:.3g})"
            f"{replaced_in(vit, layer)}; its states can be read."
        )
    if known is not None:
        _proved.setdefault(vit, {})[layer] = known
