"""The weights of timm's attention pooling, against the module's own output."""

from __future__ import annotations

import pytest
import torch
from timm.layers import AttentionPoolLatent

from tests.small_models import shaken
from vitlens_widgets.models.timm_pooling import latent_attention


@pytest.mark.parametrize("pos_embed", ["", "abs"])
@pytest.mark.parametrize(("pool_type", "latents"), [("token", 3), ("avg", 3), ("token", 1)])
def test_weighed_values_are_the_modules_own_output(pos_embed, pool_type, latents):
    words = {"feat_size": 6, "latent_len": latents, "pos_embed": pos_embed}
    pool = AttentionPoolLatent(12, num_heads=3, pool_type=pool_type, qk_norm=True, **words)
    pool = shaken(pool)
    pool.mlp = None  # what follows the attention is linear, so that the mean may be taken before
    tokens = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        weights = latent_attention(pool, tokens)
        placed = tokens if pool.pos_embed is None else tokens + pool.pos_embed
        values = pool.kv(placed).unflatten(-1, (2, 3, 4))[:, :, 1]
        pooled = pool.proj(torch.einsum("iht,ithd->ihd", weights, values).flatten(1))
        torch.testing.assert_close(pooled, pool(tokens))
    assert weights.shape == (2, 3, 6)
