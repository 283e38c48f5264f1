"""Attention maps without a model: the face of a trace's maps, computed in NumPy from q and k."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from tests.widgets.fake_reading import FakeLayout
from vitlens_widgets.widgets.attention_maps.codes import pooled, ranges_of

MEANINGS = {"entropy": "spread of a query's attention", "on_itself": "mass on the diagonal"}


class FakeStatistics:
    """A few statistics `[layer, head]`, straight from their definitions."""

    names = ("entropy", "on_itself", "largest")

    def __init__(self, patterns):
        p = patterns.astype(np.float64)
        self.n = p.shape[-1]
        known = np.where(p > 0, p, 1.0)
        self.values = {
            "entropy": -(p * np.log(known)).sum(-1).mean(-1),
            "on_itself": np.diagonal(p, axis1=-2, axis2=-1).mean(-1),
            "largest": p.max(-1).mean(-1),
        }

    def label(self, name):
        return name.replace("_", " ")

    def unit(self, name):
        return "nats" if name == "entropy" else "share"

    def meaning(self, name):
        return MEANINGS.get(name, name)

    def null(self, name):
        return {"entropy": np.log(self.n), "on_itself": 1 / self.n}.get(name)


class FakeMaps:
    """Random queries and keys `[image, layer, head, token, d]`, another number everywhere."""

    def __init__(self, q, k, layout, pictures, tokens=None, model_name="fake/vit", bias=None):
        self.n_images, self.n_layers, self.n_heads = q.shape[:3]
        self.layout, self.pictures, self.model_name = layout, pictures, model_name
        self.tokens = np.arange(layout.n_tokens) if tokens is None else np.asarray(tokens)
        self.q, self.k, self.bias = q, k, bias
        self.asked = []

    def _scores(self, layer, image):
        q, k = self.q[image, layer], self.k[image, layer]
        scores = np.einsum("hqd,hkd->hqk", q, k) / np.sqrt(q.shape[-1])
        return (scores if self.bias is None else scores + self.bias).astype(np.float32)

    def _layer(self, layer, kind, image):
        scores = self._scores(layer, image)
        if kind == "scores":
            return scores
        p = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
        return (p / p.sum(-1, keepdims=True)).astype(np.float32)

    def of_layer(self, layer, kind="pattern", image=0):
        self.asked.append((layer, kind, image))
        if image is not None:
            return self._layer(layer, kind, image)
        every = [self._layer(layer, kind, i) for i in range(self.n_images)]
        return np.mean(every, axis=0, dtype=np.float64).astype(np.float32)

    def of_head(self, layer, head, kind="pattern", image=0):
        return self.of_layer(layer, kind, image)[head]

    def mean_of_heads(self, layer, kind="pattern", image=0):
        return self.of_layer(layer, kind, image).mean(0)

    def rollout(self, layer, image=0):
        images = range(self.n_images) if image is None else [image]
        return np.mean([self._rollout(layer, i) for i in images], axis=0).astype(np.float32)

    def _rollout(self, layer, image):
        joint = np.eye(len(self.tokens))
        for below in range(layer + 1):
            step = self.mean_of_heads(below, "pattern", image) / 2 + np.eye(len(joint)) / 2
            joint = step @ joint
        return joint

    def neurons(self, layer, head, query, key, image=0):
        q, k = self.q[image, layer, head, query], self.k[image, layer, head, key]
        scale = 1 / np.sqrt(len(q))
        return SimpleNamespace(
            query=q, key=k, product=q * k, scale=scale, rest=0.0,
            score=float((q * k).sum() * scale),
        )  # fmt: skip

    def statistics(self, image, layers=None):
        every = [self.of_layer(layer, "pattern", image) for layer in range(self.n_layers)]
        found = FakeStatistics(np.stack(every))
        for layer in set(range(self.n_layers)) - set(
            range(self.n_layers) if layers is None else layers
        ):
            for values in found.values.values():
                values[layer] = np.nan
        return found

    def layer_overview(self, layer, side, image=0):
        whole = self.of_layer(layer, "pattern", image)
        return pooled(whole, side), ranges_of(whole, "pattern")[:, 1:]

    def adopt(self, before, layers):
        pass

    def picture(self, image):
        return self.pictures[image]


def random_maps(
    seed=0, *, layers=3, heads=2, images=1, rows=4, cols=6, prefix=("CLS",), d=5, patch=8,
    tokens=None, bias=None, sharpness=1.5,
):  # fmt: skip
    """Asymmetric random maps on a grid that is not square, unless asked otherwise."""
    rng = np.random.default_rng(seed)
    layout = FakeLayout(rows, cols, tuple(prefix))
    n = layout.n_tokens if tokens is None else len(tokens)
    q, k = (
        sharpness * rng.standard_normal((images, layers, heads, n, d), dtype=np.float32)
        for _ in range(2)
    )
    pictures = rng.integers(0, 256, (images, rows * patch, cols * patch, 3), dtype=np.uint8)
    return FakeMaps(q, k, layout, pictures, tokens, bias=bias)
