"""What an Explorer shows, for Python: the model, its runs and what the lens reads in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets.widgets.explorer import data
from vitlens_widgets.widgets.explorer.pair import RunPair
from vitlens_widgets.widgets.explorer.traits import ExplorerTraits
from vitlens_widgets.widgets.shared.meanings import Meaning

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Reading
    from vitlens_widgets.trace import Trace, ViT


class SeenRuns(ExplorerTraits):
    """The objects behind the traits."""

    _vit: ViT
    _runs: RunPair

    @property
    def vit(self) -> ViT:
        """The model."""
        return self._vit

    @property
    def trace(self) -> Trace:
        """The baseline run, a `Trace` of one image."""
        return self._runs.baseline.trace

    @property
    def reading(self) -> Reading | None:
        """What the lens that is shown reads in it, a `Reading`; None without a classifier."""
        return self._runs.read_by(self.lens).baseline.reading

    @property
    def edited(self) -> Trace | None:
        """The run without the heads that are switched off, a `Trace`; None if none is."""
        return None if self._runs.edited is None else self._runs.edited.trace

    @property
    def edited_reading(self) -> Reading | None:
        """What the lens reads in the edited run; None without one, or without a classifier."""
        edited = self._runs.read_by(self.lens).edited
        return None if edited is None else edited.reading

    def meanings(self) -> dict[str, Meaning]:
        """Its states, tokens and heads, and its classes where there are any."""
        return data.meanings(self._runs.baseline)
