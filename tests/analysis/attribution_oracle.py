"""What attribution is held against: the definition in NumPy, the frozen norm, the sum of parts."""

from __future__ import annotations

import numpy as np
import torch

import vitlens_widgets as vl
from tests.oracle import forward_sites
from tests.small_models import pixels_for


def traced(model, n_images=2, **words):
    vit = vl.load(model)
    return vit.trace(pixels_for(vit.image_size, n_images), preprocessed=True, **words)


def total(parts):
    """All parts, `[row, image]`."""
    found = sum(parts.embedding.values()) + sum(parts.constants.values())
    found = found + parts.heads.sum((2, 3)) + parts.attention_biases.sum(2)
    for some in (parts.mlps, parts.edits):
        found = found if some is None else found + some.sum(2)
    return found


def in_numpy(model, trace, c):
    """Heads `[image, layer, head]`, biases and MLPs `[image, layer]`, by the definition."""
    w = {key: value.double().numpy() for key, value in model.state_dict().items()}
    final = trace.states[-1][:, 0].double().numpy()
    scale = np.sqrt(final.var(-1, keepdims=True) + model.norm.eps)

    def adds(vector):  # [image, d]
        centred = (vector - vector.mean(-1, keepdims=True)) / scale
        return centred * w["norm.weight"] @ w["head.weight"][c]

    heads, biases, mlps = [], [], []
    for k, sites in enumerate(forward_sites(model, trace.states[0].double().numpy())):
        gamma = w.get(f"blocks.{k}.ls1.gamma", 1.0)
        out = w[f"blocks.{k}.attn.proj.weight"]  # [d, head * d_head]
        z = sites["z"][:, 0]  # [image, head, d_head]
        by_head = out.reshape(len(out), *z.shape[1:])
        written = np.einsum("ihk,dhk->hid", z, by_head) * gamma
        heads.append(np.stack([adds(one) for one in written], axis=1))
        bias = np.broadcast_to(w[f"blocks.{k}.attn.proj.bias"] * gamma, final.shape)
        biases.append(adds(bias))
        mlps.append(adds(sites["mlp_out"][:, 0]))
    return np.stack(heads, 1), np.stack(biases, 1), np.stack(mlps, 1)


def frozen_at(model, final, vectors, c):
    """What vectors add to a class through the final norm of a run: CLS, or the mean of patches."""
    norm = model.norm if isinstance(model.norm, torch.nn.LayerNorm) else model.fc_norm
    read = (lambda x: x[:, 0]) if model.global_pool == "token" else (lambda x: x.mean(1))
    with torch.no_grad():
        if norm is model.norm:
            scale = (final.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            moved = read((vectors - vectors.mean(-1, keepdim=True)) / scale)
        else:
            pooled = read(final)
            scale = (pooled.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            moved = (read(vectors) - read(vectors).mean(-1, keepdim=True)) / scale
        return moved * norm.weight @ model.head.weight[c]
