"""`Described`: of which model, lens, trace and tokens a reading is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor

from vitlens_widgets.data import LabelSet
from vitlens_widgets.lenses.decoded import LogitDecoder
from vitlens_widgets.lenses.source import Source
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.models.live import Live
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.selection import position
from vitlens_widgets.trace.sites import check_index


class Described(Live):
    """What is known of a reading before anything is decoded."""

    kept_by = "keep its numbers, such as reading.table(), and its lens by lens.save(path)"

    def __init__(self, lens: LogitDecoder, source: Source) -> None:
        self._lens = lens
        self._source = source
        self._trace = source.trace

    @property
    def trace(self) -> Trace:
        """The trace that was read."""
        return self._trace

    @property
    def n_states(self) -> int:
        """L + 1; L in a reading of sub-block outputs."""
        return len(self._source.names)

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        return self._trace.n_images

    @property
    def state_names(self) -> list[str]:
        """`["0_pre", ..., "final"]`; `["0_attn_out", ...]` and the like for sub-block outputs."""
        return self._source.names

    @property
    def labels(self) -> LabelSet:
        """The class names."""
        return self._trace.vit.labels

    @property
    def probabilities(self) -> Kind:
        """`"softmax"`, or `"sigmoid"` where each class is a yes or a no; as `vit.probabilities`."""
        return self._trace.vit.probabilities

    @property
    def layout(self) -> TokenLayout:
        """The token layout."""
        return self._trace.layout

    @property
    def tokens(self) -> Tensor:
        """Which tokens of the layout were in the sequence, int64 `[position]`."""
        return self._trace.tokens

    @property
    def model_name(self) -> str:
        """What the model was loaded as; an edited run says that it is one."""
        return self._trace.vit.name + (" (edited)" if self._trace.edits else "")

    @property
    def lens_name(self) -> str:
        """Which lens this is a reading of, and of which site if not of the states."""
        return self._lens.name + (f" on {self._source.site}" if self._source.site else "")

    @property
    def readout_name(self) -> str:
        """What the model's own classifier reads: `"CLS"`, `"mean of patches"`, ..."""
        return self._trace.vit.readout.name

    def picture(self, image: int = 0) -> np.ndarray:
        """The image as the model saw it, uint8 `[height, width, 3]`.

        Raises:
            UsageError: There is no such image.
        """
        return self._trace.pictures[check_index("image", image, self.n_images)]

    def position(self, token: Any) -> int:
        """Where a token stands in the sequence that was traced.

        Args:
            token: Its index, the (row, column) of a patch, or the name of a prefix token.

        Raises:
            UsageError: There is no such token, or it was dropped.
        """
        return position(token, self.layout, self.tokens)

    def _shared(self) -> Iterable[object]:
        """The trace and the lens, neither of which it changes."""
        return (self._trace, self._lens)
