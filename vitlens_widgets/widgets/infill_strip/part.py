"""What a widget has that infills: the mask one paints, and what is painted under it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import traitlets

from vitlens_widgets.widgets.infill_strip import data
from vitlens_widgets.widgets.infill_strip.objects import Objects
from vitlens_widgets.widgets.infill_strip.traits import PatchMask, Seed, Share
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.traits import OneOf, Switch

NO_ECHO = {"sync": True, "echo_update": False}
NO_PATCHES = SimpleNamespace(rows=0, cols=0, n_patches=0)
USUAL_SHARE = 0.75  # where nothing is infilled


class InfillPart(LensWidget):
    """A mask that kernel and browser share, and the pictures and numbers that follow it.

    A widget calls `_infill` before its traits are used, and `_follow_masks` when it is ready; one
    that has nothing to infill calls neither.

    Attributes:
        mask: What is hidden, bool `[patch]`, True is hidden; set it as `[patch]` or `[row,
            column]`. Default: that of the infilling.
        mask_ratio: Share of the patches in a random mask; setting it draws one. Default: the share
            that is hidden in the infilling.
        seed: Seed of a random mask; setting it draws one. Default: 2.
        paste: Whether visible patches are those of the original rather than as painted. Default:
            True.
        against: What errors are measured against. Default: "original".
    """

    _given: Any = None
    _layout: Any = NO_PATCHES
    _index = 0  # which image of what is given
    _is_asked = False

    mask = PatchMask("_layout").tag(choice=True, **NO_ECHO)
    mask_ratio = Share().tag(sync=True, choice=True)
    seed = Seed(default_value=2).tag(sync=True, choice=True)
    paste = Switch(default_value=True).tag(sync=True, choice=True)
    against = OneOf("original", "final").tag(sync=True, choice=True)

    _original = traitlets.Bytes().tag(sync=True)
    _painted = traitlets.Bytes().tag(sync=True)
    _painted_mask = traitlets.Bytes().tag(sync=True)
    _painted_image = traitlets.Int(0).tag(sync=True)
    _painting = traitlets.Int(0).tag(sync=True)
    _scores = traitlets.Bytes().tag(sync=True)
    _patch_errors = traitlets.Bytes().tag(sync=True)
    _converged = traitlets.Int(0).tag(sync=True)
    _numbers_of = traitlets.Int(-1).tag(sync=True)
    _random_mask = traitlets.Bytes().tag(sync=True)
    _object_names = traitlets.List().tag(sync=True)
    _object_masks = traitlets.Bytes().tag(sync=True)
    # What the browser asks for, and how far it has been answered.
    _asked = traitlets.Int(0).tag(**NO_ECHO)
    _answered = traitlets.Int(0).tag(sync=True)
    _numbers_asked = traitlets.Int(-1).tag(**NO_ECHO)
    _mask_image = traitlets.Int(0).tag(**NO_ECHO)  # which image the browser's mask was painted on

    def _infill(self, infilling: Any, objects: Objects, shrink: int) -> None:
        """What is to be shown."""
        self._given, self._objects, self._shrink = infilling, objects, shrink
        self._layout, self._n_images = infilling.layout, infilling.n_images
        self._shown: dict[int, Any] = {}

    def _follow_masks(self) -> None:
        """From now on every change of the mask is infilled."""
        self.observe(self._on_random, ["mask_ratio", "seed"])
        self.observe(self._on_mask, "mask")
        self.observe(self._on_numbers_asked, "_numbers_asked")

    @property
    def infilling(self) -> Any:
        """What is shown: an `Infilling` of the chosen image alone, under the present mask."""
        if self._given is None:
            return None
        if self._index not in self._shown:
            self._shown[self._index] = self._given.only(self._index)
        return self._shown[self._index]

    @traitlets.default("mask")
    def _mask_of_infilling(self) -> np.ndarray:
        return np.zeros(0, bool) if self._given is None else self.infilling.mask[0]

    @traitlets.default("mask_ratio")
    def _share_of_infilling(self) -> float:
        if self._given is None:
            return USUAL_SHARE
        share, least = float(self._given.mask.mean()), 1 / self._layout.n_patches
        return min(max(share, least), 1 - least)

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

    def _draw(self) -> np.ndarray:
        """The random mask of the shown image, bool `[patch]`."""
        drawn = self._given.lens.mask(self._n_images, self.mask_ratio, self.seed)
        return np.asarray(drawn)[self._index]

    def _fill_image(self) -> None:
        """Packs what depends on the image: its objects, its random mask, its pictures."""
        packed = self._packed_image(self.infilling, self._objects)
        self.mask = self.infilling.mask[0]
        self._show(packed)

    def _packed_image(self, infilling: Any, objects: Objects) -> dict[str, Any]:
        names, masks = objects.masks(self._index)
        return {
            "_object_names": names,
            "_object_masks": pack.uint8(masks),
            "_random_mask": pack.uint8(self._draw()),
            **self._packed(infilling),
        }

    def _packed(self, infilling: Any) -> dict[str, Any]:
        """The pictures; the numbers too, unless a browser will ask for them when it rests."""
        pictures = data.pictures(infilling, self._shrink)
        return pictures if self._is_asked else pictures | self._numbers(infilling)

    def _numbers(self, infilling: Any) -> dict[str, Any]:
        try:
            numbers = data.numbers(infilling)
            numbers["_scores"] += pack.float32(self._objects.scores(infilling, self._index))
        except Exception as error:  # the pictures stand; what failed is said in the widget
            self.error = f"The numbers could not be computed: {error}"
            numbers = {"_scores": b"", "_patch_errors": b"", "_converged": 0}
        return numbers

    def _show(self, packed: dict[str, Any]) -> None:
        """Takes what is packed, all of it."""
        if "_painted" in packed:
            self._painted_image = self._index
            self._painting += 1
        for name, value in packed.items():
            setattr(self, name, value)
        if "_scores" in packed:
            self._numbers_of = self._painting

    def _on_random(self, _change: Any) -> None:
        with self.hold_sync():
            drawn = self._draw()
            self._random_mask = pack.uint8(drawn)
            self.mask = drawn

    def _on_mask(self, _change: Any) -> None:
        before = self.infilling
        if np.array_equal(self.mask, before.mask[0]):
            return
        try:
            with self.hold_sync():  # pictures and the mask they are of arrive together
                infilling = before.rerun(mask=self.mask)
                packed = self._packed(infilling)
                self._shown[self._index] = infilling
                self._show(packed)
        except BaseException as error:
            self.mask = before.mask[0]
            self._fail(
                error, "The picture could not be infilled", "what is shown is the last mask's"
            )

    def _fail(self, error: BaseException, what: str, shown: str) -> None:
        """Says a failure in the widget: raised here, it would only reach a log. Ctrl-C goes on."""
        if isinstance(error, Exception):
            self.error = f"{what}: {str(error) or type(error).__name__}"
            return
        self.error = f"{what}, it was interrupted: {shown}."
        raise error

    def _on_numbers_asked(self, _change: Any) -> None:
        if self._numbers_asked == self._painting != self._numbers_of:
            with self.hold_sync():
                self._show(self._numbers(self.infilling))
