"""Activations of many images in a shuffled buffer, of which batches of tokens are taken."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.features.measured import site_tokens
from vitlens_widgets.features.training.plan import SAEPlan
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.progress import Foresight, progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.feature_edit import applied_tokens

_AT_ONCE = 32
"""Images that the model runs together, at most."""


class Pools:
    """Tokens of a site, a buffer at a time, each in an order of its own.

    Which tokens a step sees depends on the plan and the step alone, so that a training that goes on
    sees those that it would have seen.

    Args:
        vit: The model.
        split: The images.
        plan: How the SAE is trained.
    """

    def __init__(self, vit: ViT, split: HeldOutSplit, plan: SAEPlan) -> None:
        self._vit, self._split, self._plan = vit, split, plan
        layout = vit.adapter.layout()
        self._where = applied_tokens(vit, layout, plan.tokens)
        per_image = len(self._where)
        self.n_images = min(max(1, plan.buffer // per_image), len(split.fitted))
        self.n_steps = max(1, self.n_images * per_image // plan.batch_size)
        """Of one buffer."""
        self.is_one = self.n_images == len(split.fitted)
        """Whether one buffer has them all, so that the model runs once."""
        self._now: tuple[int, Tensor] | None = None
        self._order: tuple[int, Tensor] | None = None

    @property
    def first(self) -> Tensor:
        """The tokens of the first buffer, `[token, d]`."""
        return self._tokens(0)

    def batch(self, step: int) -> Tensor:
        """The tokens of a step, `[token, d]`."""
        pool, place = divmod(step, self.n_steps)
        tokens, size = self._tokens(pool), self._plan.batch_size
        if self._order is None or self._order[0] != pool:
            lots = np.random.default_rng(np.random.SeedSequence((self._plan.seed, pool)))
            self._order = pool, torch.from_numpy(lots.permutation(len(tokens)))
        return tokens[self._order[1][place * size : (place + 1) * size].to(tokens.device)]

    def _tokens(self, pool: int) -> Tensor:
        """Those of a buffer, in the order of the images; one buffer is kept at a time."""
        pool = 0 if self.is_one else pool
        if self._now is None or self._now[0] != pool:
            self._now = None
            self._now = pool, self._run(pool)
        return self._now[1]

    def _run(self, pool: int) -> Tensor:
        numbers = self._split.in_order(pool * self.n_images, (pool + 1) * self.n_images)
        found: list[Tensor] = []
        foresight = Foresight("Filling the buffer", len(numbers), "buffer", self._plan.buffer)
        with progress_bar(len(numbers), "activations", "image") as bar:
            for batch in self._split.batches(self._vit, numbers, _AT_ONCE):
                found.append(self._seen(batch.pixels))
                bar.update(len(batch))
                foresight.more(len(batch))
        return torch.cat(found)

    def _seen(self, pixels: Tensor) -> Tensor:
        """The site's tokens of a batch of images.

        Raises:
            UsageError: They are not finite.
        """
        site, layer = self._plan.site, self._plan.layer
        tokens = site_tokens(self._vit, pixels, site, layer, self._where)
        if not bool(tokens.isfinite().all()):
            raise UsageError(
                f"{site} of block {layer} has numbers that are not finite; nothing can be learned "
                "from them."
            )
        return tokens
