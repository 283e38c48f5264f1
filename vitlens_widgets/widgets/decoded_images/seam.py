"""What DecodedImages asks of what paints: anything with these attributes can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from vitlens_widgets.widgets.shared.seam import LabelsLike, LayoutLike, Numbers

# ruff: noqa: D102  # what each attribute is, the engine's own class says; here, its axes


class Contributor(NamedTuple):
    """What writes to the residual stream: a head of a block, or with `head=None` its MLP."""

    layer: int
    head: int | None


Kind = Literal["own", "other image", "random"]
"""A component's own contribution, or what stands in its place for comparison."""


@dataclass(frozen=True)
class Painted:
    """Some pictures, with what they are alike to.

    Attributes:
        pictures: uint8 `[picture, height, width, 3]`.
        similarity: To the input, the cosine of what the encoder pools of both, `[picture]`.
        before: Of what was decoded itself, before any picture, `[picture]`; NaN where tokens were.
        named: The class that a classifier sees, int64 `[picture]`; -1 without one.
        chance: Its probability, `[picture]`.
    """

    pictures: np.ndarray
    similarity: np.ndarray
    before: np.ndarray
    named: np.ndarray
    chance: np.ndarray

    def __getitem__(self, i: int) -> Painted:
        """One of them, still with the axis."""
        one = slice(i, i + 1)
        return Painted(
            self.pictures[one],
            self.similarity[one],
            self.before[one],
            self.named[one],
            self.chance[one],
        )


class PaintsLike(Protocol):
    """A lens that paints, and the run that it reads; see `PaintedSource`."""

    @property
    def model_name(self) -> str: ...
    @property
    def decoder_name(self) -> str: ...
    @property
    def reads(self) -> Literal["readout", "tokens"]: ...
    @property
    def readout_name(self) -> str: ...
    @property
    def state_names(self) -> Sequence[str]: ...
    @property
    def n_layers(self) -> int: ...
    @property
    def n_heads(self) -> int: ...  # 0 where states alone are painted
    @property
    def n_images(self) -> int: ...
    @property
    def layout(self) -> LayoutLike: ...
    @property
    def tokens(self) -> Numbers | Sequence[int]: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def seeds(self) -> tuple[int, ...]: ...
    @property
    def strength(self) -> float: ...
    @property
    def mode(self) -> Literal["frozen", "rerun"]: ...
    @property
    def judge_name(self) -> str: ...  # "" where nobody names pictures
    @property
    def labels(self) -> LabelsLike: ...  # those of who names them
    def picture(self, image: int, /) -> np.ndarray: ...
    def states(
        self, image: int, states: Sequence[int], seed: int, other: bool = ..., /
    ) -> Painted: ...
    def components(
        self,
        image: int,
        components: Sequence[Contributor],
        seed: int,
        strength: float,
        kind: Kind = ...,
        /,
    ) -> Painted: ...
    def effects(self, image: int, layer: int, /) -> np.ndarray: ...  # [head]
    def attention(self, image: int, layer: int, /) -> np.ndarray: ...  # [head, patch]
