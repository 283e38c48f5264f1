"""PatchGrid: the image under its patch grid, and what each patch answers in each state."""

from __future__ import annotations

from typing import Any

import traitlets

from vitlens_widgets.errors import UsageError, counted, quoted_list, whole_number
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.patch_grid import data
from vitlens_widgets.widgets.patch_grid.figure import figure_parts
from vitlens_widgets.widgets.patch_grid.still import draw
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC, LensWidget
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.meanings import ClassMeaning, Depth, Meaning, Place
from vitlens_widgets.widgets.shared.seam import ReadingLike
from vitlens_widgets.widgets.shared.traits import ClassIndex, OneOf, State, Token

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
        caption: A few words to stand under the image, e.g. its true classes.
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
            model's own answer.
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
    glyph = OneOf("emoji", "label", "none").tag(sync=True, choice=True)
    tint = OneOf("probability", "logit", "rank", "entropy", "kl", "class", "none").tag(
        sync=True, choice=True
    )

    _meta = traitlets.Dict().tag(sync=True)
    _labels = traitlets.List[str]().tag(sync=True)
    _emoji = traitlets.List[str]().tag(sync=True)
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
        self._image = _checked_image(reading, image)
        self._n_states, self._n_tokens = reading.n_states, reading.layout.n_tokens
        self._state_names, self._label_set = reading.state_names, reading.labels
        self._answer = int(reading.readout.top(1).index[-1, self._image, 0])
        self._fill(caption)
        if "target" in choices:
            self.target = choices.pop("target")
        self._fill_target_columns()
        super().__init__(**choices)
        self.observe(self._on_target, "target")

    def _fill(self, caption: str) -> None:
        """Packs everything that does not depend on a choice."""
        reading, image = self._reading, self._image
        self._meta = data.description(reading, image, caption)
        self._labels = list(reading.labels)
        self._emoji = list(reading.labels.emoji)
        self._picture = pack.uint8(reading.picture(image))
        self._logits = data.logits_table(reading, image)
        self._set(data.statistics(reading, image))

    @traitlets.default("state")
    def _final_state(self) -> int:
        return self._n_states - 1

    @traitlets.default("tint")
    def _tint_for_grid(self) -> str:
        return data.default_tint(self._meta)

    @traitlets.default("target")
    def _models_answer(self) -> int:
        return self._answer

    @property
    def _beyond(self) -> str:
        return "" if self._logits else "the numbers of another target class"

    def _fill_target_columns(self) -> None:
        """Packs the target's column, unless the browser has all logits and needs none."""
        if self._logits:
            return
        self._set(data.target_columns(self._reading, self._image, self.target))

    def _on_target(self, _change: Any) -> None:
        try:
            with self.hold_sync():  # the column and its class arrive together
                self._fill_target_columns()
        except Exception as error:  # said in the widget; raised here it would only reach a log
            self.error = f"The target's numbers could not be computed: {error}"
            if self._target_of >= 0:
                self.target = self._target_of  # the last one whose numbers are there

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its states, tokens and classes."""
        reading = self._reading
        return {
            "state": Depth(self._n_states - 1),
            "token": Place(
                reading.layout,
                tuple(map(int, reading.tokens)),
                lambda: [reading.picture(self._image)],
            ),
            "target": ClassMeaning(tuple(self._labels)),
        }

    def __repr__(self) -> str:
        of = f"{self._meta['lens_name']} of {self._meta['model_name']}"
        return f"PatchGrid({of}, image={self._image}, {self._in_words()})"


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


def _checked_image(reading: ReadingLike, image: Any) -> int:
    index = whole_number(image)
    if index is None or not 0 <= index < reading.n_images:
        raise UsageError(
            f"image must be the index of one of the {counted(reading.n_images, 'image')} that were "
            f"read, 0 to {reading.n_images - 1}; {image!r} was given."
        )
    return index
