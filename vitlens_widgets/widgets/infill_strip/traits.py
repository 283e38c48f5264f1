"""The traits of a widget that infills: its choices, and what carries its pictures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import traitlets
from traitlets import HasTraits, TraitType

from vitlens_widgets.kinds import is_binary
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.seam import LayoutLike
from vitlens_widgets.widgets.shared.traits import OneOf, Switch, TraitUsageError
from vitlens_widgets.widgets.shared.whole import MOST_SEED, Whole
from vitlens_widgets.widgets.shared.wire import NO_ECHO, REQUEST

NO_PATCHES = SimpleNamespace(rows=0, cols=0, n_patches=0)
USUAL_SHARE = 0.75  # where nothing is infilled


class PatchMask(TraitType[np.ndarray, Any]):
    """Which patches are hidden, bool `[patch]`, read-only; True is hidden.

    It is set with `[patch]` or `[row, column]`, booleans or the numbers 0 and 1, and travels as one
    byte a patch.

    Args:
        layout: Name of the widget's attribute that holds the patch grid.
    """

    def __init__(self, layout: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._layout = layout
        self.tag(to_json=_as_bytes)

    def validate(self, obj: HasTraits, value: Any) -> np.ndarray:
        """Gives `value` as a read-only array of its own."""
        grid = getattr(obj, self._layout)
        mask = _as_array(value)
        if mask.shape not in ((grid.n_patches,), (grid.rows, grid.cols)):
            raise TraitUsageError(
                f"{self.name} must have the shape [{grid.n_patches}] or [{grid.rows}, {grid.cols}]"
                f"; the shape {list(mask.shape)} was given."
            )
        if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
            raise TraitUsageError(
                f"{self.name} must hold booleans (True is hidden) or the numbers 0 and 1; "
                f"{mask.dtype} with other values was given."
            )
        mask = mask.reshape(-1).astype(bool)
        mask.setflags(write=False)
        return mask

    def set(self, obj: HasTraits, value: Any) -> None:
        """Sets a mask; an equal one is no change."""
        known = obj._trait_values.get(str(self.name))  # pyright: ignore[reportPrivateUsage]  # asks no default
        if known is None or not np.array_equal(known, cast(np.ndarray, self._validate(obj, value))):
            super().set(obj, value)


def _as_bytes(mask: np.ndarray, _widget: object) -> bytes:
    return mask.astype(np.uint8).tobytes()


def _as_array(value: Any) -> np.ndarray:
    """What a user sets, or the bytes that a browser sends, as an array."""
    if is_binary(value):
        return np.frombuffer(value, np.uint8)
    try:
        return np.asarray(value.cpu() if hasattr(value, "cpu") else value)
    except ValueError:  # ragged
        return np.empty(0)


class Share(TraitType[float, Any]):
    """A number above 0 and below 1."""

    def validate(self, obj: HasTraits, value: Any) -> float:  # noqa: ARG002 - traitlets' signature
        """Gives `value` as a `float`."""
        try:
            number = float("nan") if isinstance(value, bool | str) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 < number < 1:
            raise TraitUsageError(
                f"{self.name} must be a share of the patches, above 0 and below 1; {value!r} was "
                "given. To hide all or none, set mask."
            )
        return number


class InfillTraits(LensWidget):
    """The mask that kernel and browser share, and the pictures and numbers that follow it.

    An `Infiller` answers them; a widget that has nothing to infill has none.

    Attributes:
        mask: What is hidden, bool `[patch]`, True is hidden; set it as `[patch]` or `[row,
            column]`. Default: that of the infilling.
        mask_ratio: Share of the patches in a random mask; setting it draws one. Default: the share
            that is hidden in the infilling.
        seed: Seed of a random mask; setting it draws one. Default: 2.
        paste: Whether visible patches are those of the original rather than as painted. Default:
            True.
        reference: What errors are measured against. Default: "original".
    """

    _infiller: Any = None
    _index = 0  # which image of the batch is shown
    _is_asked = False

    mask = PatchMask("_layout").tag(choice=True, **NO_ECHO)
    mask_ratio = Share().tag(sync=True, choice=True)
    seed = Whole(0, MOST_SEED, default_value=2).tag(sync=True, choice=True)
    paste = Switch(default_value=True).tag(sync=True, choice=True)
    reference = OneOf("original", "final").tag(sync=True, choice=True)

    _original = traitlets.Bytes().tag(sync=True)
    _painted = traitlets.Bytes().tag(sync=True)
    _painted_mask = traitlets.Bytes().tag(sync=True)
    _painted_image = traitlets.Int(0).tag(sync=True)
    _painting = traitlets.Int(0).tag(sync=True)
    _scores = traitlets.Bytes().tag(sync=True)
    _patch_errors = traitlets.Bytes().tag(sync=True)
    _converged = traitlets.Int(0).tag(sync=True)
    _numbers_of = traitlets.Int(-1).tag(sync=True)
    _other_pictures = traitlets.Dict().tag(sync=True)  # of other lenses, by their names
    _other_numbers = traitlets.Dict().tag(sync=True)
    _random_mask = traitlets.Bytes().tag(sync=True)
    _object_names = traitlets.List[str]().tag(sync=True)
    _object_masks = traitlets.Bytes().tag(sync=True)
    # What the browser asks for, and how far it has been answered.
    _asked = traitlets.Int(0).tag(**REQUEST)
    _answered = traitlets.Int(0).tag(sync=True)
    _numbers_asked = traitlets.Int(-1).tag(**REQUEST)
    _mask_image = traitlets.Int(0).tag(**REQUEST)  # which image the browser's mask was painted on

    @property
    def infilling(self) -> InfillingLike | None:
        """What is shown: an `Infilling` of the chosen image alone, under the present mask."""
        return None if self._infiller is None else self._infiller.infilling

    @property
    def _layout(self) -> LayoutLike | SimpleNamespace:
        return NO_PATCHES if self._infiller is None else self._infiller.layout

    @traitlets.default("mask")
    def _mask_of_infilling(self) -> np.ndarray:
        return np.zeros(0, bool) if self.infilling is None else self.infilling.mask[0]

    @traitlets.default("mask_ratio")
    def _share_of_infilling(self) -> float:
        return USUAL_SHARE if self._infiller is None else self._infiller.share

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Takes a change that the browser made, and answers it in one message."""
        self._is_asked = "_asked" in sync_data
        with self.hold_sync():
            try:
                super().set_state(self._without_late_mask(sync_data))
            finally:  # also when it was interrupted: the browser waits for this
                self._answered, self._is_asked = self._asked, False

    def _without_late_mask(self, sync_data: dict[str, Any]) -> dict[str, Any]:
        """The change without a mask that was painted on an image that is shown no longer."""
        painted_on = sync_data.get("_mask_image", self._mask_image)
        if "mask" not in sync_data or painted_on == sync_data.get("image", self._index):
            return sync_data
        self.send_state("mask")  # the browser has its own until it hears of this one
        return {name: value for name, value in sync_data.items() if name != "mask"}
