"""What can be chosen in a Features, and what carries its numbers and pictures."""

from __future__ import annotations

from typing import Any

import traitlets
from traitlets import TraitType

from vitlens_widgets.errors import quoted_list, whole_number
from vitlens_widgets.widgets.features.data import NUMBERS
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.traits import (
    ClassIndex,
    Index,
    OneOf,
    Token,
    TraitUsageError,
)

STRENGTHS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""What a feature is multiplied by; as in js/features/strengths.js."""

BY_PATCH = "here"
"""The order by what fires at the pinned patch."""


TAIL = "tail"
"""Selectivity on a scale that spreads areas near 1: -log10(1 - area)."""

EFFECT = "effect"
"""What a feature adds by itself to the logit of the target on the own image."""


class SeenLayer(TraitType[int, Any]):
    """A block whose features were looked at; the widget's `_layers` holds them."""

    def validate(self, obj: Any, value: Any) -> int:
        """Gives `value` as an `int`; -1 is the last of the model."""
        layers, layer = obj._layers, whole_number(value)
        if layer is not None and -obj._n_layers <= layer < 0:
            layer += obj._n_layers
        if layer is None or layer not in layers:
            known = ", ".join(map(str, layers))
            raise TraitUsageError(
                f"{self.name} must be a block whose features were looked at, one of {known}; "
                f"{value!r} was given."
            )
        return layer


class Factor(TraitType[float, Any]):
    """One of the strengths at which answers are computed."""

    def validate(self, obj: Any, value: Any) -> float:  # noqa: ARG002 - traitlets' signature
        """Gives `value` as a `float`."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value not in STRENGTHS:
            known = quoted_list([f"{one:g}" for one in STRENGTHS]).replace('"', "")
            raise TraitUsageError(f"{self.name} must be one of {known}; {value!r} was given.")
        return float(value)


class FeaturesTraits(LensWidget):
    """The choices; those that other widgets have mean the same there.

    Attributes:
        layer: The block whose feature is chosen. Default: that of the most selective feature,
            or where no class is known, of the one with the largest activation; with an own image,
            of those that fire on it with half of their largest activation or more.
        feature: Which of that block's features, counted from 0. Default: likewise.
        token: The pinned token of the own image: index, (row, column), or None. Default: the patch
            where the chosen feature fires most.
        image: Which of the own images. Default: 0.
        target: The class that is searched, by name or index; None for all features. Default: None.
        strength: What the chosen feature is multiplied by: 0, 0.5, 1, 2, 4 or 8. Default: 1.
        sort: The order of the list: "selectivity", "largest", "density", "mean", "share" (of the
            patches it fires on, those that show its best class), "effect" (what it adds by itself
            to the logit of the target, else of the answer, on the own image: the total of
            `vl.analysis.features.direct_effect`), or "here", what fires at the pinned patch.
            Default: "selectivity", where no class is known "largest".
        up: What the scatter shows upwards, one of the first six, or "tail", selectivity on a scale
            that spreads areas near 1. Default: as `sort`.
        across: What it shows across. Default: "density".
        pictures: How the strongest images are shown: "spotlight" (in colour where it fires),
            "heat" (a map over them) or "plain". Default: "spotlight".
    """

    _layers: tuple[int, ...]
    _n_layers: int
    _width: int
    _n_images: int
    _n_own: int

    layer = SeenLayer().tag(sync=True, choice=True)
    feature = Index[int]("_width", "a feature of a block", default_value=0).tag(
        sync=True, choice=True
    )
    token = Token[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    image = Index[int]("_n_own", "an own image", default_value=0).tag(sync=True, choice=True)
    target = ClassIndex[int | None]("_label_set", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    strength = Factor(default_value=1.0).tag(sync=True, choice=True)
    sort = OneOf(*NUMBERS, EFFECT, BY_PATCH).tag(sync=True, choice=True)
    up = OneOf(*NUMBERS, TAIL, EFFECT).tag(sync=True, choice=True)
    across = OneOf("density", "selectivity", "largest", "mean", "share", TAIL, EFFECT).tag(
        sync=True, choice=True
    )
    pictures = OneOf("spotlight", "heat", "plain").tag(sync=True, choice=True)

    _meta = traitlets.Dict().tag(sync=True)
    _labels = traitlets.List[str]().tag(sync=True)
    _emoji = traitlets.List[str]().tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)
    # Of all features, block after block: float32 [number, feature]; the class told best, int16 or
    # int32; uint8 [feature, bin]; codes of areas, uint16 [class, feature], 0 for none; how many
    # find each class, int32 [layer, class].
    _numbers = traitlets.Bytes().tag(sync=True)
    _best = traitlets.Bytes().tag(sync=True)
    _sparks = traitlets.Bytes().tag(sync=True)
    _areas = traitlets.Bytes().tag(sync=True)
    _table = traitlets.Bytes().tag(sync=True)
    # The own image, uint8 [height, width, 3].
    _picture = traitlets.Bytes().tag(sync=True)
    _of_image = traitlets.Int(0).tag(sync=True)
    # What was looked at and is sent along: what each is, and all bytes in a row.
    _saved = traitlets.List[dict[str, Any]]().tag(sync=True)
    _saved_bytes = traitlets.Bytes().tag(sync=True)
