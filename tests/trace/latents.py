"""An autoencoder of random weights, as an edit asks it, for tests."""

from __future__ import annotations

import torch


class RandomLatents:
    """`relu((x - b) W^T + c)`, of which the k largest are kept; directions of length 1."""

    def __init__(self, site, layer, width, n_latents=40, k=None, tokens="all", seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.site, self.layer, self.tokens = site, layer, tokens
        self.width, self.n_latents, self.k = width, n_latents, k
        self.weight = torch.randn(n_latents, width, generator=generator) / width**0.5
        self.shift, self.bias = torch.randn(width, generator=generator), torch.zeros(n_latents)
        self.directions = torch.nn.functional.normalize(
            torch.randn(n_latents, width, generator=generator), dim=-1
        )
        self.checked, self.device = [], torch.device("cpu")

    def encode(self, x):
        found = torch.relu((x - self.shift) @ self.weight.T + self.bias)
        if self.k is None:
            return found
        top = found.topk(self.k, dim=-1)
        return torch.zeros_like(found).scatter(-1, top.indices, top.values)

    def decode(self, latents):
        return latents @ self.directions + self.shift

    def adds(self, change, x=None, index=None):  # noqa: ARG002
        return change @ (self.directions if index is None else self.directions[index])

    def check(self, vit):
        self.checked.append(vit)
