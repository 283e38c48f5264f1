"""States of the images that directions are found with, run here or by workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.lens_causality.erasing import read_tokens
from vitlens_widgets.data import Dataset
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import ExampleBatch
from vitlens_widgets.workers.order import BatchJob
from vitlens_widgets.workers.parts import parts_of


class KnownStates:
    """States of the first images of a data set.

    Args:
        vit: The model.
        train: The images.
        n_train: How many of them.
        places: Which states, beside the final one.
        batch_size: How many images the model runs together.
        executor: Whose workers run it; None for this process.

    Attributes:
        where: The tokens that are changed.
        states: By state, `[image, token, d]`, all tokens.
        final: The final state, likewise.

    Raises:
        UsageError: As `parts_of`.
    """

    def __init__(
        self,
        vit: ViT,
        train: Dataset,
        n_train: int,
        places: Sequence[int],
        batch_size: int,
        executor: Any,
    ) -> None:
        self.where = read_tokens(vit)
        job = BatchJob(_StatesOfBatch(vit, places).read, False, vit, train, any_class=True)
        span = (0, n_train)
        with (
            progress_bar(n_train, "states to find directions in") as bar,
            parts_of(job, executor, span, batch_size, bar.update) as parts,
        ):
            found = [part.tallies for part in parts]
        every = (*places, vit.n_layers)
        kind = getattr(torch, found[0]["kind"])
        self.states = {
            k: _joined([one[str(k)] for one in found]).to(vit.device, kind) for k in every
        }
        self.final = self.states[vit.n_layers]

    def tokens(self, k: int) -> Tensor:
        """Those that are changed, `[image, token, d]`."""
        return self.states[k][:, self.where]


class _StatesOfBatch:
    """What is read of a batch."""

    def __init__(self, vit: ViT, places: Sequence[int]) -> None:
        self._vit, self._every = vit, (*places, vit.n_layers)

    def read(self, _tallies: Mapping[str, Any], batch: ExampleBatch) -> dict[str, Any]:
        """By state, `[image, token, d]`, in float32 or finer: NumPy has no bfloat16."""
        states = self._vit.trace(batch.pixels, preprocessed=True).states
        fine = torch.promote_types(states.dtype, torch.float32)
        arrays = {str(k): states[k].to("cpu", fine).numpy() for k in self._every}
        return {**arrays, "kind": str(states.dtype).removeprefix("torch.")}


def _joined(parts: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts))
