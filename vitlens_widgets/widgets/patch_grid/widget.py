"""PatchGrid: the image under its patch grid, and what each patch answers in each state."""

from __future__ import annotations

from typing import Any

import traitlets

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.patch_grid import data
from vitlens_widgets.widgets.patch_grid.figure import figure_parts
from vitlens_widgets.widgets.patch_grid.still import draw
from vitlens_widgets.widgets.shared.base import STATIC, LensWidget
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.meanings import ClassMeaning, Depth, Meaning, OfBatch, Place
from vitlens_widgets.widgets.shared.seam import ReadingLike
from vitlens_widgets.widgets.shared.thumbs import of_batch
from vitlens_widgets.widgets.shared.traits import ClassIndex, Index, OneOf, State, Token

ARRAYS = (
    "logits", "probabilities", "labels", "grid", "prefix", "readout", "state_names", "name",
)  # fmt: skip
"""Keywords that go with arrays of one's own."""


class PatchGrid(LensWidget):
    """The emoji logit lens of one image, interactive.

    Each patch shows its most probable class in the chosen state; a filmstrip shows all states and
    is their slider. Pin a token to see its answers through the states; choose a target class to see
    where, and from which state on, the model finds it. Nothing is recomputed in the kernel while
    you do so, except a new target's column where all logits together exceed 4 MB.

    Args:
        reading: A lens applied to a trace, e.g. `vl.LogitLens(vit).read(trace)`.
        image: Which image of the trace's batch; with arrays of your own, the picture.
        caption: A few words to stand under that image, e.g. its true classes.
        **choices: `state`, `token`, `target`, `glyph`, `tint`; see Attributes. Instead of a
            reading, `logits=` or `probabilities=`, an array `[state, token, class]`, with
            `labels=`, `grid=`, `prefix=`, `readout=`, `state_names=`, `name=`: see
            `vl.GivenReading`.

    Attributes:
        state: The state shown, by index (-1: the last) or name (`0_pre` to `final`); read as an
            index. Default: the last.
        token: The pinned token: its index in the sequence (prefix tokens count), a patch's (row,
            column), or a name such as "CLS"; read as the index. Default: None.
        target: The class asked about; set it by name or index, read it as an index. Default: the
            model's own answer, to each image its own.
        image: Which image of the batch. Default: 0.
        glyph: What stands on each patch for its most probable class. Default: "emoji".
        tint: What the colour of a patch says. `probability`, `logit` and `rank` are the target's;
            `entropy` and `kl` (divergence from the model's final answer) are in nats; `class` is
            the most probable class. Default: "probability", on grids of more than 400 patches,
            where single patches are too small for a sign, "class".

    Raises:
        UsageError: No reading was given, or the image or a choice is out of range or unknown.

    Example:
        >>> grid = vl.PatchGrid(reading, target="cat", tint="entropy")
        >>> grid.state = 3
        >>> vl.PatchGrid(logits=logits, labels=["cat", "dog"], image="cat.jpg")
    """

    _esm = STATIC / "patch_grid.js"
    _css = STATIC / "patch_grid.css"
    _figure = staticmethod(figure_parts)
    _kind = "What each patch answers: the patch grid"

    state = State("_state_names").tag(sync=True, choice=True)
    token = Token[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    target = ClassIndex[int]("_label_set").tag(sync=True, choice=True)
    image = Index[int]("_n_images", "an image of the batch", default_value=0).tag(
        sync=True, choice=True
    )
    glyph = OneOf("emoji", "label", "none").tag(sync=True, choice=True)
    tint = OneOf("probability", "logit", "rank", "entropy", "kl", "class", "none").tag(
        sync=True, choice=True
    )

    _meta = traitlets.Dict().tag(sync=True)
    _labels = traitlets.List[str]().tag(sync=True)
    _emoji = traitlets.List[str]().tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _top_index = traitlets.Bytes().tag(sync=True)
    _top_probability = traitlets.Bytes().tag(sync=True)
    _entropy = traitlets.Bytes().tag(sync=True)
    _kl = traitlets.Bytes().tag(sync=True)
    _logsumexp = traitlets.Bytes().tag(sync=True)
    _logits = traitlets.Bytes().tag(sync=True)
    _target_logit = traitlets.Bytes().tag(sync=True)
    _target_rank = traitlets.Bytes().tag(sync=True)
    _target_of = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self, reading: ReadingLike | None = None, image: Any = 0, caption: str = "", **choices: Any
    ) -> None:
        arrays = {name: choices.pop(name) for name in ARRAYS if name in choices}
        self._refuse_unknown(choices)
        if arrays:
            reading, image = _given_reading(reading, image, arrays), 0
        self._reading = reading = _checked_reading(reading)
        self._n_states, self._n_tokens = reading.n_states, reading.layout.n_tokens
        self._n_images = reading.n_images
        self._state_names, self._label_set = reading.state_names, reading.labels
        self.image = image
        self._follows = "target" not in choices
        if not self._follows:
            self.target = choices.pop("target")
        self._caption = (self.image, caption)
        self._labels, self._emoji = list(reading.labels), list(reading.labels.emoji)
        self._thumbs, self._of_thumbs = of_batch(reading.n_images, reading.picture)
        self._fill()
        super().__init__(**choices)
        self.observe(self._on_target, "target")
        self.observe(self._on_image, "image")

    def _fill(self) -> None:
        """Packs all that depends on the image; unless a target was chosen, it is its answer."""
        reading, image = self._reading, self.image
        target = self._models_answer() if self._follows else self.target
        caption = self._caption[1] if self._caption[0] == image else ""
        meta = data.description(reading, image, caption) | self._of_thumbs
        self._set({"_meta": meta, **data.of_image(reading, image, target)})
        self._shown = (image, target)
        self.target = target

    @traitlets.default("state")
    def _final_state(self) -> int:
        return self._n_states - 1

    @traitlets.default("tint")
    def _tint_for_grid(self) -> str:
        return data.default_tint(self._meta)

    @traitlets.default("target")
    def _models_answer(self) -> int:
        return int(self._reading.readout.top(1).index[-1, self.image, 0])

    @property
    def _beyond(self) -> str:
        classes = [] if self._logits else ["the numbers of another target class"]
        return ", ".join([*classes, *["another image of the batch"] * (self._n_images > 1)])

    def _on_target(self, _change: Any) -> None:
        image, before = self._shown
        if self.target == before or self.image != image:  # another image fills all anew
            return
        try:
            with self.hold_sync():  # the column and its class arrive together
                if not self._logits:  # else the browser has every class's
                    self._set(data.target_columns(self._reading, image, self.target))
                self._shown, self._follows = (image, self.target), False
        except Exception as error:  # said in the widget; raised here it would only reach a log
            self.error = f"The target's numbers could not be computed: {error}"
            self.target = before  # the last one whose numbers are there

    def _on_image(self, _change: Any) -> None:
        if self.image == self._shown[0]:
            return
        try:
            with self.hold_sync():  # all numbers of an image arrive together
                self._fill()
        except BaseException as error:
            self.image = self._shown[0]
            self._fail(error, "The image could not be shown", "it shows the last one")

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its states, tokens, classes and images."""
        reading = self._reading
        return {
            "state": Depth(self._n_states - 1),
            "token": Place(
                reading.layout,
                tuple(map(int, reading.tokens)),
                lambda: [reading.picture(i) for i in range(self._n_images)],
                self.image,
            ),
            "target": ClassMeaning(tuple(self._labels)),
            "image": OfBatch(self._n_images),
        }

    def __repr__(self) -> str:
        of = f"{self._meta['lens_name']} of {self._meta['model_name']}"
        return f"PatchGrid({of}, {self._in_words()})"


def _given_reading(reading: Any, image: Any, arrays: dict[str, Any]) -> ReadingLike:
    """A reading of arrays, their picture given as `image`."""
    from vitlens_widgets.lenses import GivenReading

    if reading is not None:
        raise UsageError(
            f"A reading was given, and {quoted_list(arrays)} beside it: these go with arrays of "
            "your own, instead of a reading."
        )
    no_picture = isinstance(image, int)
    return GivenReading(**arrays, image=None if no_picture else image)


def _checked_reading(reading: Any) -> ReadingLike:
    if is_trace(reading):
        raise UsageError(
            "PatchGrid shows a reading of a trace, such as vl.LogitLens(vit).read(trace); what a "
            "trace shows without a classifier, vl.PatchFeatures(trace) does."
        )
    if not has_all(reading, ("top", "readout", "layout", "labels")):
        raise refusal(
            "PatchGrid shows a reading, such as vl.LogitLens(vit).read(trace), or arrays of your "
            "own, as in vl.PatchGrid(logits=logits)",
            reading,
        )
    if reading.readout is reading:
        raise UsageError(
            "PatchGrid shows a reading of all tokens, not of the readout alone: give reading, not "
            "reading.readout."
        )
    if len(reading.tokens) != reading.layout.n_tokens:
        raise UsageError(
            f"PatchGrid needs an answer for every patch; this reading is of a trace in which "
            f"{reading.layout.n_tokens - len(reading.tokens)} tokens were dropped. Knock out the "
            "attention to them instead, or read the numbers with reading.table()."
        )
    return reading
