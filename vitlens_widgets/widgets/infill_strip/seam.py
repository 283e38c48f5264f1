"""What InfillStrip asks of what a masked autoencoder paints: anything with these attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vitlens_widgets.widgets.shared.seam import LayoutLike, Numbers

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Infilling

# ruff: noqa: D102  # what each attribute is, the engine's own class says; here, its axes


class MasksLike(Protocol):
    """Draws masks, bool `[image, patch]`; see `InfillLens`."""

    def mask(self, n_images: int, mask_ratio: float | None, seed: int, /) -> Numbers: ...


class InfillingLike(Protocol):
    """What is painted into hidden patches, state by state; see `Infilling`."""

    @property
    def lens(self) -> MasksLike: ...
    @property
    def mask(self) -> np.ndarray: ...
    @property
    def original(self) -> np.ndarray: ...
    @property
    def n_states(self) -> int: ...
    @property
    def n_images(self) -> int: ...
    @property
    def state_names(self) -> Sequence[str]: ...
    @property
    def layout(self) -> LayoutLike: ...
    @property
    def model_name(self) -> str: ...
    @property
    def lens_name(self) -> str: ...
    @property
    def statistics(self) -> str | None: ...
    def pictures(self, state: int, /, *, paste: bool = ...) -> np.ndarray: ...
    def error(self, state: int, reference: str = ..., /) -> np.ndarray: ...
    def score(self, metric: str, reference: str = ..., /) -> np.ndarray: ...
    def converged(self) -> np.ndarray: ...
    def rerun(self, *, mask: Any) -> InfillingLike: ...
    def only(self, image: int, /) -> InfillingLike: ...


if TYPE_CHECKING:

    def _fit(  # pyright: ignore[reportUnusedFunction]  # it is for the type checker alone
        infilling: Infilling,
    ) -> InfillingLike:
        """Refused by the type checker where the engine's result lacks what is asked of it."""
        return infilling
