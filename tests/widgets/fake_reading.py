"""A reading without a model: the public face of `Reading`, computed in NumPy from given logits."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from vitlens_widgets.errors import UsageError, did_you_mean


class FakeLabels(list):
    """Class names with emoji, found by name or index."""

    def __init__(self, names, emoji=None):
        super().__init__(names)
        self.emoji = tuple(emoji) if emoji is not None else ("",) * len(self)

    def index(self, target):
        if isinstance(target, str):
            if target in self:
                return super().index(target)
            raise UsageError(f'"{target}" is not a label.{did_you_mean(target, self)}')
        if not 0 <= target < len(self):
            raise UsageError(f"class index {target} is not in 0 to {len(self) - 1}")
        return int(target)


@dataclass(frozen=True)
class FakeLayout:
    """A patch grid after some prefix tokens."""

    rows: int
    cols: int
    prefix: tuple[str, ...] = ("CLS",)

    @property
    def n_prefix(self):
        return len(self.prefix)

    @property
    def n_patches(self):
        return self.rows * self.cols

    @property
    def n_tokens(self):
        return self.n_prefix + self.n_patches

    def row_col(self, token):
        return None if token < self.n_prefix else divmod(token - self.n_prefix, self.cols)

    def describe(self, token):
        place = self.row_col(token)
        return self.prefix[token] if place is None else f"row {place[0]}, col {place[1]}"


class Answers:
    """Statistics of logits `[state, image, ..., class]`, each straight from its definition."""

    def __init__(self, logits):
        self._logits = np.asarray(logits, dtype=np.float32)

    def logits(self, state):
        return self._logits[state]

    def logit(self, target):
        return self._logits[..., target]

    def logsumexp(self):
        highest = self._logits.max(-1)
        return highest + np.log(np.exp(self._logits - highest[..., None]).sum(-1))

    def _probabilities(self):
        return np.exp(self._logits.astype(np.float64) - self.logsumexp()[..., None])

    def probability(self, target):
        return self._probabilities()[..., target].astype(np.float32)

    def rank(self, target):
        return 1 + (self._logits > self._logits[..., target : target + 1]).sum(-1)

    def top(self, k):
        index = np.argsort(-self._logits, axis=-1, kind="stable")[..., :k]
        p = np.take_along_axis(self._probabilities(), index, -1).astype(np.float32)
        return SimpleNamespace(index=index, probability=p)

    def entropy(self):
        p = self._probabilities()
        return -(p * np.log(np.maximum(p, 1e-300))).sum(-1).astype(np.float32)

    def kl_to_final(self):
        """KL(answer in the final state || answer in this state) of the same token, in nats."""
        log_p = self._logits - self.logsumexp()[..., None]
        return (np.exp(log_p[-1]) * (log_p[-1] - log_p)).sum(-1).astype(np.float32)


class FakeReading(Answers):
    """Logits of the tokens `[state, image, token, class]` and of the readout, with pictures."""

    def __init__(self, tokens, readout, pictures, layout, labels, readout_name="CLS"):
        super().__init__(tokens)
        self.readout = Answers(readout)
        self.n_states, self.n_images = tokens.shape[:2]
        self.state_names = [*(f"{k}_pre" for k in range(self.n_states - 1)), "final"]
        self.layout, self.labels, self.pictures = layout, labels, pictures
        self.tokens = np.arange(layout.n_tokens)
        self.probabilities = "softmax"
        self.model_name, self.lens_name = "fake/vit", "logit lens"
        self.readout_name = readout_name

    def picture(self, image):
        return self.pictures[image]


def random_reading(
    seed=0, *, states=4, images=2, rows=3, cols=5, prefix=("CLS",), classes=7, patch=8,
    labels=None, readout_name="CLS", scale=2.0,
):  # fmt: skip
    """Asymmetric random numbers: another one at every state, image, token and class."""
    rng = np.random.default_rng(seed)
    layout = FakeLayout(rows, cols, tuple(prefix))
    tokens = scale * rng.standard_normal((states, images, layout.n_tokens, classes))
    readout = scale * rng.standard_normal((states, images, classes))
    if readout_name in layout.prefix:
        readout = tokens[:, :, layout.prefix.index(readout_name)]
    pictures = rng.integers(0, 256, (images, rows * patch, cols * patch, 3), dtype=np.uint8)
    labels = labels or FakeLabels([f"thing {c}" for c in range(classes)])
    return FakeReading(
        tokens.astype(np.float32), readout.astype(np.float32), pictures, layout, labels,
        readout_name,
    )  # fmt: skip
