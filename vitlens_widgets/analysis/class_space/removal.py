"""Running a model on some of an image's tokens, other ones for every image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.vit import BaseViT
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.onward import last_state_of


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


def run_kept(trace: Trace, kept: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """The last state of each image when only some of its tokens go through the blocks.

    Tokens are removed after the position embedding, before the first block, as by
    `vl.edits.DropTokens`, which removes the same ones from all images. Images with as many tokens
    left run together.

    Args:
        trace: The trace of all tokens.
        kept: The tokens that stay, by image, int64 `[position]`, at least one.

    Returns:
        The state after the last block by image, `[position, d]`.

    Raises:
        UsageError: The model's blocks place the tokens themselves, or it has changed since.
        UnsupportedModelError: What ran is not what was to run; see `trace.onward`.

    Source:
        Vilas et al. (2023), section 5.2, as their code does it.
    """
    check_removable(trace.vit)
    alike: dict[int, list[int]] = defaultdict(list)
    for image, tokens in kept.items():
        alike[len(tokens)].append(image)
    state = trace.states[0].detach()
    last: dict[int, Tensor] = {}
    for images in alike.values():
        left = torch.stack([state[image, kept[image].to(state.device)] for image in images])
        last |= dict(zip(images, last_state_of(trace, left), strict=True))
    return last
