"""What a key by itself does through the softmax, against the softmax of changed scores."""

from __future__ import annotations

import pytest
import torch

from vitlens_widgets.analysis.circuits.node_gradients import of_single_keys


@pytest.mark.parametrize("size", [0.1, 1, 5, 20, 60, 300])
def test_a_key_by_itself_is_its_own_softmax_however_large_the_scores_are(size):
    torch.manual_seed(int(size * 10))
    before, after = size * torch.randn(2, 2, 3, 5, 7)
    gradient = torch.randn(before.shape)
    expected = torch.zeros(2, 3, 7, dtype=torch.float64)
    for key in range(7):
        scores = before.double().clone()
        scores[..., key] = after[..., key].double()
        moved = scores.softmax(-1) - before.double().softmax(-1)
        expected[..., key] = (moved * gradient).sum((-1, -2))
    assert expected.abs().max() > 0.1
    assert (of_single_keys(before, after, gradient) - expected).abs().max() <= 1e-5


def test_the_only_key_of_a_row_has_all_the_weight():
    before, after, gradient = torch.randn(3, 1, 2, 4, 1)
    assert (of_single_keys(before, after, gradient) == torch.zeros(1, 2, 1)).all()
