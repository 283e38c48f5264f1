"""PatchGrid on a real reading: what the browser is sent is what the model itself answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model

SPECIALS = ["CLS", "mean of patches", "distillation", "four registers and layer scale"]


@pytest.mark.parametrize("special", SPECIALS)
def test_the_final_readout_that_is_sent_is_the_models_own_answer(special):
    vit = vl.load(timm_model(special))
    rng = np.random.default_rng(4)
    images = [rng.integers(0, 256, (90, 130, 3), dtype=np.uint8) for _ in range(2)]
    trace = vit.trace(images)
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace), image=1)
    shape = (grid._n_states, grid._n_tokens + 1, len(vit.labels))
    logits = np.frombuffer(grid._logits, "<f4").reshape(shape)
    own = torch.as_tensor(trace.logits)[1].numpy()
    np.testing.assert_allclose(logits[-1, -1], own, atol=1e-5 * np.abs(own).max())
    assert grid.target == int(own.argmax())
    assert grid._n_tokens == vit.layout.n_tokens
    prefix = vit.layout.prefix
    expected = prefix.index("CLS") if grid._meta["readout_name"] == "CLS" else None
    assert grid._meta["readout_token"] == expected


def test_a_reading_without_all_its_patches_is_refused():
    vit = vl.load(timm_model("CLS"))
    edits = [vl.edits.DropTokens([3, 4])]
    trace = vit.trace(pixels_for((48, 80)), edits=edits, preprocessed=True)
    with refused(vl.UsageError):
        vl.PatchGrid(vl.LogitLens(vit).read(trace))


@pytest.mark.parametrize("site", ["attn_out", "mlp_out"])
def test_what_blocks_add_is_shown_block_by_block(site):
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    grid = vl.PatchGrid(vl.LogitLens(vit).read(trace, site=site))
    assert grid._meta["state_names"] == [f"{k}_{site}" for k in range(3)]
    assert grid.state == 2
