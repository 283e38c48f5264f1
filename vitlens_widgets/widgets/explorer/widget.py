"""Explorer: every view of one image at once, linked; another image, and heads switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import traitlets

from vitlens_widgets.export.stills.sheet import Sheet
from vitlens_widgets.widgets.attention_maps import page as of_page
from vitlens_widgets.widgets.attention_maps.page import SavesMaps
from vitlens_widgets.widgets.explorer import data
from vitlens_widgets.widgets.explorer.answers import ExplorerAnswers
from vitlens_widgets.widgets.explorer.choices import ExplorerChoices
from vitlens_widgets.widgets.explorer.inputs import lens_of, mae_lens_of, picture_of
from vitlens_widgets.widgets.explorer.run import ImageRun
from vitlens_widgets.widgets.explorer.still import draw
from vitlens_widgets.widgets.explorer.traits import ExplorerData
from vitlens_widgets.widgets.infill_strip import data as infill_data
from vitlens_widgets.widgets.infill_strip.objects import Objects
from vitlens_widgets.widgets.infill_strip.part import InfillPart
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.meanings import Meaning

OF_MASK = ("mask", "mask_ratio", "seed")
OF_INFILLING = {*InfillPart.choices(), "infill_state"}
LAST = "what is shown is what was there before"


class Explorer(ExplorerAnswers, SavesMaps, InfillPart, ExplorerChoices, ExplorerData):
    """What each patch answers, where each head looks, how a masked autoencoder fills in: linked.

    One axis of states is there for all: state k goes with the attention of block k, `final` with
    that of the last block. Pin a patch in any view and all follow. Switch heads off, by a click or
    with `knocked_out`, and the model is run again from the first of them on: prediction, answers
    and attention are those of the edited run, the untouched one, or their difference. Drop another
    image on the widget, or give it to `explorer.show`, and everything is computed anew; where that
    fails, everything stays.

    Args:
        vit: The model, from `vl.load`.
        image: A path, web address, PIL image, array or tensor, or a scene of `vl.world`.
        mae: A masked autoencoder, for the rows of infillings.
        lens: What reads the states; default: `vl.LogitLens(vit)`, none without a classifier.
        caption: A few words to stand beside the title, e.g. what the image shows.
        **choices: The traits under Attributes; `mask` and the like need `mae`.

    Raises:
        UsageError: The image cannot be read, `mae` is no masked autoencoder, or a choice is out of
            range or unknown.

    Example:
        >>> explorer = vl.explore(vit, "cat.jpg", mae=vl.load("toy/mae"))
        >>> explorer.knocked_out = [(3, 0)]
        >>> explorer.knocked_out += ((5, 2),)
        >>> explorer.edited.logits - explorer.trace.logits
        >>> explorer.show("dog.jpg")
    """

    _esm = STATIC / "explorer.js"
    _css = STATIC / "explorer.css"
    _kind = "Every view of one image"

    def __init__(
        self,
        vit: Any,
        image: Any,
        mae: Any = None,
        *,
        lens: Any = None,
        caption: str = "",
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        self._vit, self._lens = vit, lens_of(vit, lens)
        self._mae_lens = mae_lens_of(mae, choices.keys() & OF_INFILLING)
        self._image, self._scene = picture_of(image)
        self._untouched = ImageRun(vit.trace(self._image), self._lens)
        self._edited: ImageRun | None = None
        self._own_answer = self._untouched.answer
        self._measure(caption)
        of_mask = {name: choices.pop(name) for name in OF_MASK if name in choices}
        of_statistics = {"sort": choices.pop("sort")} if "sort" in choices else {}
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._set(choices)  # refused before anything more is computed
        self._start_infilling(of_mask)
        self._edited, packed = self._packed_runs(self._untouched, self.target)
        self._take(packed)
        self._statistic_names = tuple(words["name"] for words in self._statistic_words)
        self._set(of_statistics)
        super().__init__(**of_widgets)
        self.observe(self._on_target, "target")
        self.observe(self._on_knocked_out, "knocked_out")
        self._follow_states()

    def _set(self, choices: dict[str, Any]) -> None:
        for name, value in choices.items():
            setattr(self, name, value)

    def _measure(self, caption: str) -> None:
        """What choices are checked against, and what does not change with the image."""
        trace = self._untouched.trace
        self._n_layers, self._n_heads = self._vit.n_layers, self._vit.n_heads
        self._state_names, self._n_tokens = self._vit.state_names, trace.layout.n_tokens
        deep = self._mae_lens.vit if self._mae_lens else self._vit
        self._infill_state_names = deep.state_names
        self._label_set = self._vit.labels
        self._meta = data.description(self._untouched, caption)
        self._labels, self._emoji = list(self._label_set), list(self._label_set.emoji)

    def _start_infilling(self, of_mask: dict[str, Any]) -> None:
        if self._mae_lens is None:
            return
        given = self._mae_lens.read(self._image, **of_mask)
        self._infill(given, Objects(given, self._scene, None), infill_data.shrinkage(given, None))
        self._infill_meta = infill_data.description(given, self._shrink, "") | {"has_iou": False}
        self._set({name: value for name, value in of_mask.items() if name != "mask"})
        self._fill_image()
        self._follow_masks()

    def _follow_states(self) -> None:
        """Two models that are as deep share their states."""
        if len(self._infill_state_names) == len(self._state_names):
            self.infill_state = self.state
            traitlets.link((self, "state"), (self, "infill_state"))

    @property
    def vit(self) -> Any:
        """The model."""
        return self._vit

    @property
    def trace(self) -> Any:
        """The untouched run, a `Trace` of one image."""
        return self._untouched.trace

    @property
    def reading(self) -> Any:
        """What the lens reads in it, a `Reading`; None without a classifier."""
        return self._untouched.reading

    @property
    def edited(self) -> Any:
        """The run without the heads that are switched off, a `Trace`; None if none is."""
        return None if self._edited is None else self._edited.trace

    @property
    def edited_reading(self) -> Any:
        """What the lens reads in the edited run; None without one, or without a classifier."""
        return None if self._edited is None else self._edited.reading

    def show(self, image: Any) -> None:
        """Looks at another image: everything is computed anew.

        Args:
            image: As for the constructor.

        Raises:
            UsageError: It cannot be read; what was there stays.

        Example:
            >>> explorer.show("dog.jpg")
        """
        self._show_image(*picture_of(image))

    def _show_image(self, picture: Any, scene: Any) -> None:
        """Computes everything, then swaps everything: an error or interrupt leaves what was."""
        untouched = ImageRun(self._vit.trace(picture), self._lens)
        target = untouched.answer if self.target == self._own_answer else self.target
        edited, packed = self._packed_runs(untouched, target)
        infilled = self._infilled(picture, scene)
        with self.hold_sync():
            self._image, self._scene = picture, scene
            self._untouched, self._edited = untouched, edited
            self._own_answer, self.error = untouched.answer, ""
            if infilled is not None:
                given, objects, of_infilling = infilled
                self._infill(given, objects, self._shrink)
                self._show(of_infilling)
            self._take(packed)
            self.target = target

    def _infilled(self, picture: Any, scene: Any) -> tuple[Any, Objects, dict[str, Any]] | None:
        """Another image under the same mask; None without a masked autoencoder."""
        if self._mae_lens is None:
            return None
        given = self._mae_lens.read(picture, mask=self.mask)
        objects = Objects(given, scene, None)
        return given, objects, self._packed_image(given, objects)

    def _packed_runs(
        self, untouched: ImageRun, target: int | None
    ) -> tuple[ImageRun | None, dict[str, Any]]:
        """The edited run, if heads are switched off, and the traits of both."""
        side = self._meta["side"]
        packed = {"_picture": pack.uint8(untouched.source.picture(0))}
        packed |= untouched.answers(target) | untouched.maps(side)
        packed |= untouched.first_map(min(self.state, self._n_layers - 1), self.head)
        edited, of_edited = self._packed_edited(untouched, target)
        if edited is not None:
            of_edited |= data.as_edited(edited.maps(side))
        return edited, packed | of_edited

    def _packed_edited(
        self, untouched: ImageRun, target: int | None
    ) -> tuple[ImageRun | None, dict[str, Any]]:
        """The edited run and its answers; without heads that are off, nothing in their place."""
        edited = untouched.without(self.knocked_out)
        if edited is None:
            return None, {name: self.trait_defaults(name) for name in self._of_edited()}
        answers = data.edited_answers(untouched, edited, target)
        return edited, answers | {"_edited_of": data.listed(self.knocked_out)}

    def _on_knocked_out(self, _change: Any = None) -> None:
        """The answers first, as the attention takes longer; if either fails, all stays."""
        if self.knocked_out == data.pairs(self._edited_of):
            return
        last = self._edited, {name: getattr(self, name) for name in self._of_edited()}
        failing = "The model could not be run without these heads"
        try:
            self._show_edited(*self._packed_edited(self._untouched, self.target))
            failing = "The attention without these heads could not be computed"
            self._show_edited_maps()
            self.error = ""
        except BaseException as error:
            with self.hold_sync():
                self._show_edited(*last)
                self.knocked_out = data.pairs(self._edited_of)
            self._fail(error, failing, LAST)

    def _show_edited(self, edited: ImageRun | None, packed: dict[str, Any]) -> None:
        with self.hold_sync():
            self._edited = edited
            self._take(packed)

    def _show_edited_maps(self) -> None:
        if self._edited is not None:
            maps = self._edited.maps(self._meta["side"])
            self._show_edited(self._edited, data.as_edited(maps))

    def _on_target(self, _change: Any) -> None:
        if self.target == self._target_of or self._logits or not self._labels:
            return
        try:
            packed = self._untouched.target(self.target)
            if self._edited is not None:
                packed |= data.as_edited(self._edited.target(self.target))
            with self.hold_sync():
                self._take(packed)
        except BaseException as error:
            self.target = self._target_of
            self._fail(error, "The target's numbers could not be computed", LAST)

    def _shown_map(self) -> dict[str, Any]:
        edited = self._edited if self.run != "untouched" else None
        layer = min(self.state, self._n_layers - 1)
        return (edited or self._untouched).first_map(layer, self.head)

    def _drawn(self) -> Sheet:
        return draw(self._pictured())

    def _pictured(self) -> dict[str, Any]:
        return super()._pictured() | self._shown_map()

    @property
    def _beyond(self) -> str:
        masks = "" if self._mae_lens is None else ", another mask"
        return f"another image, switching heads off{masks}"

    def saved(self, maps: of_page.Chosen = ()) -> Any:
        """The explorer as a page without a kernel keeps it, with whole maps of chosen heads."""
        page, runs = super().saved(), [(run.source, run.overview_of) for run in self._runs]
        more = of_page.saved_of_runs(runs, self._meta["side"], maps)
        shown = min(self.state, self._n_layers - 1), self.head
        lacking = of_page.beyond_whole(more, self._untouched.source, shown)
        beyond = ", ".join([page.beyond, *lacking])
        return replace(page, state=page.state | more | self._shown_map(), beyond=beyond)

    def meanings(self) -> dict[str, Meaning]:
        """Its states, tokens and heads, and its classes where there are any."""
        return data.meanings(self._untouched)

    def __repr__(self) -> str:
        names = [n for n in self.choices() if self._mae_lens or n not in OF_INFILLING]
        shown = ", ".join(f"{name}={self._said(name)}" for name in names if name != "mask")
        return f"Explorer({self._meta['model_name']}, {shown})"

    def _said(self, name: str) -> str:
        value = getattr(self, name)
        return repr(self._label_set[value] if name == "target" and self._labels else value)


def explore(vit: Any, image: Any, mae: Any = None, **choices: Any) -> Explorer:
    """Every view of one image, linked: answers, attention, infilling; see `Explorer`.

    Example:
        >>> scene = vl.world.scene(seed=7, objects=2)
        >>> vl.explore(vl.load("toy/p32"), scene, mae=vl.load("toy/mae"))
    """
    return Explorer(vit, image, mae, **choices)
