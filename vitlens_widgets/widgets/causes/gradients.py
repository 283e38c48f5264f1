"""First-order estimates of what every exchange would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vitlens_widgets.widgets.causes.places import Values

if TYPE_CHECKING:
    from vitlens_widgets.trace import Trace


def first_order(
    base: Trace,
    other: Trace,
    asked: tuple[int, int | None],
    image: int,
    values: Values,
    rows: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Changes of the metric, gradient times difference, at the run in which places are exchanged.

    Returns:
        `[layer, row]`, heads first, and `[layer, position]` of the states before the blocks.
    """
    import torch

    site = "z" if values == "output" else values
    named = {"attention": "attn_out" if values == "output" else site, "mlp": "mlp_out"}
    sites = list(dict.fromkeys([site, *(named[row] for row in rows)]))
    run = base.rerun([], grad=True, first=0, keep=sites)
    logits: Any = run.logits
    metric = logits[image, asked[0]] - (0 if asked[1] is None else logits[image, asked[1]])
    layers = range(base.vit.n_layers)
    keys = [("resid_pre", k) for k in layers] + [(one, k) for one in sites for k in layers]
    tensors = [run[key] for key in keys]
    grads = torch.autograd.grad(metric, tensors, allow_unused=True)
    change = {
        key: 0 * tensor[image]
        if grad is None
        else (grad[image] * (other[key][image] - tensor[image])).detach()
        for key, tensor, grad in zip(keys, tensors, grads, strict=True)
    }
    heads_at = 0 if site == "pattern" else 1
    columns: list[Any] = []
    for k in layers:
        of_heads = change[site, k].detach().movedim(heads_at, 0).flatten(1).sum(1)
        of_rows = [change[named[row], k].detach().sum()[None] for row in rows]
        columns.append(torch.cat([of_heads, *of_rows]))
    tokens = torch.stack([change["resid_pre", k].detach().sum(-1) for k in layers])
    return torch.stack(columns).float().cpu().numpy(), tokens.float().cpu().numpy()
