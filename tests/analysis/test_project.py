"""Class projections of many images are decoded some at a time, and put together again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import timm_model
from vitlens_widgets.analysis.class_space import project


@pytest.mark.parametrize(
    ("units", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (4.9, [4, 1]), (9, [5])]
)
def test_so_many_images_go_through_as_their_logits_may_take_bytes(monkeypatch, units, sizes):
    vit, seen = vl.load(timm_model("CLS")), []
    state, classes = torch.randn(5, 7, vit.width), torch.tensor([3, 0, 10, 7, 3])
    with torch.no_grad():
        logits = vit.adapter.token_logits(state).numpy()
    decode = vit.adapter.token_logits
    monkeypatch.setattr(
        vit.adapter, "token_logits", lambda part: seen.append(len(part)) or decode(part)
    )
    monkeypatch.setattr(project, "_PIECE_BYTES", int(units * 4 * 7 * 11))
    found = project.tokens(vit, state, classes)
    assert seen == sizes
    true = np.take_along_axis(logits, classes.numpy()[:, None, None], -1)
    np.testing.assert_allclose(found.logit, true[..., 0], rtol=1e-4)
    np.testing.assert_array_equal(found.rank, 1 + (logits > true).sum(-1))
    np.testing.assert_array_equal(found.top, logits.argmax(-1))
