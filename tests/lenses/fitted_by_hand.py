"""Models with every kind of token, and the affine lens in NumPy."""

from __future__ import annotations

import numpy as np
import torch

import vitlens_widgets as vl
from tests.small_models import hf_model, timm_model

SPECIAL = [
    "CLS",
    "mean of patches",
    "mean of patches, norm before",
    "mean of all tokens",
    "distillation",
    "four registers and layer scale",
    "pre-norm tower",
]
KINDS = {
    "CLS": ("readout", "patch"),
    "mean of patches": ("patch",),
    "mean of patches, norm before": ("patch",),
    "mean of all tokens": ("readout", "patch"),
    "distillation": ("readout", "patch"),
    "four registers and layer scale": ("readout", "patch", "register"),
    "pre-norm tower": ("readout", "patch"),
}


def small(special, **words):
    """A small model, three blocks deep."""
    return vl.load(hf_model() if special == "transformers" else timm_model(special, **words))


def random_translators(vit, n_states, n_kinds, rank=None, seed=3):
    """`weight`, `bias` and, of a given rank, `up`, as an affine lens takes them."""
    g, d = torch.Generator().manual_seed(seed), vit.width
    shape = (n_states, n_kinds)
    weight = 0.1 * torch.randn(*shape, rank or d, d, generator=g)
    words = {"weight": weight, "bias": 0.3 * torch.randn(*shape, d, generator=g)}
    return words | ({"up": torch.randn(*shape, d, rank, generator=g)} if rank else {})


def translated(states, names, kinds, weight, bias, up=None):
    """`h + A h + b` of each token by its kind: states `[state, image, token, d]`, in NumPy."""
    states = states.double().numpy()
    out = states.copy()
    for k in range(len(weight)):
        for token in range(states.shape[2]):
            which = kinds.index(names[token] if len(kinds) > 1 or kinds[0] != "all" else "all")
            matrix = weight[k, which].double().numpy()
            if up is not None:
                matrix = up[k, which].double().numpy() @ matrix
            h = states[k, :, token]
            out[k, :, token] = h + np.einsum("de,ie->id", matrix, h) + bias[k, which].numpy()
    return torch.from_numpy(out)


def token_names(vit):
    """The kind of every token, said again: by the name of the readout alone."""
    prefix = {
        "CLS": ["readout"],
        "mean of patches": ["register"] * vit.layout.n_prefix,
        "mean of all tokens": ["readout"] * vit.layout.n_prefix,
        "CLS + distillation": ["readout", "readout"],
    }[vit.readout.name]
    return (prefix + ["register"] * 8)[: vit.layout.n_prefix] + ["patch"] * vit.layout.n_patches
