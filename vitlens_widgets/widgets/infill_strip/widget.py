"""InfillStrip: what a masked autoencoder paints from each state, under a mask that one paints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.infill_strip import data
from vitlens_widgets.widgets.infill_strip.figure import figure_parts
from vitlens_widgets.widgets.infill_strip.infiller import Infiller
from vitlens_widgets.widgets.infill_strip.lenses import Infillings, infillings_of
from vitlens_widgets.widgets.infill_strip.objects import Objects
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike
from vitlens_widgets.widgets.infill_strip.still import draw
from vitlens_widgets.widgets.infill_strip.traits import InfillTraits
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.lens_choice import (
    LENS_CHOICES,
    ChoosesLens,
    LensName,
    OtherLens,
)
from vitlens_widgets.widgets.shared.meanings import Depth, Meaning, OfBatch
from vitlens_widgets.widgets.shared.thumbs import of_batch
from vitlens_widgets.widgets.shared.traits import Index, OneOf, State


class InfillStrip(ChoosesLens, InfillTraits):
    """How a masked autoencoder fills in an image, state by state, live.

    The strip shows the image, what of it the model sees, and what its decoder paints from each
    state of the encoder. Click, drag or use the keys on the masked picture to mask and unmask
    patches: each change is infilled anew in the kernel, the latest first. Curves say how near each
    state is to the original and to the final answer, on the masked patches alone.

    Args:
        infilling: What `vl.InfillLens(mae).read(images)` gave. Or a list of infillings of the same
            images under the same mask by several lenses, such as a `vl.TunedInfillLens`, or a dict
            of them by the names that they are to have: one is shown, the others are a click away,
            and every mask is infilled by all.
        image: Which image of the batch.
        truth: What is in the images, for the button that masks an object: a scene of `vl.world` (a
            list of them for a batch), or masks `[height, width]` of booleans or class indices.
        segmenter: A ViT whose patches name what they show, `vl.load("toy/p32-taught")` for the
            world: the IoU of objects is then one more curve.
        caption: A few words to stand beside the title, e.g. what the image shows.
        size: Longest side of the pictures that are sent, in pixels. Default: that of the model,
            as long as all states together take no more than 4 MB.
        **choices: The other traits under Attributes.

    Attributes:
        state: The state shown large, by index or name (`0_pre` to `final`); read as an index.
            Default: the last.
        view: What stands large: the chosen state's picture, its error, a wipe between both, the
            image, or the mask. Default: "picture".
        image: Which image of the batch; each keeps its own mask. Default: 0.
        lens: The lens whose infilling is shown, by name. Default: the first.
        beside: Another one, whose states and errors stand under those of the first. Default: None.

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
    _figure = staticmethod(figure_parts)
    _kind = "Filling in what is hidden, state by state: the infilling"
    _several = "vl.InfillStrip([plain, tuned])"
    _beyond = "infilling another mask or another image of the batch"

    state = State("_state_names").tag(sync=True, choice=True)
    view = OneOf("picture", "error", "wipe", "original", "masked").tag(sync=True, choice=True)
    image = Index[int]("_n_images", "an image of the batch", default_value=0).tag(
        sync=True, choice=True
    )
    lens = LensName[str]().tag(sync=True, choice=True)
    beside = OtherLens["str | None"](allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )

    _meta = traitlets.Dict().tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        infilling: InfillingLike | Sequence[InfillingLike] | Infillings,
        image: int = 0,
        truth: Any = None,
        segmenter: Any = None,
        caption: str = "",
        size: int | None = None,
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        named = infillings_of(infilling)
        self._lens_names, infilling = tuple(named), next(iter(named.values()))
        self._n_states = infilling.n_states
        self._state_names = infilling.state_names
        self._n_images = infilling.n_images
        shrink, objects = data.shrinkage(infilling, size), Objects(infilling, truth, segmenter)
        others = dict([*named.items()][1:])
        self._infiller = Infiller(self, infilling, objects, shrink, others)
        self.image = image
        about_objects = {"has_iou": objects.has_iou}
        self._thumbs, of_thumbs = of_batch(infilling.n_images, lambda i: infilling.original[i])
        self._meta = data.description(infilling, shrink, caption) | about_objects | of_thumbs
        self._meta |= {"lenses": list(named) if others else None}
        for name in ("mask_ratio", "seed"):
            if name in choices:
                setattr(self, name, choices[name])
        if {"mask_ratio", "seed"} & set(choices):
            choices.setdefault("mask", self._infiller.draw())
        if "mask" in choices:
            self.mask = choices.pop("mask")
            self._infiller.rerun()
        self._infiller.fill_image()
        super().__init__(**choices)
        self.observe(self._on_image, "image")
        self._infiller.follow_masks()

    @property
    def _index(self) -> int:
        return self.image

    @traitlets.default("state")
    def _final_state(self) -> int:
        return self._n_states - 1

    def _on_image(self, _change: Any) -> None:
        if self.image == self._painted_image:
            return
        try:
            with self.hold_sync():
                self._infiller.fill_image()
        except BaseException as error:
            self.image = self._painted_image
            self._fail(error, "The image could not be shown", "it shows the last one")

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its states and images."""
        return {"state": Depth(self._n_states - 1), "image": OfBatch(self._n_images)}

    def __repr__(self) -> str:
        silent = {"mask", *LENS_CHOICES} - {*self._of_lenses}
        names = [name for name in self.choices() if name not in silent]
        shown = self._in_words(names)
        hidden = f"{int(self.mask.sum())} of {self._layout.n_patches} patches masked"
        return f"InfillStrip({self._meta['model_name']}, {hidden}, {shown})"
