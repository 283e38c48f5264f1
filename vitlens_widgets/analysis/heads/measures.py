"""What is measured of heads, summed over the rows of their patterns as they are seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from vitlens_widgets.analysis.heads import shares, spread
from vitlens_widgets.analysis.heads.agreement import Agreement
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.trace.rows import Rows, rows_of

_KEPT_BYTES = 16 * 2**20
"""What pairs count by their offset is kept up to so many bytes; else it is found layer by layer."""


@dataclass(frozen=True)
class HeadMeasures:
    """What a model's heads are measured by.

    Args:
        places: The positions of the sequence.
    """

    places: Places

    @cached_property
    def is_patch(self) -> Tensor:
        """Which positions are patches, bool `[position]`."""
        found = torch.zeros(self.places.n, dtype=torch.bool)
        found[self.places.patches] = True
        return found

    @cached_property
    def by_key(self) -> dict[str, Tensor]:
        """Positions of the keys that count, whatever the query, by share."""
        return {
            name: self.places.patches[chosen(self.places)] for name, chosen in shares.BY_KEY.items()
        }

    def by_offset(self, queries: slice) -> Tensor:
        """What the pairs of some queries count by their offset, float32 `[share, query, key]`."""
        if len(shares.BY_OFFSET) * self.places.n**2 * 4 > _KEPT_BYTES:
            return self._offsets_of(queries)
        return self._every_offset[:, queries]

    @cached_property
    def _every_offset(self) -> Tensor:
        return self._offsets_of(slice(0, self.places.n))

    @cached_property
    def _table(self) -> Tensor:
        """What offsets count, `[share, row, col]`, the offset (0, 0) in the middle."""
        rows, cols = self.places.layout.rows, self.places.layout.cols
        down, right = torch.meshgrid(
            torch.arange(1 - rows, rows), torch.arange(1 - cols, cols), indexing="ij"
        )
        return torch.stack([count(down, right).float() for count in shares.BY_OFFSET.values()])

    @cached_property
    def _windows(self) -> np.ndarray:
        """What the pairs of two cells count, `[share, row, col, row, col]`: all of it a view.

        The keys' grid is a window on the table, which moves against the query.
        """
        layout, table = self.places.layout, self._table.numpy()
        view = np.lib.stride_tricks.sliding_window_view(table, (layout.rows, layout.cols), (1, 2))
        return view[:, ::-1, ::-1]

    def _offsets_of(self, queries: slice) -> Tensor:
        places = self.places
        chosen = self.is_patch[queries].nonzero().flatten()
        before = int(self.is_patch[: queries.start].sum())
        own = slice(before, before + len(chosen))
        row, col = places.row[own].numpy(), places.col[own].numpy()
        among = torch.from_numpy(self._windows[:, row, col]).flatten(2)
        found = torch.zeros(len(among), len(self.is_patch[queries]), places.n)
        if len(places.patches) == among.shape[2]:  # every cell's patch is there, one after another
            found[:, chosen, int(places.patches[0]) :] = among
        else:
            cells = places.row * places.layout.cols + places.col
            found[:, chosen[:, None], places.patches] = among[..., cells]
        return found

    @cached_property
    def uniform(self) -> dict[str, float]:
        """What each statistic is if every query reads all tokens alike."""
        places, n = self.places, self.places.n
        found = {f"on_{kind.lower()}": len(at) / n for kind, at in places.prefix.items()}
        found |= dict.fromkeys(("on_itself", "largest_weight", "sink"), 1 / n)
        found["entropy"] = math.log(n)
        means = (self._table.double() * self._pairs).sum((1, 2)) / self._pairs.sum()
        found |= {name: float(mean) for name, mean in zip(shares.BY_OFFSET, means, strict=True)}
        return found | {k: len(at) / len(places.patches) for k, at in self.by_key.items()}

    @cached_property
    def _pairs(self) -> Tensor:
        """How many pairs of patches have an offset, `[row, col]` as in `_table`."""
        rows, cols = self.places.layout.rows, self.places.layout.cols
        there = torch.zeros(1, 1, rows, cols)
        there[0, 0, self.places.row, self.places.col] = 1
        return conv2d(there, there, padding=(rows - 1, cols - 1))[0, 0]


class LayerSums:
    """Sums over the images of one layer, whose patterns are seen one after the other.

    Args:
        measures: What is measured.
        n_heads: Heads of the layer.
        compared: Whether the maps of the images are compared with one another.
    """

    def __init__(self, measures: HeadMeasures, n_heads: int, compared: bool) -> None:
        self.measures, self.n_heads = measures, n_heads
        self._counted: tuple[slice, Tensor] | None = None
        self.sums: dict[str, Tensor] = {}
        self.n_queries = 0
        self.agreement = Agreement() if compared else None

    def see(self, pattern: Tensor) -> None:
        """One image's `[head, query, key]`."""
        for rows in rows_of(pattern):
            self.see_rows(rows)
        if self.agreement is not None:
            self.agreement.see(pattern)

    def see_rows(self, rows: Rows) -> None:
        """Some queries of some heads of one image; of every head in the end."""
        pattern = rows.pattern
        queries = slice(rows.first, rows.first + pattern.shape[1])
        largest = spread.largest_weights(pattern)
        received = pattern.sum(1).double()
        of_patches = self.measures.is_patch[queries]
        counted = self._counted_by_offset(queries, pattern)
        found = {
            "entropy": spread.entropies(rows, largest).double().sum(-1),
            "largest_weight": largest.double().sum(-1),
            "received": received,
            "from_patches": received
            if of_patches.all()
            else pattern[:, of_patches].sum(1).double(),
            "on_itself": pattern.diagonal(rows.first, 1, 2).double().sum(-1),
            "by_offset": (pattern.flatten(1) @ counted.flatten(1).T).double(),
        }
        for name, value in found.items():
            if name not in self.sums:
                self.sums[name] = value.new_zeros(self.n_heads, *value.shape[1:])
            self.sums[name][rows.heads] += value
        self.n_queries += pattern.shape[0] * pattern.shape[1]

    def _counted_by_offset(self, queries: slice, like: Tensor) -> Tensor:
        """As `HeadMeasures.by_offset`; that of the latest queries is kept for the next heads."""
        if self._counted is None or self._counted[0] != queries:
            self._counted = queries, self.measures.by_offset(queries).to(like)
        return self._counted[1]

    def values(self) -> dict[str, Tensor]:
        """`[head]` by name."""
        places, sums = self.measures.places, self.sums
        n = self.n_queries / self.n_heads
        received = sums["received"] / n
        found = {
            f"on_{kind.lower()}": received[:, at].sum(-1) for kind, at in places.prefix.items()
        }
        found |= {name: sums[name] / n for name in ("on_itself", "entropy", "largest_weight")}
        among = sums["from_patches"][:, places.patches].sum(-1)
        for i, name in enumerate(shares.BY_OFFSET):
            found[name] = sums["by_offset"][:, i] / among
        for name, keys in self.measures.by_key.items():
            found[name] = sums["from_patches"][:, keys].sum(-1) / among
        found["sink"], found["sink_position"] = received.max(-1)
        if self.agreement is not None:
            found["agreement"] = self.agreement.value()
        return found

    def found(self) -> dict[str, np.ndarray]:
        """The same as arrays, float64."""
        return {name: value.cpu().double().numpy() for name, value in self.values().items()}
