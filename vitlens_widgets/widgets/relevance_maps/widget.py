"""RelevanceMaps: which patches an answer rests on, in every head and in all, put to the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import traitlets

from vitlens_widgets.errors import UsageError
from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.widgets.relevance_maps import data
from vitlens_widgets.widgets.relevance_maps.curves import Growing, finish, go_on
from vitlens_widgets.widgets.relevance_maps.figure import figure_parts
from vitlens_widgets.widgets.relevance_maps.finder import RelevanceFinder
from vitlens_widgets.widgets.relevance_maps.source import (
    check_classes,
    checked_relevance,
    source_of,
)
from vitlens_widgets.widgets.relevance_maps.still import draw
from vitlens_widgets.widgets.relevance_maps.traits import RelevanceChoices
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.seam import RelevanceLike, RelevanceSourceLike
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser

ASKS = ("target", "against", "method", "image")
"""Choices that are answered by the model."""

AT_ONCE = 0.25  # seconds that a removal curve takes the kernel at a time


class RelevanceMaps(RelevanceChoices):
    """Which patches a class rests on, by one of several methods, and whether that holds.

    The overview shows every head of every block, the large picture the map over all of them, a
    block's or a head's. The curve beside it puts the map to the test: patches are removed in its
    order, the least relevant first and the most relevant first, and the model is asked each time;
    random orders stand beside. It is computed after the pictures are there, bit by bit. Point at
    the curve to see what is removed. With two classes both are shown, and their difference.

    Args:
        trace: What `vit.trace(images)` gave; relevance is found for all of its images at once.
            Removal curves need one without edits, of a classifier; a model without one has the
            rollout.
        target: The class: a name or index, or two of them; the second is `against`.
        method: See Attributes.
        image: Which image of the trace's batch.
        relevance: What `vl.analysis.relevance` found in the trace, or two for two classes: they are
            what is shown first.
        caption: A few words to stand beside the title, e.g. what the image shows.
        n_points: At how many numbers of removed patches the model is asked. Default: 25, or all
            there are; 7 on a page of more than 100 patches that is saved before its curves are
            whole.
        n_random: In how many random orders patches are removed for comparison; 0 for none.
        **choices: The other traits under Attributes.

    Raises:
        UsageError: No trace was given, the relevance is of something else, a class is asked of a
            model without any, the model is one for which the method is not defined, or a choice is
            out of range or unknown.

    Example:
        >>> maps = vl.RelevanceMaps(trace, ["cat", "dog"], method="chefer")
        >>> maps.show, maps.layer, maps.head = "head", 3, 1
    """

    _esm = STATIC / "relevance_maps.js"
    _css = STATIC / "relevance_maps.css"
    _figure = staticmethod(figure_parts)
    _kind = "What an answer rests on: the relevance"

    _methods = traitlets.Dict().tag(sync=True)
    _maps_of = traitlets.Dict().tag(sync=True)
    _tokens = traitlets.Bytes().tag(sync=True)
    _heads = traitlets.Bytes().tag(sync=True)
    _is_signed = traitlets.Bool().tag(sync=True)
    _probability = traitlets.Bytes().tag(sync=True)
    _curves_of = traitlets.Dict().tag(sync=True)
    _curves = traitlets.Bytes().tag(sync=True)
    _curve_answers = traitlets.Bytes().tag(sync=True)
    _falling = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        trace: Any,
        target: Any = None,
        method: Any = None,
        image: int = 0,
        relevance: Any = None,
        caption: str = "",
        n_points: int | None = None,
        n_random: int = 10,
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        source: RelevanceSourceLike = source_of(trace)
        self._source = source
        given = checked_relevance(relevance, source)
        self._measure({"caption": caption})
        self._finder = RelevanceFinder(source, given, n_points, n_random)
        self._start(choices | _asked(target, method, image, given))
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._fill()
        super().__init__(**of_widgets)
        self.observe(self._on_asked, ASKS)

    def _start(self, choices: dict[str, Any]) -> None:
        """Takes the first choices; all are checked before anything is computed."""
        check_classes(self._source, choices)
        self._follows = True  # the target is the model's answer to each image
        first = [name for name in ("image", "method") if name in choices]
        for name in [*first, *(name for name in choices if name not in (*first, "layout"))]:
            setattr(self, name, choices[name])
        self._follows = "target" not in choices
        given = self._finder.given
        if given[1:] and "against" not in choices:
            self.against = int(given[1].target[self.image])
        self._refuse_one_class()

    def _usual_target(self) -> int | None:
        return self._finder.usual_target(self.image)

    @property
    def relevance(self) -> list[RelevanceLike]:
        """What is shown: a `Relevance` of the target and, where there is one, of `against`."""
        return [self._finder.relevance(*asked) for asked in self._questions]

    @property
    def _questions(self) -> list[tuple[str, int | None, int]]:
        """Method, class and image of what is shown."""
        classes = [self.target, *([] if self.against is None else [self.against])]
        return [(self.method, index, self.image) for index in classes]

    def _fill(self) -> None:
        """Packs what depends on the choices that the model answers."""
        founds, image = self.relevance, self.image
        packed = data.maps(founds, image)
        if self._maps_of.get("image") != image:
            packed |= data.of_image(self._source, image)
        self._set(packed)
        self._methods = self._finder.labels()
        self._maps_of = self._asked_now()
        for one in self._growing():
            one.begin_anew()
        self._fill_curves()

    def _asked_now(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ASKS}

    def _fill_curves(self, few: bool = False) -> None:
        """Packs the removal curves as far as they are known, or those of few points."""
        founds, growing = self.relevance, self._growing(few)
        self._set(data.curves(self._source, founds, growing, self.image))
        self._curves_of = {
            **self._maps_of,
            "removed": growing[0].removed.tolist(),
            "done": min(one.done for one in growing),
            "is_over": all(one.is_over for one in growing),
            "refused": next((one.refused for one in growing if one.refused), ""),
            "random": self._finder.orders(few),
        }

    def _growing(self, few: bool = False) -> list[Growing]:
        return [self._finder.growing(*asked, few) for asked in self._questions]

    def _on_asked(self, change: Any) -> None:
        self._follows = self._follows and change["name"] != "target"
        if self._maps_of == self._asked_now():
            return
        before = dict(self._maps_of)
        try:
            with self.hold_sync():  # all numbers and what they are of arrive together
                self._keep_apart(change["name"], before)
                if self._follows and before["image"] != self.image:
                    self.target = self._usual_target()  # which comes here again, and fills
                    self._follows = True
                if self._maps_of != self._asked_now():
                    self._fill()
        except BaseException as error:  # said in the widget; raised here it would only reach a log
            self.error = f"Relevance could not be found: {str(error) or 'it was interrupted.'}"
            follows = self._follows
            with self.hold_trait_notifications():
                for name in ASKS:
                    setattr(self, name, before[name])
            self._follows = follows
            if not isinstance(error, Exception):  # Ctrl-C goes on to stop the cell
                raise

    @answers_browser
    def _go_on(self, _message: Any, _buffers: Buffers) -> Reply:
        """Computes some more of the curves that are shown; the numbers go by their traits."""
        growing = self._growing()
        try:
            go_on(growing, AT_ONCE)
        except KeyboardInterrupt:  # meant for this, as no cell is running: it is said in the widget
            for one in growing:
                one.interrupt()
        with self.hold_sync():
            self._fill_curves()
        return {"is_over": self._curves_of["is_over"]}, []

    def saved(self) -> SavedWidget:
        """The widget as a page without a kernel keeps it, with its curves.

        What is missing of them is computed, with a progress bar; Ctrl-C ends it. Of an image of
        more than 100 patches whole curves take minutes: unless they are there already, or
        `n_points=` was given, the page has ones of 7 points and at most 3 random orders, and says
        so. The widget itself keeps its own.
        """
        few = self._finder.few_suffice and not all(one.is_over for one in self._growing())
        finish(self._growing(few))
        few = few and not any(one.refused for one in self._growing(few))
        with self.hold_sync():
            self._fill_curves(few)
            page = super().saved()
            if not few:
                return page
            self._fill_curves()
        return replace(page, beyond=", ".join(filter(None, [page.beyond, "finer removal curves"])))

    @property
    def _beyond(self) -> str:
        classes = ["another class or method"] if self._labels else []
        return ", ".join([*classes, *["another image of the batch"] * (self._n_images > 1)])

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def __repr__(self) -> str:
        return f"RelevanceMaps({self._meta['model_name']}, {self._in_words()})"


def _is_one(target: Any) -> bool:
    """Whether it is one class, by name or number, and not several."""
    if isinstance(target, str) or is_mapping(target) or not hasattr(target, "__len__"):
        return True
    return getattr(target, "ndim", 1) == 0


def _asked(target: Any, method: Any, image: int, given: Sequence[Any]) -> dict[str, Any]:
    """The constructor's own words as choices.

    Raises:
        UsageError: More than two classes, or beside relevance that was found by another method.
    """
    pair: list[Any] = [target] if _is_one(target) else list(target)
    if not 1 <= len(pair) <= 2:
        raise UsageError(
            f"target= takes a class, or two to compare; {len(pair)} were given: {target!r}."
        )
    asked: dict[str, Any] = (
        dict(zip(("target", "against"), pair, strict=False)) if target is not None else {}
    )
    method = given[0].method if method is None and given else method
    return {"image": image, **asked, **({} if method is None else {"method": method})}
