"""Causes: what made an answer, by exchanging values between two runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import traitlets

from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.widgets.causes import data
from vitlens_widgets.widgets.causes.covered import Cover, coverable
from vitlens_widgets.widgets.causes.figure import figure_parts
from vitlens_widgets.widgets.causes.places import Sizes, Spot, Values, places_of
from vitlens_widgets.widgets.causes.seam import Direction
from vitlens_widgets.widgets.causes.search import FindsCircuit
from vitlens_widgets.widgets.causes.source import source_of
from vitlens_widgets.widgets.causes.still import draw
from vitlens_widgets.widgets.causes.work import Of, Work
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.recent import Recent
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser

CLASSES = ("target", "against")

ASKS = ("target", "against", "image", "direction", "values", "cover", "covered")
"""Choices that are answered by the model."""

AT_ONCE = 0.25  # seconds that exchanges take the kernel at a time


class Causes(FindsCircuit):
    """What made the answer: a pair of images, and what each part of the model is worth between.

    The map of parts and the map of tokens say how far the answer goes from that of one image
    towards that of the other when one place takes its value from the other image's run: 0 nothing
    happens, 1 the whole way. Small squares are first-order estimates, there at once; full cells
    are exchanged for real, the strongest estimate first, while the widget is looked at. Click a
    cell to choose it; click again to exchange it together with others: the list says what each is
    worth alone, and all of them together.

    Args:
        clean: What `vit.trace(image)` gave, of one image or several.
        corrupted: A trace of as many images by the same model, each the clean one with something
            changed, or another one. None: the same images with some patches covered; see `cover`
            and `covered` under Attributes.
        target: See Attributes.
        against: See Attributes.
        image: Which pair of the batch.
        names: What the two images of a pair are called, two short texts.
        caption: A few words on the pair.
        means: Of one trace alone, what `vl.analysis.mean_values(vit, data, "resid_pre")` gave, to
            cover patches by.
        **choices: The other traits under Attributes.

    Raises:
        UsageError: No trace of a classifier was given, two that do not go together, or a choice
            that is out of range or unknown.

    Source:
        Exchanging values between runs: Vig et al. (2020), section 3; Meng et al. (2022), section 2;
        Heimersheim & Nanda (2024). The estimates: Nanda (2023), "Attribution patching".

    Example:
        >>> causes = vl.Causes(vit.trace(with_cat), vit.trace(without), "cat", "dog")
        >>> causes.exchanged = [("head", 3, 1), ("head", 5, 1)]
        >>> vl.Causes(vit.trace(image), target="cat", cover="blur", covered=mask)
    """

    _esm = STATIC / "causes.js"
    _css = STATIC / "causes.css"
    _figure = staticmethod(figure_parts)
    _kind = "What made an answer: causes"
    _beyond = "places that were not exchanged, another class, pair or direction"

    _logits = traitlets.Bytes().tag(sync=True)
    _of = traitlets.Dict().tag(sync=True)
    _parts = traitlets.Bytes().tag(sync=True)
    _tokens = traitlets.Bytes().tag(sync=True)
    _groups = traitlets.Bytes().tag(sync=True)
    _progress = traitlets.Dict().tag(sync=True)
    _exchange = traitlets.Dict().tag(sync=True)
    _reads = traitlets.Bytes().tag(sync=True)
    _writes = traitlets.Bytes().tag(sync=True)
    _direct = traitlets.Bytes().tag(sync=True)
    _writes_refused = traitlets.Unicode().tag(sync=True)
    _looks_of = traitlets.List[int]().tag(sync=True)
    _looks = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        clean: Any,
        corrupted: Any = None,
        target: Any = None,
        against: Any = None,
        image: int = 0,
        names: Sequence[str] | None = None,
        caption: str = "",
        means: Any = None,
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        self._alone = alone = coverable(clean, corrupted, means)
        if alone is None:
            self._take(Work(source_of(clean, corrupted)))
        else:
            self._works = Recent(alone.work, most=3)
            self.cover = choices.pop("cover", alone.covers[0])
            self.covered = choices.pop("covered", alone.middle())
            self._take(self._works(self.cover, tuple(self.covered)))
        source = self._source
        covers = [] if alone is None else list(alone.covers)
        self._measure(data.description(source, self._names(names), caption) | {"covers": covers})
        self._sizes = Sizes(self._n_layers, self._n_heads, self._kept, tuple(source.rows))
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._start({"image": image, "target": target, "against": against}, choices)
        self._choose_strongest(choices)
        self._fill()
        self._is_following = False
        super().__init__(**of_widgets)
        self.observe(self._on_asked, ASKS)
        self.observe(self._on_exchanged, ["exchanged"])
        self.observe(self._on_head, ["layer", "head"])
        self.observe(self._on_outside, ["outside"])

    def _take(self, work: Work) -> None:
        """These two runs are compared from now on."""
        self._work, self._source = work, work.source

    def _names(self, given: Sequence[str] | None) -> list[str]:
        usual = ("clean", "corrupted") if self._alone is None else ("image", "covered")
        return data.two_names(usual if given is None else given)

    def _start(self, asked: dict[str, Any], choices: dict[str, Any]) -> None:
        """Takes the first choices; all are checked before anything is computed."""
        self.image = asked["image"]
        self._untouched = frozenset(name for name in CLASSES if asked[name] is None)
        self._set({name: asked[name] for name in CLASSES if name not in self._untouched})
        self._take_answers()
        self._set(choices)
        self._refuse_one_class()

    def _take_answers(self) -> None:
        """The classes that nobody has chosen are those that the two runs answer."""
        clean, corrupted = (int(one.argmax()) for one in self._source.logits(self.image))
        target = clean if "target" in self._untouched else self.target
        if "against" in self._untouched:
            against = next((one for one in (corrupted, clean) if one != target), None)
            self._set({"target": target, "against": against})
        else:
            self.target = target

    def _choose_strongest(self, choices: dict[str, Any]) -> None:
        """The head with the largest estimate, unless one was chosen."""
        if "layer" in choices or "head" in choices:
            return
        parts, _ = self._work.estimates(self._now())
        sizes = np.abs(np.nan_to_num(parts[:, : self._n_heads]))
        self.layer, self.head = divmod(int(sizes.argmax()), self._n_heads)

    def _now(self) -> Of:
        values = cast("Values", self.values)
        return Of(self.target, self.against, self.image, self._way, values)

    @property
    def _way(self) -> Direction:
        return cast("Direction", self.direction)

    @property
    def _places(self) -> list[Spot]:
        return places_of(self.exchanged, self._sizes)

    def _fill(self) -> None:
        """Packs what depends on the choices that the model answers."""
        of, under = self._now(), self._under()
        packed = data.numbers(self._work, of)  # refused before anything is set
        packed |= data.writes(self._source, of)
        asked = of._asdict() | under
        changed = {name for name, now in asked.items() if now != self._of.get(name)}
        if changed & {"target", "against", "image", *under}:
            packed |= self._forget_circuits()
        if changed & {"image", *under}:
            packed |= data.of_pair(self._source, of.image)
        self._set(packed)
        self._of = asked | {"has_gap": self._work.has_gap(of)}
        self._fill_exchanged()
        self._fill_looks()

    def _under(self) -> dict[str, Any]:
        """What was covered, also in words; "" of a pair."""
        words = self._alone.words(cast("Cover", self.cover), self.covered) if self._alone else ""
        return {"cover": self.cover, "covered": list(self.covered), "covered_words": words}

    def _fill_exchanged(self) -> None:
        of, places = self._now(), self._places
        self._exchange = data.exchanged(self._work, of, places)
        self._reads = data.reads(self._work, of, places)
        self._progress = data.progress(self._work, of, self.layer, places)

    def _fill_looks(self) -> None:
        where = (self.layer, self.head, self.image, self._way)
        self._looks = pack.float32(self._source.reads(*where))
        self._looks_of = [self.layer, self.head]

    def _on_asked(self, change: Any) -> None:
        before, untouched = {name: self._of[name] for name in ASKS}, self._untouched
        if self._is_following or before == {name: getattr(self, name) for name in ASKS}:
            return
        work = self._work
        try:
            with self.hold_sync():  # all numbers and what they are of arrive together
                if self._alone is not None:
                    self._take(self._works(self.cover, tuple(self.covered)))
                self._follow(before)
                self._keep_apart(change["name"], before)
                self._fill()
        except BaseException as error:  # said in the widget; raised here it would only reach a log
            self._untouched = untouched
            self._take(work)
            with self.hold_trait_notifications():
                self._set(before)
            self._fail(error, "The exchange could not be asked", "what is shown is what was there")

    def _follow(self, before: dict[str, Any]) -> None:
        """Classes that nobody has chosen go with the pair, whichever way that has changed."""
        self._untouched -= {name for name in CLASSES if getattr(self, name) != before[name]}
        if all(getattr(self, name) == before[name] for name in ("image", "cover", "covered")):
            return
        self._is_following = True
        try:
            self._take_answers()
            if self.target == self.against:  # the other class was chosen
                self.target = before["target"]
        finally:
            self._is_following = False

    def _on_exchanged(self, _change: Any) -> None:
        with self.hold_sync():
            self._fill_exchanged()

    def _on_head(self, _change: Any) -> None:
        if self._looks_of != [self.layer, self.head]:
            with self.hold_sync():
                self._fill_looks()
                self._progress = data.progress(self._work, self._now(), self.layer, self._places)

    @answers_browser
    def _go_on(self, message: Any, _buffers: Buffers) -> Reply:
        """Exchanges some more; the numbers go by their traits."""
        work, of, places = self._work, self._now(), self._places
        if is_mapping(message) and message.get("again"):
            work.was_interrupted = False
        try:
            if not work.was_interrupted:
                work.go_on(of, self.layer, places, AT_ONCE)
        except KeyboardInterrupt:  # meant for this, as no cell is running: it is said in the widget
            work.was_interrupted = True
        self._send_numbers()
        return {"left": self._progress["left"]}, []

    def _send_numbers(self) -> None:
        """Packs what has become known."""
        with self.hold_sync():
            self._set(data.numbers(self._work, self._now()))
            self._fill_exchanged()

    def saved(self) -> SavedWidget:
        """The widget as a page without a kernel keeps it, with every part exchanged.

        What is missing of the map of parts and of the state that is chosen is computed, with a
        progress bar; of other states too where they have few tokens, else what is known is there,
        and of more than 600 tokens of the chosen state those that the gradient expects to matter.
        Ctrl-C ends it, and the page keeps what is known until then.
        """
        self._work.finish(self._now(), self.layer, self._places)
        self._send_numbers()
        return super().saved()

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def __repr__(self) -> str:
        names = [name for name in self.choices() if self._alone or not name.startswith("cover")]
        return f"Causes({self._meta['model_name']}, {self._in_words(names)})"
