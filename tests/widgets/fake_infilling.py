"""An infilling without a model: the public face of `Infilling`, computed in NumPy.

What is "painted" depends on the state, on the image and on the mask, so that a mix-up of any of
them shows.
"""

from __future__ import annotations

import numpy as np

from tests.widgets.fake_reading import FakeLayout
from vitlens_widgets.errors import UsageError


class FakeLens:
    """Draws masks: numbers by chance, the lowest hidden."""

    def __init__(self, n_patches):
        self.n_patches = n_patches

    def mask(self, n_images, mask_ratio=None, seed=2, mask=None):
        if mask is not None:
            return np.asarray(mask)
        chance = np.random.default_rng(seed).random((n_images, self.n_patches))
        order = chance.argsort(axis=1).argsort(axis=1)
        return order < min(max(round(mask_ratio * self.n_patches), 1), self.n_patches - 1)


class FakeInfilling:
    """Pictures `[image, height, width, 3]`, scores `[state, image]`."""

    model_name, lens_name = "fake/mae", "infill lens"

    def __init__(self, layout, original, base, mask, statistics=None, counted=None):
        self.layout, self.original, self.statistics = layout, original, statistics
        self.base = base  # float [state, image, height, width, 3], 0..1
        self.mask = np.asarray(mask, bool)
        self.n_states, self.n_images = base.shape[:2]
        self.state_names = [f"{k}_pre" for k in range(self.n_states - 1)] + ["final"]
        self.lens = FakeLens(layout.n_patches)
        self.counted = {"reruns": 0, "scores": 0} if counted is None else counted

    @property
    def hidden(self):
        rows, cols = self.layout.rows, self.layout.cols
        size = (self.original.shape[1] // rows, self.original.shape[2] // cols)
        return np.kron(self.mask.reshape(-1, rows, cols), np.ones((1, *size), bool))

    def pixels(self, state, *, paste=False):
        shift = (self.mask @ np.arange(1, self.layout.n_patches + 1)) % 97 / 300
        painted = np.clip(self.base[state] + shift[:, None, None, None], 0, 1).astype(np.float32)
        known = self.original.astype(np.float32) / 255
        return np.where(self.hidden[..., None], painted, known) if paste else painted

    def pictures(self, state, *, paste=True):
        return np.rint(self.pixels(state, paste=paste) * 255).astype(np.uint8)

    def _compared(self, reference):
        known = self.original.astype(np.float32) / 255
        return known if reference == "original" else self.pixels(self.n_states - 1, paste=True)

    def error(self, state, reference="original"):
        return np.abs(self.pixels(state, paste=True) - self._compared(reference)).mean(axis=-1)

    def score(self, metric, reference="original"):
        self.counted["scores"] += metric == "mse"
        states = range(self.n_states)
        with np.errstate(invalid="ignore", divide="ignore"):
            off = [
                np.square(self.pixels(k, paste=True) - self._compared(reference)) for k in states
            ]
            mse = np.array(
                [[o[h].mean() if h.any() else np.nan for o, h in zip(one, self.hidden, strict=True)]
                 for one in off]
            )  # fmt: skip
            return {"mse": mse, "psnr": -10 * np.log10(mse), "ssim": 1 - 3 * mse}[metric]

    def converged(self):
        far = self.score("mse", "final")
        return np.argmax(far <= 0.1 * far.max(axis=0), axis=0)

    def rerun(self, *, mask):
        self.counted["reruns"] += 1
        mask = np.asarray(mask)
        if mask.shape == (self.layout.n_patches,):
            mask = np.tile(mask, (self.n_images, 1))
        return self._like(self.original, self.base, mask)

    def only(self, image):
        if not 0 <= image < self.n_images:
            raise UsageError(f"image {image} is out of range")
        one = slice(image, image + 1)
        return self._like(self.original[one], self.base[:, one], self.mask[one])

    def _like(self, original, base, mask):
        return type(self)(self.layout, original, base, mask, self.statistics, self.counted)


def random_infilling(
    seed=0, *, states=4, rows=4, cols=6, patch=8, images=1, mask_ratio=0.5, statistics=None
):
    """An infilling of a grid that is not square, unless asked otherwise."""
    rng = np.random.default_rng(seed)
    layout = FakeLayout(rows, cols)
    size = (images, rows * patch, cols * patch, 3)
    original = rng.integers(0, 256, size, dtype=np.uint8)
    base = rng.random((states, *size))
    mask = FakeLens(layout.n_patches).mask(images, mask_ratio, 2)
    return FakeInfilling(layout, original, base, mask, statistics)
