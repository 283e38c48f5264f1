"""timm's attention pooling: how it weighs the tokens that it reads."""

from __future__ import annotations

from torch import Tensor

from vitlens_widgets.models.foreign import Foreign


def latent_attention(pool: Foreign, tokens: Tensor) -> Tensor:
    """The weights of `timm.layers.AttentionPoolLatent`, `[image, head, token]`.

    With several latents whose answers are averaged, the mean of their weights.

    Args:
        pool: The pooling.
        tokens: What it is given, `[image, token, d]`.
    """
    heads = (pool.num_heads, pool.head_dim)
    if pool.pos_embed is not None:
        tokens = tokens + pool.pos_embed.to(tokens)
    keys = pool.kv(tokens).unflatten(-1, (2, *heads))[:, :, 0]
    q = pool.q_norm(pool.q(pool.latent).unflatten(-1, heads).transpose(1, 2))
    k = pool.k_norm(keys.transpose(1, 2))
    weights = (q * pool.scale @ k.transpose(-1, -2)).softmax(-1)
    return weights.mean(2) if pool.pool == "avg" else weights[:, :, 0]
