"""The traits that carry Explorer's data to the browser."""

from __future__ import annotations

from typing import Any

import traitlets

from vitlens_widgets.widgets.patch_grid.traits import AnswersData


class ExplorerData(AnswersData):
    """What goes to the browser: the untouched run, and the edited one under `_edited...`.

    Every change of them ends with a new `_version`, so that the browser looks at all of them once.
    """

    _version = traitlets.Int(0).tag(sync=True)
    _infill_meta = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    _overview_of = traitlets.Dict().tag(sync=True)
    _codes = traitlets.Bytes().tag(sync=True)
    _ranges = traitlets.Bytes().tag(sync=True)
    _thumb_ranges = traitlets.Bytes().tag(sync=True)
    _statistics = traitlets.Bytes().tag(sync=True)
    _statistic_words = traitlets.List().tag(sync=True)
    _first = traitlets.Dict().tag(sync=True)
    _first_codes = traitlets.Bytes().tag(sync=True)
    _first_exact = traitlets.Bytes().tag(sync=True)

    _edited_of = traitlets.List().tag(sync=True)
    """The heads that the edited answers are without; empty while there is no edited run."""
    _edited_run = traitlets.Int(0).tag(sync=True)
    _divergence = traitlets.Bytes().tag(sync=True)
    """KL of the edited answers from the untouched ones, float32 `[state, token + readout]`."""
    _edited_top_index = traitlets.Bytes().tag(sync=True)
    _edited_top_probability = traitlets.Bytes().tag(sync=True)
    _edited_entropy = traitlets.Bytes().tag(sync=True)
    _edited_kl = traitlets.Bytes().tag(sync=True)
    _edited_logsumexp = traitlets.Bytes().tag(sync=True)
    _edited_logits = traitlets.Bytes().tag(sync=True)
    _edited_target_logit = traitlets.Bytes().tag(sync=True)
    _edited_target_rank = traitlets.Bytes().tag(sync=True)
    _edited_target_of = traitlets.Int(-1).tag(sync=True)
    _edited_overview_of = traitlets.Dict().tag(sync=True)
    _edited_codes = traitlets.Bytes().tag(sync=True)
    _edited_ranges = traitlets.Bytes().tag(sync=True)
    _edited_thumb_ranges = traitlets.Bytes().tag(sync=True)
    _edited_statistics = traitlets.Bytes().tag(sync=True)
    _edited_statistic_words = traitlets.List().tag(sync=True)

    @classmethod
    def _of_edited(cls) -> list[str]:
        """The names of the traits that carry the edited run."""
        return [n for n in cls.class_trait_names() if n.startswith(("_edited_", "_divergence"))]

    def _take(self, packed: dict[str, Any]) -> None:
        """Takes what is packed, all of it, and tells the browser."""
        for name, value in packed.items():
            setattr(self, name, value)
        self._version += 1
