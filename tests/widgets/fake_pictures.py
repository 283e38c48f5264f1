"""Pictures decoded without a model: the face of what DecodedImages shows, invented in NumPy."""

from __future__ import annotations

import math

import numpy as np

from tests.widgets.fake_reading import FakeLabels, FakeLayout
from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.decoded_images.seam import Painted


class FakePaints:
    """Pictures that say what they are of: their colours are made of image, place, seed, strength.

    Attributes:
        asked: What was painted, in order.
        fails: If set, what the next painting raises.
        refusal: If set, why there are no ablation effects.
    """

    model_name, decoder_name, judge_name, readout_name = "fake/clip", "fake/unclip", "judge", "CLS"

    def __init__(self, seed, layers, heads, images, layout, size, seeds, reads, mode, classes, big):
        self.n_layers, self.n_heads, self.n_images = layers, heads, images
        self.layout, self.tokens = layout, np.arange(layout.n_tokens)
        self.size, self.seeds, self.reads, self.mode = size, seeds, reads, mode
        self.strength = 8.0
        self.state_names = [*(f"{k}_pre" for k in range(layers)), "final"]
        self.labels = FakeLabels([f"thing {i}" for i in range(classes)], None)
        self.asked, self.fails, self.refusal, self._seed = [], None, "", seed
        rng = np.random.default_rng(seed)
        shape = (images, layout.rows * big, layout.cols * big, 3)
        self.inputs = rng.integers(0, 256, shape, dtype=np.uint8)
        self.all_effects = rng.random((images, layers, heads)) ** 3 / 10

    def picture(self, image):
        return self.inputs[image]

    def states(self, image, states, seed, other=False):
        kind = 9 if other else 0
        return self._painted([(image, kind, k, -1, seed, 1.0) for k in states])

    def components(self, image, components, seed, strength, kind="own"):
        code = ("own", "other image", "random").index(kind) + 1
        columns = [self.n_heads if one.head is None else one.head for one in components]
        return self._painted(
            [
                (image, code, one.layer, column, seed, strength)
                for one, column in zip(components, columns, strict=True)
            ]
        )

    def effects(self, image, layer):
        if self.refusal:
            raise UsageError(self.refusal)
        self.asked.append(("effects", image, layer))
        return self.all_effects[image, layer]

    def attention(self, image, layer):
        rng = np.random.default_rng([self._seed, image, layer])
        return rng.random((self.n_heads, self.layout.n_patches)).astype(np.float32) / 4

    def one(self, place):
        """The picture and numbers of a place: smooth, in the colours of what it is of."""
        image, kind, layer, column, seed, strength = place
        strength = 99.0 if math.isinf(strength) else strength
        rng = np.random.default_rng(
            [self._seed, image, kind, layer, column + 1, int(4 * strength) if kind else 0]
        )
        (height, width), colors = self.size, rng.integers(20, 236, (3, 3))
        y, x = np.mgrid[:height, :width]
        centre = rng.random(2) * (height, width)
        near = np.hypot(y - centre[0], x - centre[1]) < max(self.size) * (0.2 + 0.1 * seed)
        picture = np.where(near[..., None], colors[0], colors[1])
        picture[:: 3 + seed] = colors[2]
        similarity, before = 0.2 + 0.7 * rng.random(), 0.1 + 0.8 * rng.random()
        if column < 0:
            similarity = -0.05 + (0.9 if kind == 0 else -0.3) * layer / self.n_layers + seed / 50
            before = 1.05 * layer / self.n_layers - 0.05
        index = int(rng.integers(len(self.labels))) if self.judge_name else -1
        return picture.astype(np.uint8), similarity, before, index, 0.3 + 0.6 * rng.random()

    def _painted(self, places):
        if self.fails is not None:
            fails, self.fails = self.fails, None
            raise fails
        self.asked += places
        found = [self.one(place) for place in places]
        pictures, similarity, before, named, chance = zip(*found, strict=True)
        if self.reads == "tokens":
            before = np.full(len(places), np.nan)
        return Painted(
            np.stack(pictures), np.array(similarity), np.array(before), np.array(named),
            np.array(chance),
        )  # fmt: skip


def random_paints(
    seed=0, *, layers=4, heads=3, images=2, rows=4, cols=6, size=(14, 21), seeds=(0, 5),
    reads="readout", mode="frozen", classes=7, big=8,
):  # fmt: skip
    """Layers unlike heads, pictures that are not square, unless asked otherwise."""
    layout = FakeLayout(rows, cols, ("CLS",))
    heads = 0 if reads == "tokens" else heads
    return FakePaints(
        seed, layers, heads, images, layout, size, tuple(seeds), reads, mode, classes, big
    )
