"""What paints: the pictures and numbers under the mask that a widget has."""

# pyright: reportPrivateUsage=false
# It is the part of its widget that infills, in a file of its own.

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.infill_strip import data
from vitlens_widgets.widgets.infill_strip.lenses import Infillings, OtherInfillings
from vitlens_widgets.widgets.infill_strip.objects import Objects
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike
from vitlens_widgets.widgets.infill_strip.traits import InfillTraits
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.seam import LayoutLike


class Infiller:
    """Follows the mask of a widget: infills anew, and hands pictures and numbers to its traits.

    Args:
        widget: Whose traits it fills.
        infilling: An `Infilling` of one image or more.
        objects: What is in them.
        shrink: By which factor pictures are sent smaller.
        others: What other lenses paint of the same, by name.

    Attributes:
        infillings: By their index, the images that were shown, each alone under its own mask.
        given: As given, or taken since.
        objects: As given, or taken since.
        shrink: As given.
    """

    def __init__(
        self,
        widget: InfillTraits,
        infilling: InfillingLike,
        objects: Objects,
        shrink: int,
        others: Infillings | None = None,
    ) -> None:
        self._widget = widget
        self._others = OtherInfillings(others or {})
        self.shrink = shrink
        self.take(infilling, objects)

    def take(self, infilling: InfillingLike, objects: Objects) -> None:
        """Takes other images."""
        self.given, self.objects = infilling, objects
        self.infillings: dict[int, InfillingLike] = {}

    @property
    def layout(self) -> LayoutLike:
        """The patch grid."""
        return self.given.layout

    @property
    def share(self) -> float:
        """The share of the patches that is hidden, as a random mask can have it."""
        share, least = float(self.given.mask.mean()), 1 / self.layout.n_patches
        return min(max(share, least), 1 - least)

    @property
    def infilling(self) -> InfillingLike:
        """That of the image that is shown, alone."""
        index = self._widget._index
        if index not in self.infillings:
            self.infillings[index] = self.given.only(index)
        return self.infillings[index]

    def rerun(self) -> None:
        """Infills under the widget's mask."""
        self.infillings[self._widget._index] = self.infilling.rerun(mask=self._widget.mask)

    def draw(self) -> np.ndarray:
        """The random mask of the shown image, bool `[patch]`."""
        widget = self._widget
        drawn = self.given.lens.mask(self.given.n_images, widget.mask_ratio, widget.seed)
        return np.asarray(drawn)[widget._index]

    def follow_masks(self) -> None:
        """From now on every change of the mask is infilled."""
        self._widget.observe(self._on_random, ["mask_ratio", "seed"])
        self._widget.observe(self._on_mask, "mask")
        self._widget.observe(self._on_numbers_asked, "_numbers_asked")

    def fill_image(self) -> None:
        """Packs what depends on the image: its objects, its random mask, its pictures."""
        packed = self.packed_image(self.infilling, self.objects)
        self._widget.mask = self.infilling.mask[0]
        self.show(packed)

    def packed_image(self, infilling: InfillingLike, objects: Objects) -> dict[str, Any]:
        """The traits of an image, which need not be taken yet."""
        names, masks = objects.masks(self._widget._index)
        return {
            "_object_names": names,
            "_object_masks": pack.uint8(masks),
            "_random_mask": pack.uint8(self.draw()),
            **self._packed(infilling),
        }

    def _packed(self, infilling: InfillingLike) -> dict[str, Any]:
        """The pictures; the numbers too, unless a browser will ask for them when it rests."""
        pictures: dict[str, Any] = data.pictures(infilling, self.shrink)
        others = self._others.pictures(infilling, self._widget._index, self.shrink)
        pictures |= {"_other_pictures": others} if others else {}
        return pictures if self._widget._is_asked else pictures | self._numbers(infilling)

    def _numbers(self, infilling: InfillingLike) -> dict[str, Any]:
        try:
            numbers = data.numbers(infilling)
            scores = self.objects.scores(infilling, self._widget._index)
            numbers["_scores"] += pack.float32(scores)
            others = self._others.numbers(self.objects, self._widget._index)
            numbers |= {"_other_numbers": others} if others else {}
        except Exception as error:  # the pictures stand; what failed is said in the widget
            self._widget.error = f"The numbers could not be computed: {error}"
            numbers = {"_scores": b"", "_patch_errors": b"", "_converged": 0}
        return numbers

    def show(self, packed: dict[str, Any]) -> None:
        """Hands what is packed to the widget, all of it."""
        widget = self._widget
        if "_painted" in packed:
            widget._painted_image = widget._index
            widget._painting += 1
        for name, value in packed.items():
            setattr(widget, name, value)
        if "_scores" in packed:
            widget._numbers_of = widget._painting

    def _on_random(self, _change: Any) -> None:
        with self._widget.hold_sync():
            drawn = self.draw()
            self._widget._random_mask = pack.uint8(drawn)
            self._widget.mask = drawn

    def _on_mask(self, _change: Any) -> None:
        widget, before = self._widget, self.infilling
        if np.array_equal(widget.mask, before.mask[0]):
            return
        try:
            with widget.hold_sync():  # pictures and the mask they are of arrive together
                infilling = before.rerun(mask=widget.mask)
                packed = self._packed(infilling)
                self.infillings[widget._index] = infilling
                self.show(packed)
        except BaseException as error:
            widget.mask = before.mask[0]
            shown = "what is shown is the last mask's"
            widget._fail(error, "The picture could not be infilled", shown)

    def _on_numbers_asked(self, _change: Any) -> None:
        widget = self._widget
        if widget._numbers_asked == widget._painting != widget._numbers_of:
            with widget.hold_sync():
                self.show(self._numbers(self.infilling))
