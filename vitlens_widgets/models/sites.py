"""The named places in a forward pass, and how one of them is found in a module.

Names and shapes are TransformerLens' (Nanda & Bloom, 2022). With `L` blocks, each of these stands
in every block `0 .. L-1`:

| site | shape | what it is |
|---|---|---|
| `resid_pre` | `[image, token, d]` | the residual stream before the block: state k for block k |
| `q`, `k` | `[image, token, head, d_head]` | queries and keys, normed, before any rotation |
| `v` | `[image, token, head, d_head]` | values |
| `attn_scores` | `[image, head, query, key]` | what the softmax is given |
| `pattern` | `[image, head, query, key]` | attention weights: each row sums to 1 |
| `z` | `[image, token, head, d_head]` | `pattern @ v`, before any norm, gate and projection |
| `attn_out` | `[image, token, d]` | what attention adds to the stream |
| `resid_mid` | `[image, token, d]` | the stream between attention and MLP |
| `mlp_pre` | `[image, token, d_mlp]` | the MLP's neurons before the activation |
| `mlp_post` | `[image, token, d_mlp]` | the MLP's neurons after the activation |
| `mlp_out` | `[image, token, d]` | what the MLP adds to the stream |
| `resid_post` | `[image, token, d]` | the stream after the block: state k + 1 for block k |

`attn_scores` are the scaled products of q and k with rotations, position biases and masks in them.
`attn_out` and `mlp_out` include layer scale, and the norm of a block that norms what it adds. In a
gated MLP, `mlp_pre` is the gate's side, and `mlp_post` its activation times the linear side.
A block that runs attention and MLP side by side on the same stream has no `resid_mid`; one without
an MLP has neither that nor any site of an MLP.
Where several query heads share one key and value head, `k` and `v` show it once per query head.
Where a block runs several attentions and MLPs side by side on the same stream, its heads and
neurons stand one branch after the other, and `attn_out` and `mlp_out` are the sums over branches.
"""

from __future__ import annotations

HOOKED_SITES = (
    "resid_pre",
    "q",
    "k",
    "v",
    "z",
    "attn_out",
    "resid_mid",
    "mlp_pre",
    "mlp_post",
    "mlp_out",
    "resid_post",
)
"""Sites that a module's input or output shows during the forward pass."""

DERIVED_SITES = ("attn_scores", "pattern")
"""Sites computed from q and k afterwards, so that the model keeps its fused attention."""

SITES = (*HOOKED_SITES, *DERIVED_SITES)
