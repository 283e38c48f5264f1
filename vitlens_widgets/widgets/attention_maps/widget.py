"""AttentionMaps: every head of every layer at once, one map large, linked to the image."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import traitlets

from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.attention_maps import data
from vitlens_widgets.widgets.attention_maps import page as of_page
from vitlens_widgets.widgets.attention_maps.figure import figure_parts
from vitlens_widgets.widgets.attention_maps.pieces import Pieces
from vitlens_widgets.widgets.attention_maps.source import (
    ARRAYS,
    checked_reading,
    given_source,
    source_of,
)
from vitlens_widgets.widgets.attention_maps.still import draw
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.meanings import Depth, Head, Meaning, OfBatch, TokenMeaning
from vitlens_widgets.widgets.shared.recent import Recent
from vitlens_widgets.widgets.shared.thumbs import of_batch
from vitlens_widgets.widgets.shared.traits import Index, KeptToken, OneOf, OneOfNames
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser


class AttentionMaps(of_page.SavesMaps):
    """All attention heads of a model on one image: an overview, one map large, and the image.

    Point at a cell of the map to see its query and key on the image; point at a patch to see what
    it attends to, or who attends to it. Click to pin. Up to 4 MB of maps (one byte a weight) are
    sent at once; beyond, thumbnails are, and single maps when they are looked at. Numbers that are
    read out are always the exact ones.

    Args:
        trace: What `vit.trace(images)` gave. Instead of it, `attention=`, an array `[layer, head,
            query, key]` of your own, with `grid=`, `prefix=`, `name=`, and the picture as `image=`:
            see `vl.analysis.GivenMaps`.
        image: Which image of the trace's batch, or None for the mean over all of them.
        reading: A lens applied to the same trace; the read-out then says what the lens answers at
            the query and at the key as they enter the block.
        **choices: The other traits under Attributes.

    Attributes:
        layer: The block whose attention is shown. Default: the last.
        head: The head that is shown. Default: 0.
        token: The pinned query: its index in the sequence (prefix tokens count), a patch's (row,
            column), or a name such as "CLS"; read as the index. Default: None.
        key: The pinned key, given as a token is. Default: None.
        image: Which image of the batch; None is the mean of the maps over all. Default: 0.
        show: One head, the mean over the heads of a layer, or the rollout of layers 0 to `layer`
            (Abnar & Zuidema 2020). Default: "head".
        kind: Weights after the softmax, or scores before it. Default: "pattern".
        scale: How a weight becomes a colour; scores are always linear. Default: "sqrt".
        norm: Which maps share a colour scale: none, those of a layer, or all. Default: "map".
        direction: What a patch pointed at shows: what it attends to, or who attends to it. Default:
            "to".
        sort: Order of the overview: "layer", or a statistic. Default: "layer".
        order: Which end of the sorting statistic comes first. Default: "descending".
        color: What a thumbnail shows: its map, or a statistic as one colour. Default: "map".

    Raises:
        UsageError: No trace was given, the reading is one of something else, or a choice is out of
            range or unknown.

    Example:
        >>> maps = vl.AttentionMaps(trace, layer=3, head=0)
        >>> maps.token, maps.key, maps.sort = 32, 39, "entropy"
        >>> vl.AttentionMaps(attention=attention, image="cat.jpg")
    """

    _esm = STATIC / "attention_maps.js"
    _css = STATIC / "attention_maps.css"
    _figure = staticmethod(figure_parts)
    _kind = "Where every attention head looks: the heads"

    layer = Index[int]("_n_layers", "a layer", from_end=True).tag(sync=True, choice=True)
    head = Index[int]("_n_heads", "a head", default_value=0).tag(sync=True, choice=True)
    token = KeptToken[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    key = KeptToken[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    image = Index[int | None](
        "_n_images", "an image of the batch", allow_none=True, default_value=0
    ).tag(sync=True, choice=True)
    show = OneOf("head", "mean", "rollout").tag(sync=True, choice=True)
    kind = OneOf("pattern", "scores").tag(sync=True, choice=True)
    scale = OneOf("sqrt", "linear", "log").tag(sync=True, choice=True)
    norm = OneOf("map", "layer", "all").tag(sync=True, choice=True)
    direction = OneOf("to", "from").tag(sync=True, choice=True)
    sort = OneOfNames("layer", also="_statistic_names").tag(sync=True, choice=True)
    order = OneOf("descending", "ascending").tag(sync=True, choice=True)
    color = OneOfNames("map", also="_statistic_names").tag(sync=True, choice=True)

    _meta = traitlets.Dict().tag(sync=True)
    _overview_of = traitlets.Dict().tag(sync=True)
    _codes = traitlets.Bytes().tag(sync=True)
    _ranges = traitlets.Bytes().tag(sync=True)
    _thumb_ranges = traitlets.Bytes().tag(sync=True)
    _statistics = traitlets.Bytes().tag(sync=True)
    _statistic_words = traitlets.List[dict[str, Any]]().tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _picture_size = traitlets.List[int]().tag(sync=True)
    _answer = traitlets.Bytes().tag(sync=True)
    _answer_probability = traitlets.Bytes().tag(sync=True)
    _labels = traitlets.List[list[str]]().tag(sync=True)
    _first = traitlets.Dict().tag(sync=True)
    _first_codes = traitlets.Bytes().tag(sync=True)
    _first_exact = traitlets.Bytes().tag(sync=True)

    def __init__(
        self, trace: Any = None, image: Any = 0, reading: Any = None, **choices: Any
    ) -> None:
        arrays = {name: choices.pop(name) for name in ARRAYS if name in choices}
        self._refuse_unknown(choices)
        if arrays:
            trace, image = given_source(trace, image, arrays), 0
        self._source = source = source_of(trace)
        self._reading = checked_reading(reading, source)
        self._n_layers, self._n_heads = source.n_layers, source.n_heads
        self._n_images, self._n_tokens = source.n_images, source.layout.n_tokens
        self._kept = frozenset(int(token) for token in source.tokens)
        self._thumbs, of_thumbs = of_batch(source.n_images, source.picture)
        self._meta = data.description(source, self._reading) | of_thumbs
        side: int = self._meta["side"]
        self._overviews = Recent(partial(data.overview, source, side=side))
        self._images = Recent(partial(data.of_image, source, self._reading))
        of_statistics = {name: choices.pop(name) for name in ("sort", "color") if name in choices}
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._set({"image": image, **choices})  # refused before anything is computed
        self._pieces = self._first_pieces()
        self._fill()
        self._set(of_statistics)
        self._fill_first()
        super().__init__(**of_widgets)
        self.observe(self._on_data_chosen, ["kind", "image"])

    @traitlets.default("layer")
    def _last_layer(self) -> int:
        return self._n_layers - 1

    def _first_pieces(self) -> Pieces | None:
        """The overview that is shown first, where it is long in coming: by its first layer."""
        side: int = self._meta["side"]
        if side == len(self._meta["tokens"]) or self.kind != "pattern" or self.image is None:
            return None
        pieces = Pieces(self._source, "pattern", self.image, side, self.layer)
        pieces.step()
        return None if pieces.is_done else pieces

    def _fill(self) -> None:
        """Packs what depends on the image and on the kind of maps."""
        if self._pieces is None:
            self._set(self._overviews(self.kind, self.image) | self._images(self.image))
        else:
            of_image = data.picture_and_answers(self._source, self._reading, self.image)
            self._set(of_image | self._so_far(self._pieces))
        self._statistic_names = tuple(words["name"] for words in self._statistic_words)
        self._overview_of = {"kind": self.kind, "image": self.image}

    def _so_far(self, pieces: Pieces) -> dict[str, Any]:
        """The traits of an overview of which some layers are known."""
        return pieces.traits() | data.statistics(self._source, self.image, pieces.known)

    @property
    def _left(self) -> int:
        return 0 if self._pieces is None else self._pieces.n_left

    def _step(self) -> None:
        pieces = self._pieces
        if pieces is None:
            return
        with pieces.sending(), self.hold_sync():
            self._set(self._so_far(pieces))
        if pieces.is_done:
            self._pieces = None

    def _fill_first(self) -> None:
        """Packs the map that is shown first, so that the browser need not ask for it."""
        self._set(data.first_map(self._source, self._what()))

    def _what(self) -> dict[str, Any]:
        """Which map is shown."""
        names = ("show", "kind", "layer", "head", "image")
        return {name: getattr(self, name) for name in names}

    def _on_data_chosen(self, _change: Any) -> None:
        before = self._overview_of
        if before == {"kind": self.kind, "image": self.image}:
            return
        pieces, self._pieces = self._pieces, None
        try:
            with self.hold_sync():  # all arrays and what they are of arrive together
                self._fill()
                self._forget_lost_statistics()
        except BaseException as error:  # said in the widget; raised here it would only reach a log
            self._pieces = pieces
            reason = str(error) or "it was interrupted."
            self.error = f"The maps could not be computed: {reason}"
            with self.hold_trait_notifications():
                self.kind, self.image = before["kind"], before["image"]
            if not isinstance(error, Exception):  # Ctrl-C goes on to stop the cell
                raise

    def _forget_lost_statistics(self) -> None:
        """Some statistics exist only for several images: what no longer does is not sorted by."""
        for name, default in (("sort", "layer"), ("color", "map")):
            if getattr(self, name) not in (default, *self._statistic_names):
                setattr(self, name, default)

    def saved(self, maps: of_page.Chosen = ()) -> SavedWidget:
        """The widget as a page without a kernel keeps it, with whole maps of chosen heads."""
        page = super().saved()
        first = data.first_map(self._source, self._what(), self.token, self.key)
        more = of_page.saved_maps(self._source, self._overview_of, self._meta["side"], maps)
        beyond = of_page.beyond(more, self._source, str(self._overview_of["kind"]))
        return replace(page, state=page.state | first | more, beyond=beyond)

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def _pictured(self) -> dict[str, Any]:
        state, what = super()._pictured(), self._what()
        if what.items() <= state["_first"].items():
            return state
        return state | data.first_map(self._source, what)

    def meanings(self) -> dict[str, Meaning]:
        """Its blocks, tokens, heads and images."""
        source = self._source
        place = TokenMeaning.of(source, self._n_images, self.image)
        return {
            "layer": Depth(self._n_layers, is_block=True),
            "token": place,
            "key": place,
            "head": Head.of(source.model_name, self._n_heads),
            "image": OfBatch(self._n_images, knows_mean=True),
        }

    @answers_browser
    def _map(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        return data.whole_map(self._source, what)

    @answers_browser
    def _exact(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        return data.exact_numbers(self._source, what)

    @answers_browser
    def _neurons(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        return data.neurons(self._source, what)

    def __repr__(self) -> str:
        shown = self._in_words()
        lens = f", {self._meta['lens_name']}" if self._meta["lens_name"] else ""
        return f"AttentionMaps({self._meta['model_name']}{lens}, {shown})"
