"""A pair of runs without a model: the face of what Causes shows, invented in NumPy."""

from __future__ import annotations

import zlib
from types import SimpleNamespace

import numpy as np

from tests.widgets.fake_reading import FakeLabels, FakeLayout
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.causes.seam import Writes


class FakePair:
    """Every place moves the logits by numbers of its own; several together by less than their sum.

    Attributes:
        exchanged: The sets of places that were exchanged, in their order.
        refusal: If set, why nothing can be exchanged.
    """

    def __init__(self, seed, layers, heads, images, layout, tokens, labels, pictures, rows):
        self.model_name, self.seed = "fake/vit", seed
        self.probability_kind, self.readout_name = "softmax", "CLS"
        self.n_layers, self.n_heads, self.n_images = layers, heads, images
        self.layout, self.tokens, self.labels, self.rows = layout, tokens, labels, rows
        self.both = pictures
        rng = np.random.default_rng(seed)
        self.answers = rng.standard_normal((images, 2, len(labels))).astype(np.float32)
        self.answers[:, 0, 2] += 7
        self.answers[:, 1, 4] += 7
        self.exchanged, self.refusal = [], ""

    def picture(self, image):
        return self.both[image, 0]

    def pictures(self, image):
        return self.both[image]

    def logits(self, image):
        return self.answers[image]

    def moved(self, place, image, direction):
        """What a place adds to the logits, `[class]`."""
        key = repr([self.seed, place.as_json, image, direction]).encode()
        rng = np.random.default_rng(zlib.crc32(key))
        base, other = self.answers[image][:: 1 if direction == "noising" else -1]
        return rng.uniform(-0.3, 0.9) * (other - base) + 0.2 * rng.standard_normal(len(base))

    def after(self, places, image, direction):
        """The logits with places exchanged together, float32 `[class]`."""
        base = self.answers[image][0 if direction == "noising" else 1]
        whole = sum(self.moved(place, image, direction) for place in places)
        return (base + whole / len(places) ** 0.5).astype(np.float32)

    def exchange(self, places, image, direction):
        for together in places:
            if self.refusal:
                raise UsageError(self.refusal)
            self.exchanged.append(list(together))
            yield self.after(together, image, direction)

    def estimates(self, target, against, image, direction, values):
        if self.refusal:
            raise UsageError(self.refusal)
        key = repr([self.seed, target, against, image, direction, values]).encode()
        rng = np.random.default_rng(zlib.crc32(key))
        parts = rng.standard_normal((self.n_layers, self.n_heads + len(self.rows)))
        tokens = 0.3 * rng.standard_normal((self.n_layers, len(self.tokens)))
        return parts.astype(np.float32), tokens.astype(np.float32)

    def reads(self, layer, head, image, direction):
        rng = np.random.default_rng([self.seed, layer, head, image, direction == "noising"])
        return rng.dirichlet(np.ones(len(self.tokens))).astype(np.float32)

    def writes(self, classes, image, direction):
        rng = np.random.default_rng([self.seed, image, direction == "noising", *classes])
        steps = rng.standard_normal((len(classes), 2 * self.n_layers + 2))
        own = self.answers[image][0 if direction == "noising" else 1][list(classes)]
        steps[:, -1] += own - steps.sum(1)
        rows = (self.n_layers, self.n_heads + len(self.rows))
        return Writes(np.cumsum(steps, 1), rng.standard_normal((len(classes), *rows)))

    def circuit(self, target, _against, method):
        """Edges in any order, of which more keep more."""
        if self.refusal:
            raise UsageError(self.refusal)
        rng, graph = np.random.default_rng([self.seed, target]), Graph(self.n_layers, self.n_heads)
        ranked = rng.permutation(graph.edges)
        asked = [1, 3, 9, 20, len(ranked)]
        by_rank = SimpleNamespace(asked=asked, shares=np.linspace(0, 1, len(asked)))
        scores = SimpleNamespace(
            shares=rng.standard_normal(graph.allowed.shape), ranked=lambda: ranked
        )
        return SimpleNamespace(
            graph=graph, edges=graph.mask(ranked[:20]), share=0.75, without=0.1, size=20,
            curves=[by_rank], random=np.array([0.2, 0.3]), scores=scores,
            answers=self.answers[:, 0], finished=method == "threshold",
        )  # fmt: skip


def random_pair(
    seed=0, *, layers=3, heads=2, images=1, rows=4, cols=6, prefix=("CLS",), patch=8,
    tokens=None, classes=7, beside=("attention", "mlp"),
):  # fmt: skip
    """An asymmetric grid that is not square, unless asked otherwise."""
    rng = np.random.default_rng(seed)
    layout = FakeLayout(rows, cols, tuple(prefix))
    tokens = np.arange(layout.n_tokens) if tokens is None else np.asarray(tokens)
    labels = FakeLabels([f"thing {i}" for i in range(classes)])
    pictures = rng.integers(0, 256, (images, 2, rows * patch, cols * patch, 3), dtype=np.uint8)
    return FakePair(seed, layers, heads, images, layout, tokens, labels, pictures, beside)
