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
        searches: The circuits that were looked for: of which pair, and what runs outside.
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
        self.exchanged, self.searches, self.findings, self.refusal = [], [], [], ""

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

    def finding(self, target, _against, image, outside):
        """Edges in any order, of which more keep more."""
        if self.refusal:
            raise UsageError(self.refusal)
        which = ("corrupted", "mean", "zero").index(outside)
        self.findings.append(
            FakeFinding(self, np.random.default_rng([self.seed, target, image, which]))
        )
        self.searches.append((image, outside))
        return self.findings[-1]


class FakeFinding:
    """A search whose steps take no time: the first 20 edges keep .75, and fewer of them less.

    Attributes:
        stops_at: The number of steps after which Ctrl-C comes, if set.
    """

    def __init__(self, pair, rng):
        self.pair, self.graph = pair, Graph(pair.n_layers, pair.n_heads)
        self.ranked = rng.permutation(self.graph.edges)
        self.scores = SimpleNamespace(
            shares=rng.standard_normal(self.graph.allowed.shape), ranked=lambda: self.ranked
        )
        self.shares = {1: 0.0, 3: 0.25, 9: 0.5, 20: 0.75, len(self.ranked): 1.0}
        self.asked, self.path, self.finished, self.measured = [], [], False, None
        self.stops_at = None

    def step(self):
        if self.pair.refusal:
            raise UsageError(self.pair.refusal)
        if self.stops_at == len(self.asked) + len(self.path):
            self.stops_at = None
            raise KeyboardInterrupt
        self.measured = None

    def by_rank(self):
        for size in list(self.shares)[len(self.asked) :]:
            self.step()
            self.asked.append(size)
            yield

    def smaller(self, method):
        self.finished = False
        for size in (18, 15, 12)[len(self.path) :] if method == "greedy" else ():
            self.step()
            edges = self.graph.mask(self.ranked[:size])
            self.path.append(SimpleNamespace(edges=edges, size=size, share=0.75 * size / 20))
            yield
        self.finished = True

    def measure(self, n_random, *, needed=True):
        assert not needed
        self.measured = n_random

    def circuit(self):
        size = self.path[-1].size if self.path else min(20, self.asked[-1])
        by_rank = SimpleNamespace(asked=self.asked, shares=[self.shares[one] for one in self.asked])
        way = [SimpleNamespace(tried=self.path)] if self.path else []
        share = self.path[-1].share if self.path else self.shares[size]
        known = self.measured is not None
        return SimpleNamespace(
            graph=self.graph, edges=self.graph.mask(self.ranked[:size]), share=share, size=size,
            without=0.1 if known else np.nan, curves=[by_rank, *way], scores=self.scores,
            random=np.array([0.2, 0.3][: self.measured or 0]), finished=self.finished,
            answers=self.pair.answers[:1, 0] if known else np.zeros((0, 7)),
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
