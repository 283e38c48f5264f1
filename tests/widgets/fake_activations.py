"""Features without a model: the face of what Features shows, invented in NumPy."""

from __future__ import annotations

import numpy as np

from tests.widgets.fake_reading import FakeLabels, FakeLayout
from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.features.seam import (
    ClassAreas,
    DataPatches,
    Neighbour,
    Strongest,
    TurnedAnswers,
    WrittenLogits,
)

EDGES = np.array([-np.inf, 0.0, *(2.0 ** (octave / 4 - 12) for octave in range(97)), np.inf])


class FakeActivations:
    """Activations that say what they are of: all are drawn from the feature's own seed.

    Attributes:
        asked: What was computed, in order.
        refusal: If set, why there is nothing of a model.
    """

    model_name, site, readout_name, answers_are = "fake/vit", "mlp_post", "CLS", "softmax"

    def __init__(self, seed, layers, width, layout, classes, images, n_data, kind, dead):
        self._seed, self.kind = seed, kind
        self.layers, self.n_layers, self.width = tuple(layers), max(layers) + 2, width
        self.layout, self.n_images, self.n_data = layout, images, n_data
        self.labels = FakeLabels([f"thing {i}" for i in range(classes)])
        self.answers = FakeLabels([f"answer {i}" for i in range(7)])
        self.edges, self.asked, self.refusal = EDGES, [], ""
        rng = np.random.default_rng(seed)
        shape = (len(layers), width)
        n_bins, total = len(EDGES) - 1, n_data * layout.n_patches
        last = rng.integers(50, 70, shape)
        bins = np.arange(n_bins)
        shares = np.exp(-(((bins - last[..., None] + 9) / 7) ** 2)) * rng.random((*shape, 1)) / 30
        self.counts = np.floor(shares * total).astype(np.int64)
        self.counts[bins > last[..., None]] = 0
        np.put_along_axis(self.counts, last[..., None], 1, -1)
        self.counts[..., 0] = 0
        self.counts[rng.random(shape) < dead] = 0
        self.counts[..., 0] = total - self.counts.sum(-1)
        alive = self.counts[..., 0] < total
        self.largest = np.where(alive, EDGES[last] * 1.05, 0).astype(np.float32)
        self.mean = self.largest * rng.random(shape).astype(np.float32) / 9
        auc = 0.5 + 0.5 * rng.random((*shape, classes)) ** 6
        self.selectivity = ClassAreas(auc, 0.58, "largest on the image") if classes else None
        size = (images, layout.rows * 8, layout.cols * 8, 3)
        self.inputs = rng.integers(0, 256, size, dtype=np.uint8)

    def _rng(self, *of):
        return np.random.default_rng([self._seed, *of])

    def place(self, layer):
        return self.layers.index(layer)

    def counts_of(self, layer, feature):
        shares = self._rng(layer, feature, 11).dirichlet(np.ones(len(self.labels) + 1))[:-1]
        counts = np.multiply.outer(shares, self.counts[self.place(layer), feature])
        return np.floor(counts).astype(int)

    def counts_of_best(self, best):
        every = [(layer, feature) for layer in self.layers for feature in range(self.width)]
        if len(every) > 2000:  # all alike: there the sizes matter
            return self.counts.reshape(-1, self.counts.shape[-1]) // 3
        return np.stack([self.counts_of(*of)[one] for of, one in zip(every, best, strict=True)])

    def interval(self, layer, feature, target):
        area = self.selectivity.auc[self.place(layer), feature, target]
        return area - 0.01, area + 0.005

    def strongest(self, layer, feature):
        self.asked.append(("strongest", layer, feature))
        rng, n = self._rng(layer, feature), min(12, self.n_data)
        maps = rng.random((n, self.layout.n_patches)) ** 4
        most = self.largest[self.place(layer), feature]
        maps *= most * np.linspace(1, 0.6, n)[:, None] / maps.max(1, keepdims=True)
        maps = maps.astype(np.float32)
        grid = maps.reshape(n, self.layout.rows, self.layout.cols)
        return Strongest(rng.permutation(self.n_data)[:n], maps.argmax(1), maps.max(1), grid)

    def tenths(self, layer, feature):
        most = float(self.largest[self.place(layer), feature])
        n, rng = (10 if most > 0 else 0), self._rng(layer, feature, 1)
        values = (most * np.linspace(0.02, 0.9, n) ** 2).astype(np.float32)
        n_patches = self.layout.n_patches
        return DataPatches(
            rng.integers(self.n_data, size=n), rng.integers(n_patches, size=n), values
        )

    def data_picture(self, number):
        """A patch of each colour, and a stripe that says which number it is."""
        rng, (rows, cols) = self._rng(number, 2), (self.layout.rows, self.layout.cols)
        colors = rng.integers(20, 236, (rows, cols, 3))
        picture = colors.repeat(10, 0).repeat(10, 1)
        picture[::10] = picture[::10] // 2
        return picture.astype(np.uint8)

    def shown(self, number):
        if not len(self.labels):
            return np.full(self.layout.n_patches, -1)
        return self._rng(number, 3).integers(-1, len(self.labels), self.layout.n_patches)

    def _of_model(self):
        if self.refusal:
            raise UsageError(self.refusal)

    def writes(self, layer, feature):
        self._of_model()
        logits = self._rng(layer, feature, 4).normal(size=len(self.answers)) / 9
        return WrittenLogits(self.answers, self.answers.emoji, logits - logits.mean())

    def readers(self, layer, feature):
        self._of_model()
        later = self.n_layers - 1 - layer
        return np.exp(self._rng(layer, feature, 5).normal(size=(later, 3, 3)) / 5)

    def neighbours(self, layer, feature):
        self._of_model()
        return {"writes the same": self._alike(layer, feature, 6, self.layers)}

    def partners(self, layer, feature):
        self._of_model()
        earlier = [one for one in self.layers if one < layer]
        later = [one for one in self.layers if one > layer]
        return {
            "fires with it, earlier": self._alike(layer, feature, 7, earlier),
            "fires with it, later": self._alike(layer, feature, 8, later),
        }

    def _alike(self, layer, feature, of, layers):
        rng = self._rng(layer, feature, of)
        numbers = np.sort(rng.random(4))[::-1]
        return [
            Neighbour(int(rng.choice(layers)), int(rng.integers(self.width)), float(number))
            for number in (numbers if layers else [])
        ]

    def picture(self, image):
        return self.inputs[image]

    def activations(self, image):
        rng = self._rng(image, 9)
        shape = (len(self.layers), self.layout.n_tokens, self.width)
        values = rng.random(shape, np.float32) ** 6 * self.largest[:, None]
        return np.where(rng.random(shape, np.float32) < 0.5, values, -values / 20)

    def effects(self, image, target):
        self._of_model()
        rng = self._rng(image, 12, *([] if target is None else [len(target), ord(target[-1])]))
        return target or "answer 3", rng.normal(size=self.largest.shape).astype(np.float32)

    def turned(self, image, layer, feature, strengths):
        self._of_model()
        self.asked.append(("turned", image, layer, feature))
        rng, n = self._rng(image, layer, feature, 10), len(self.answers)
        logits = rng.normal(size=n) + np.multiply.outer(np.array(strengths), rng.normal(size=n) / 3)
        answers = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        shape = (len(strengths), self.layout.n_patches)
        return TurnedAnswers(answers, rng.integers(n, size=shape), rng.random(shape))


def random_activations(
    seed=0, *, layers=(0, 1, 2, 4), width=31, rows=4, cols=6, prefix=("CLS",), classes=5,
    images=2, n_data=40, kind="neuron", dead=0.1,
):  # fmt: skip
    """Blocks unlike widths, a block left out, pictures that are not square, some dead features."""
    layout = FakeLayout(rows, cols, tuple(prefix))
    return FakeActivations(seed, layers, width, layout, classes, images, n_data, kind, dead)
