"""InfillStrip: what a masked autoencoder paints from each state, under a mask that one paints."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets import _infill_data as data
from vitlens_widgets.widgets import _pack
from vitlens_widgets.widgets._base import STATIC, LensWidget
from vitlens_widgets.widgets._infill_objects import Objects
from vitlens_widgets.widgets._infill_traits import PatchMask, Seed, Share, Switch
from vitlens_widgets.widgets._traits import Index, OneOf

NO_ECHO = {"sync": True, "echo_update": False}


class InfillStrip(LensWidget):
    """How a masked autoencoder fills in an image, layer by layer, live.

    The strip shows the image, what of it the model sees, and what its decoder paints from each
    state of the encoder. Click, drag or use the keys on the masked picture to mask and unmask
    patches: each change is infilled anew in the kernel, the latest first. Curves say how near each
    state is to the original and to the final answer, on the masked patches alone.

    Args:
        infilling: What `vl.InfillLens(mae).read(images)` gave.
        image: Which image of the batch.
        truth: What is in the images, for the button that masks an object: a scene of `vl.world` (a
            list of them for a batch), or masks `[height, width]` of booleans or class indices.
        segmenter: A ViT whose patches name what they show, `vl.load("toy/p32-taught")` for the
            world: the IoU of objects is then one more curve.
        caption: A few words to stand beside the title, e.g. what the image shows.
        size: Longest side of the pictures that are sent, in pixels. Default: that of the model,
            as long as all states together take no more than 4 MB.
        **choices: The other traits described below.

    Raises:
        UsageError: No infilling was given, the truth does not fit its images, or a choice is out of
            range or unknown.

    Example:
        >>> strip = vl.InfillStrip(vl.InfillLens(mae).read(image, mask_ratio=0.75, seed=2))
        >>> strip.mask = ~strip.mask
        >>> strip.infilling.score("mse")
    """

    _esm = STATIC / "infill_strip.js"
    _css = STATIC / "infill_strip.css"

    layer = Index("_n_states", "a state").tag(sync=True, choice=True)
    """The state shown large: 0 is before block 0, the last is `final`. Default: the last."""

    mask = PatchMask("_layout").tag(choice=True, **NO_ECHO)
    """What is hidden, bool `[patch]`, True is hidden; set it as `[patch]` or `[row, column]`.
    Default: that of the infilling."""

    mask_ratio = Share().tag(sync=True, choice=True)
    """Share of the patches in a random mask; setting it draws one. Default: the share that is
    hidden in the infilling."""

    seed = Seed(default_value=2).tag(sync=True, choice=True)
    """Seed of a random mask; setting it draws one. Default: 2."""

    paste = Switch(default_value=True).tag(sync=True, choice=True)
    """Whether visible patches are those of the original rather than as painted. Default: True."""

    view = OneOf("picture", "error", "wipe", "original", "masked").tag(sync=True, choice=True)
    """What stands large: the chosen state's picture, its error, a wipe between both, the image, or
    the mask. Default: "picture"."""

    against = OneOf("original", "final").tag(sync=True, choice=True)
    """What errors are measured against. Default: "original"."""

    image = Index("_n_images", "an image of the batch", default_value=0).tag(sync=True, choice=True)
    """Which image of the batch; each keeps its own mask. Default: 0."""

    _meta = traitlets.Dict().tag(sync=True)
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

    def __init__(
        self,
        infilling: Any,
        image: int = 0,
        truth: Any = None,
        segmenter: Any = None,
        caption: str = "",
        size: int | None = None,
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        self._given = infilling = _checked(infilling)
        self._layout, self._n_states = infilling.layout, infilling.n_states
        self._n_images = infilling.n_images
        self._objects = Objects(infilling, truth, segmenter)
        self._shrink = data.shrinkage(infilling, size)
        self._shown: dict[int, Any] = {}
        self._is_asked = False
        self.image = image
        self._meta = data.description(infilling, self._shrink, caption) | {
            "has_iou": self._objects.has_iou
        }
        for name in ("mask_ratio", "seed"):
            if name in choices:
                setattr(self, name, choices[name])
        if {"mask_ratio", "seed"} & set(choices):
            choices.setdefault("mask", self._draw())
        if "mask" in choices:
            self.mask = choices.pop("mask")
            self._shown[self.image] = self.infilling.rerun(mask=self.mask)
        self._fill_image()
        super().__init__(**choices)
        self.observe(self._on_image, "image")
        self.observe(self._on_random, ["mask_ratio", "seed"])
        self.observe(self._on_mask, "mask")
        self.observe(self._on_numbers_asked, "_numbers_asked")

    @property
    def infilling(self) -> Any:
        """What is shown: an `Infilling` of the chosen image alone, under the present mask."""
        if self.image not in self._shown:
            self._shown[self.image] = self._given.only(self.image)
        return self._shown[self.image]

    @traitlets.default("layer")
    def _final_state(self) -> int:
        return self._n_states - 1

    @traitlets.default("mask")
    def _mask_of_infilling(self) -> np.ndarray:
        return self.infilling.mask[0]

    @traitlets.default("mask_ratio")
    def _share_of_infilling(self) -> float:
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
        if "mask" not in sync_data or painted_on == sync_data.get("image", self.image):
            return sync_data
        self.send_state("mask")  # the browser has its own until it hears of this one
        return {name: value for name, value in sync_data.items() if name != "mask"}

    def _draw(self) -> np.ndarray:
        """The random mask of the shown image, bool `[patch]`."""
        drawn = self._given.lens.mask(self._n_images, self.mask_ratio, self.seed)
        return np.asarray(drawn)[self.image]

    def _fill_image(self) -> None:
        """Packs what depends on the image: its objects, its random mask, its pictures."""
        names, masks = self._objects.masks(self.image)
        packed = {
            "_object_names": names,
            "_object_masks": _pack.uint8(masks),
            "_random_mask": _pack.uint8(self._draw()),
            **self._packed(self.infilling),
        }
        self.mask = self.infilling.mask[0]
        self._show(packed)

    def _packed(self, infilling: Any) -> dict[str, Any]:
        """The pictures; the numbers too, unless a browser will ask for them when it rests."""
        pictures = data.pictures(infilling, self._shrink)
        return pictures if self._is_asked else pictures | self._numbers(infilling)

    def _numbers(self, infilling: Any) -> dict[str, Any]:
        try:
            numbers = data.numbers(infilling)
            numbers["_scores"] += _pack.float32(self._objects.scores(infilling, self.image))
        except Exception as error:  # the pictures stand; what failed is said in the widget
            self.error = f"The numbers could not be computed: {error}"
            numbers = {"_scores": b"", "_patch_errors": b"", "_converged": 0}
        return numbers

    def _show(self, packed: dict[str, Any]) -> None:
        """Takes what is packed, all of it."""
        if "_painted" in packed:
            self._painted_image = self.image
            self._painting += 1
        for name, value in packed.items():
            setattr(self, name, value)
        if "_scores" in packed:
            self._numbers_of = self._painting

    def _on_image(self, _change: Any) -> None:
        if self.image == self._painted_image:
            return
        try:
            with self.hold_sync():
                self._fill_image()
        except BaseException as error:
            self.image = self._painted_image
            self._fail(error, "The image could not be shown", "it shows the last one")

    def _on_random(self, _change: Any) -> None:
        with self.hold_sync():
            drawn = self._draw()
            self._random_mask = _pack.uint8(drawn)
            self.mask = drawn

    def _on_mask(self, _change: Any) -> None:
        before = self.infilling
        if np.array_equal(self.mask, before.mask[0]):
            return
        try:
            with self.hold_sync():  # pictures and the mask they are of arrive together
                infilling = before.rerun(mask=self.mask)
                packed = self._packed(infilling)
                self._shown[self.image] = infilling
                self._show(packed)
        except BaseException as error:
            self.mask = before.mask[0]
            self._fail(
                error, "The picture could not be infilled", "what is shown is the last mask's"
            )

    def _fail(self, error: BaseException, what: str, shown: str) -> None:
        """Says a failure in the widget: raised here, it would only reach a log. Ctrl-C goes on."""
        if isinstance(error, Exception):
            self.error = f"{what}: {error}"
            return
        self.error = f"{what}, it was interrupted: {shown}."
        raise error

    def _on_numbers_asked(self, _change: Any) -> None:
        if self._numbers_asked == self._painting != self._numbers_of:
            with self.hold_sync():
                self._show(self._numbers(self.infilling))

    def __repr__(self) -> str:
        names = [name for name in self.choices() if name != "mask"]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        hidden = f"{int(self.mask.sum())} of {self._layout.n_patches} patches masked"
        return f"InfillStrip({self._meta['model_name']}, {hidden}, {shown})"


def _checked(infilling: Any) -> Any:
    if not all(hasattr(infilling, name) for name in ("rerun", "only", "pictures", "score")):
        raise UsageError(
            "InfillStrip shows an infilling, such as vl.InfillLens(mae).read(image); "
            f"an object of type {type(infilling).__name__} was given."
        )
    return infilling
