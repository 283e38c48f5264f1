"""Running a model on some of an image's tokens, other ones for every image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.vit import BaseViT


def check_removable(vit: BaseViT) -> None:
    """Refuse a model whose tokens know their place only by where they stand in the sequence.

    Raises:
        UsageError: Its blocks place the tokens.
    """
    if vit.adapter.positions_in_blocks:
        raise UsageError(
            f"{vit.name} gives its tokens their positions inside the blocks, so that none can be "
            "removed from the sequence."
        )


@torch.no_grad()
def run_blocks(vit: BaseViT, state: Tensor) -> Tensor:
    """A state 0, of any number of tokens, through all blocks: `[image, token, d]` to the last."""
    for layer in range(vit.n_layers):
        state = vit.adapter.run_block(layer, state)
    return state


@torch.no_grad()
def run_kept(vit: BaseViT, state: Tensor, kept: Sequence[Tensor]) -> list[Tensor]:
    """The last state of each image when only some of its tokens go through the blocks.

    Tokens are removed after the position embedding, before the first block, as by
    `vl.edits.DropTokens`, which removes the same ones from all images. Images with as many tokens
    left run together.

    Args:
        vit: The model.
        state: State 0 of all tokens, `[image, token, d]`: `vit.trace(...).states[0]`.
        kept: The tokens that stay in each image, int64 `[position]`, at least one.

    Returns:
        The state after the last block, `[position, d]` for each image.

    Raises:
        UsageError: The model's blocks place the tokens themselves.

    Source:
        Vilas et al. (2023), section 5.2, as their code does it.
    """
    check_removable(vit)
    alike: dict[int, list[int]] = defaultdict(list)
    for image, tokens in enumerate(kept):
        alike[len(tokens)].append(image)
    last: dict[int, Tensor] = {}
    for images in alike.values():
        left = torch.stack([state[image, kept[image].to(state.device)] for image in images])
        last |= dict(zip(images, run_blocks(vit, left), strict=True))
    return [last[image] for image in range(len(kept))]
