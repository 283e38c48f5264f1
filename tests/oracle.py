"""A ViT's forward pass written again in NumPy, float64, from its weights: the oracle of the sites.

Written from Dosovitskiy et al. (2021), Touvron et al. (2021, layer scale), Dehghani et al. (2023,
qk-norm) and Elhage et al. (2021, blocks without an MLP), with the parameter names of timm. It
shares no code with the package.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

_erf = np.vectorize(math.erf)


Touch = Callable[[str, int, np.ndarray], np.ndarray]
"""Takes (site, layer, value) and gives the value that the pass goes on with."""


def forward_sites(
    model, tokens: np.ndarray, touch: Touch = lambda _site, _layer, value: value
) -> list[dict[str, np.ndarray]]:
    """Every site of every block for a state 0 `[image, token, d]`, each `touch`ed on the way."""
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    eps, heads = model.blocks[0].norm1.eps, model.blocks[0].attn.num_heads
    sites, stream = [], tokens.astype(np.float64)
    for layer in range(len(model.blocks)):
        own = {k.removeprefix(f"blocks.{layer}."): v for k, v in weights.items()}
        sites.append(_block(own, stream, heads, eps, partial(_touched, touch, layer)))
        stream = sites[-1]["resid_post"]
    return sites


def _touched(touch: Touch, layer: int, site: str, value: np.ndarray) -> np.ndarray:
    return touch(site, layer, value)


def _block(w: dict, x: np.ndarray, heads: int, eps: float, touch) -> dict[str, np.ndarray]:
    site = {"resid_pre": touch("resid_pre", x)}
    x = site["resid_pre"]
    normed = _norm(x, w, "norm1", eps)
    qkv = normed @ w["attn.qkv.weight"].T + w.get("attn.qkv.bias", 0.0)
    q, k, v = (part.reshape(*x.shape[:2], heads, -1) for part in np.split(qkv, 3, axis=-1))
    site["q"] = touch("q", _norm(q, w, "attn.q_norm", eps))
    site["k"] = touch("k", _norm(k, w, "attn.k_norm", eps))
    site["v"] = touch("v", v)
    scores = np.einsum("iqhd,ikhd->ihqk", site["q"], site["k"]) / math.sqrt(v.shape[-1])
    site["attn_scores"] = touch("attn_scores", scores)
    site["pattern"] = touch("pattern", _softmax(site["attn_scores"]))
    site["z"] = touch("z", np.einsum("ihqk,ikhd->iqhd", site["pattern"], site["v"]))
    z = _norm(site["z"].reshape(*x.shape[:2], -1), w, "attn.norm", eps)
    site["attn_out"] = touch("attn_out", _linear(z, w, "attn.proj") * w.get("ls1.gamma", 1.0))
    if "mlp.fc1.weight" not in w:
        return {**site, "resid_post": touch("resid_post", x + site["attn_out"])}
    site["resid_mid"] = touch("resid_mid", x + site["attn_out"])
    hidden = _linear(_norm(site["resid_mid"], w, "norm2", eps), w, "mlp.fc1")
    site["mlp_pre"] = touch("mlp_pre", hidden)
    gelu = 0.5 * site["mlp_pre"] * (1 + _erf(site["mlp_pre"] / math.sqrt(2)))
    site["mlp_post"] = touch("mlp_post", gelu)
    hidden = _norm(site["mlp_post"], w, "mlp.norm", eps)
    site["mlp_out"] = touch("mlp_out", _linear(hidden, w, "mlp.fc2") * w.get("ls2.gamma", 1.0))
    site["resid_post"] = touch("resid_post", site["resid_mid"] + site["mlp_out"])
    return site


def _norm(x: np.ndarray, w: dict, name: str, eps: float) -> np.ndarray:
    if f"{name}.weight" not in w:
        return x
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]


def _linear(x: np.ndarray, w: dict, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
