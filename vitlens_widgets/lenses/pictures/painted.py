"""Pictures of many embeddings and seeds, painted one after the other, each of them once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.progress import progress_bar

KEPT_BYTES = 256 * 2**20
"""Pictures are kept up to this size; then those that were asked for longest ago go."""


class How(NamedTuple):
    """How pictures are painted; see `Decoder.decode`."""

    seeds: tuple[int, ...]
    steps: int | None
    guidance: float | None
    hidden: Tensor | None = None


class PictureMaker:
    """Paints for one decoder, and keeps what it has painted by what it was painted from.

    Args:
        decoder: Who paints.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._bytes = 0

    def paint(
        self, embeddings: Tensor, how: How, states: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """All pictures, row after row; an interrupt ends it and gives those that are done.

        Args:
            embeddings: `[row, image, ...]`.
            how: With which seeds, in how many steps.
            states: Which state each row is, for decoders that are told.

        Returns:
            uint8 `[row, image, seed, height, width, 3]`, and which are done, bool
            `[row, image, seed]`.

        Raises:
            KeyboardInterrupt: It came before the first picture.
        """
        shape = (*embeddings.shape[:2], len(how.seeds))
        pictures = np.zeros((*shape, *self.decoder.size, 3), np.uint8)
        done = np.zeros(shape, np.bool_)
        try:
            with progress_bar(done.size, f"pictures by {self.decoder.name}") as bar:
                for place, one in self.stream(embeddings, how, states):
                    pictures[place], done[place] = one, True
                    bar.update(1)
        except KeyboardInterrupt:
            if not done.any():
                raise
        return pictures, done

    def stream(
        self, embeddings: Tensor, how: How, states: Sequence[int] | None = None
    ) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
        """The same, one after the other, without a bar.

        Yields:
            The place (row, image, seed), and its picture, uint8 `[height, width, 3]`.
        """
        for row, seed in product(range(len(embeddings)), range(len(how.seeds))):
            state = None if states is None else states[row]
            for image, one in self._of_row(embeddings[row], how, seed, state):
                yield (row, image, seed), one

    def _of_row(
        self, embeddings: Tensor, how: How, seed: int, state: int | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """The pictures of all images of one row and seed, each with its image's number."""
        keys = [_key(one, how, how.seeds[seed], state) for one in embeddings]
        missing: list[int] = []
        for i, key in enumerate(keys):
            if key in self._kept:
                self._kept.move_to_end(key)
                yield i, self._kept[key]
            else:
                missing.append(i)
        if not missing:
            return
        stream = self.decoder.decode(
            embeddings[missing],
            seed=how.seeds[seed],
            steps=how.steps,
            guidance=how.guidance,
            state=state,
            hidden=how.hidden,
        )
        for i, picture in zip(missing, stream, strict=True):
            self._keep(keys[i], picture)
            yield i, picture

    def _keep(self, key: str, picture: np.ndarray) -> None:
        self._kept[key] = picture
        self._bytes += picture.nbytes
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes


def _key(embedding: Tensor, how: How, seed: int, state: int | None) -> str:
    raw = embedding.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
    hidden = None if how.hidden is None else how.hidden.numpy().tobytes()
    return hashlib.sha256(raw + repr((how[1:3], hidden, seed, state)).encode()).hexdigest()
