"""Linear layers whose weights a model multiplies itself, however it names the arguments."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from vitlens_widgets.trace.products import WatchedProducts


def test_products_of_a_watched_weight_are_shown_and_may_be_replaced():
    watched, other = nn.Linear(3, 4), nn.Linear(3, 4)
    x, bias, seen = torch.randn(2, 3), torch.randn(4), []
    expected = x @ watched.weight.T + bias

    def see(out):
        seen.append(out)

    with WatchedProducts({watched: [see, lambda out: 2 * out, see]}):
        results = [
            functional.linear(x, watched.weight, bias),
            functional.linear(x, weight=watched.weight, bias=bias),
            functional.linear(input=x, weight=watched.weight, bias=bias),
        ]
        torch.testing.assert_close(functional.linear(x, other.weight), x @ other.weight.T)
        torch.testing.assert_close(functional.relu(x), x.clamp(min=0))
    assert len(seen) == 6
    for out, shown in zip(results, (seen[i : i + 2] for i in (0, 2, 4)), strict=True):
        torch.testing.assert_close(out, 2 * expected)
        torch.testing.assert_close(shown[0], expected)
        torch.testing.assert_close(shown[1], 2 * expected)
    functional.linear(x, watched.weight)
    assert len(seen) == 6
