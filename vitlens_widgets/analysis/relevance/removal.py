"""Images with their patches removed in an order of their own, as many at once as fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import check_count
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.onward import last_state_of

_LEAST_IMAGES = 8
_MOST_ORDERS = 1000


def counts_of(n_patches: int, n_points: int | None) -> list[int]:
    """How many patches are kept at each point, most first: never all of them, never none.

    Args:
        n_patches: How many there are.
        n_points: How many counts, spread evenly; None for every count.

    Raises:
        UsageError: More points than counts.
    """
    most = n_patches - 1
    n_points = most if n_points is None else check_count("n_points", n_points, least=2, most=most)
    return np.linspace(most, 1, n_points).round().astype(int).tolist()


def most_relevant_first(relevance: Tensor) -> Tensor:
    """The order of the patches `[image, patch]` by falling relevance; of equals the first first."""
    return relevance.argsort(dim=-1, descending=True, stable=True)


def random_orders(n_patches: int, n_orders: int) -> Tensor:
    """Orders that are the same for every image, `[order, patch]`, of the seeds 0, 1, ...

    Raises:
        UsageError: No number of orders, or more than anybody has the time for.

    Source: the code of Vilas et al. (2023), whose ten orders these are.
    """
    n_orders = check_count("n_random", n_orders, least=0, most=_MOST_ORDERS)
    seeds = (torch.Generator().manual_seed(seed) for seed in range(n_orders))
    orders = [torch.randperm(n_patches, generator=seed) for seed in seeds]
    return torch.stack(orders) if orders else torch.empty(0, n_patches, dtype=torch.int64)


def answers_of_kept(
    trace: Trace, orders: Tensor, counts: Sequence[int], images: Sequence[int] | None = None
) -> Iterator[Tensor]:
    """The model's logits when only the first patches of an order are there, count by count.

    Patches are removed after the position embedding, before the first block; prefix tokens stay.
    All orders and images of one count make one batch, in pieces of as many tokens as the images
    have (or some images, if there are fewer), so that memory does not grow with the number of
    orders and more of the shorter sequences run at a time.

    Args:
        trace: The trace of all tokens, of a model whose tokens can be removed (`check_removable`).
        orders: Which patches stay longest, int64 `[order, image, patch]`.
        counts: How many stay.
        images: Which of the trace's images; None for all.

    Yields:
        `[order, image, class]`, on the CPU.

    Raises:
        UsageError: The model has changed since the trace.
        UnsupportedModelError: What ran is not what was to run; see `trace.onward`.
    """
    state = trace.states[0].detach()[slice(None) if images is None else list(images)]
    n_prefix = trace.layout.n_prefix
    rows = orders.flatten(0, 1).to(state.device) + n_prefix
    of = torch.arange(len(state), device=state.device).repeat(len(orders))
    prefix = torch.arange(n_prefix, device=state.device).expand(len(rows), -1)
    budget = max(len(state), _LEAST_IMAGES) * state.shape[1]
    for count in counts:
        kept = torch.cat([prefix, rows[:, :count]], dim=1)
        batch_size = budget // kept.shape[1]
        pieces = zip(torch.split(of, batch_size), torch.split(kept, batch_size), strict=True)
        logits = [_answers(trace, state[image[:, None], tokens]) for image, tokens in pieces]
        yield torch.unflatten(torch.cat(logits), 0, orders.shape[:2])


@clean
@torch.no_grad()
def _answers(trace: Trace, state: Tensor) -> Tensor:
    """`[row, class]`."""
    return trace.vit.adapter.readout_logits(last_state_of(trace, state)).float().cpu()
