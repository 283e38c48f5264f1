"""Relevance without a model: the face of what RelevanceMaps shows, invented in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from tests.widgets.fake_reading import FakeLabels, FakeLayout
from vitlens_widgets.errors import UsageError

METHODS = ("class_embedding", "chefer", "rollout", "headless")


@dataclass(eq=False)
class FakeRelevance:
    """Random numbers that differ everywhere; `patches` as a `Relevance` has it."""

    method: str
    labels: list
    target: np.ndarray
    layout: FakeLayout
    token_index: np.ndarray
    tokens: np.ndarray
    heads: np.ndarray | None

    def patches(self, image=0, layer=None, head=None):
        """`[row, col]`; NaN where a patch was dropped."""
        if layer is None:
            values = self.tokens[image]
        else:
            of_layer = self.heads[image, layer]
            values = of_layer.sum(0) if head is None else of_layer[head]
        every = np.full(self.layout.n_tokens, np.nan, np.float32)
        every[self.token_index] = values
        return every[self.layout.n_prefix :].reshape(self.layout.rows, self.layout.cols)


class FakeRelevances:
    """Relevance of every method and class, and curves of a few points.

    Attributes:
        asked: What was computed, `(method, target)`.
        refusal: If set, why no patches can be removed.
    """

    def __init__(self, seed, layers, heads, images, layout, tokens, labels, pictures):
        self.model_name, self.seed = "fake/vit", seed
        self.probability_kind = "softmax"
        self.n_layers, self.n_heads, self.n_images = layers, heads, images
        self.layout, self.tokens, self.labels, self.pictures = layout, tokens, labels, pictures
        self.methods = {
            name: SimpleNamespace(name=name, label=name.replace("_", " ")) for name in METHODS
        }
        self.asked, self.refusal = [], ""
        rng = np.random.default_rng(seed)
        logits = 3 * rng.standard_normal((images, len(labels)))
        logits[:, -1] = -9  # which `relevance` refuses
        self.answers = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

    def method(self, given):
        if not hasattr(given, "name"):
            raise UsageError("A method has a name.")
        return given

    def picture(self, image):
        return self.pictures[image]

    def probabilities(self, image):
        return self.answers[image].astype(np.float32)

    def relevance(self, method, target):
        self.asked.append((method.name, target))
        if target == len(self.labels) - 1:
            raise UsageError("The last class is beyond this model.")
        class_of = 0 if method.name == "rollout" else target
        rng = np.random.default_rng([self.seed, class_of, *method.name.encode()])
        shape = (self.n_images, self.n_layers, self.n_heads, len(self.tokens))
        heads = rng.standard_normal(shape, dtype=np.float32)
        if method.name != "class_embedding":
            heads = heads**2
        tokens = heads.sum((1, 2)) if method.name != "headless" else heads[:, 0, 0]
        return FakeRelevance(
            method.name, self.labels, np.full(self.n_images, target), self.layout, self.tokens,
            tokens, None if method.name == "headless" else heads,
        )  # fmt: skip

    def falling(self, found, image):
        return np.argsort(-found.patches(image).ravel(), kind="stable")

    def removed(self, n_points):
        count = self.layout.n_patches if n_points is None else n_points + 1
        return np.arange(count) / self.layout.n_patches

    def removal(self, found, image, n_points, n_random):
        if self.refusal:
            raise UsageError(self.refusal)
        removed = self.removed(n_points)
        whole = curve_of(found, image, removed)
        for done in range(1, len(removed) + 1):
            names = ["negative", "positive", *(["random"] if n_random else [])]
            yield SimpleNamespace(
                removed=removed[:done],
                probability={name: whole[i][None, :done] for i, name in enumerate(names)},
                answers={name: self._answers(i, done) for i, name in enumerate(names[:2])},
            )

    def _answers(self, kind, done):
        return (np.arange(done)[None] + kind) % len(self.labels)


def curve_of(found, image, removed):
    """Invented probabilities `[kind, point]` of the class, another for each relevance."""
    start = 0.4 + 0.5 * abs(np.sin(found.target[image] + 1))
    slow = start * (1 - removed**4)
    return np.stack([slow, start * (1 - removed) ** 4, start * (1 - removed)]).astype(np.float32)


def random_relevances(
    seed=0, *, layers=3, heads=2, images=1, rows=4, cols=6, prefix=("CLS",), patch=8,
    tokens=None, classes=7, emoji=None,
):  # fmt: skip
    """An asymmetric grid that is not square, unless asked otherwise."""
    rng = np.random.default_rng(seed)
    layout = FakeLayout(rows, cols, tuple(prefix))
    tokens = np.arange(layout.n_tokens) if tokens is None else np.asarray(tokens)
    labels = FakeLabels([f"thing {i}" for i in range(classes)], emoji)
    pictures = rng.integers(0, 256, (images, rows * patch, cols * patch, 3), dtype=np.uint8)
    return FakeRelevances(seed, layers, heads, images, layout, tokens, labels, pictures)
