"""PatchGrid: the image under its patch grid, and what each patch answers in each state."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import traitlets

from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.patch_grid import data
from vitlens_widgets.widgets.patch_grid.figure import figure_parts
from vitlens_widgets.widgets.patch_grid.lens_pages import LensPages
from vitlens_widgets.widgets.patch_grid.several import Readings, all_prompted, readings_of
from vitlens_widgets.widgets.patch_grid.source import ARRAYS, has_no_answers, in_one_look
from vitlens_widgets.widgets.patch_grid.still import draw
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.lens_choice import (
    LENS_CHOICES,
    ChoosesLens,
    Difference,
    LensName,
    OtherLens,
)
from vitlens_widgets.widgets.shared.meanings import (
    ClassMeaning,
    Depth,
    Meaning,
    OfBatch,
    TokenMeaning,
)
from vitlens_widgets.widgets.shared.prompting import LAST, AsksPrompts, prompts_of
from vitlens_widgets.widgets.shared.seam import ReadingLike
from vitlens_widgets.widgets.shared.streaming import StreamingWidget
from vitlens_widgets.widgets.shared.thumbs import of_batch
from vitlens_widgets.widgets.shared.traits import (
    ClassIndex,
    Index,
    OneOf,
    Prompts,
    State,
    Token,
    checked_prompts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from vitlens_widgets.trace import Trace

    AnyReading = (
        ReadingLike | Trace | Sequence[ReadingLike | Trace] | Mapping[str, ReadingLike] | None
    )


class PatchGrid(AsksPrompts, ChoosesLens, StreamingWidget):
    """The emoji logit lens of one image, interactive.

    Each patch shows its most probable class in the chosen state; a filmstrip shows all states and
    is their slider. Pin a token to see its answers through the states; choose a target class to see
    where, and from which state on, the model finds it. Nothing is recomputed in the kernel while
    you do so, except a new target's column where all logits together exceed 4 MB, and other
    prompts of a model of images and texts, which are typed in the widget.

    Of several readings of one trace, by several lenses, one is shown and the others a click away:
    what is pinned, chosen and asked about stays. Two of them stand side by side, or what is shown
    is the difference of their numbers; curves follow the readout, or the pinned token, through the
    states by every lens.

    Args:
        reading: A lens applied to a trace, e.g. `vl.LogitLens(vit).read(trace)`; of a trace, what
            the logit lens reads. A CLIP or SigLIP that was loaded without prompts is asked two,
            until others are typed; of a trace of a model that has no classifier, and reads no
            texts, a `PatchFeatures` is made instead. Or a list of readings of one trace, or a dict
            of them by the names that they are to have.
        image: Which image of the trace's batch; with arrays of your own, the picture.
        caption: A few words to stand under that image, e.g. its true classes.
        **choices: `state`, `token`, `target`, `glyph`, `tint`, `prompts`, `lens`, `beside`,
            `difference`; see Attributes. Instead of a reading, `logits=` or `probabilities=`, an
            array `[state, token, class]`, with `labels=`, `grid=`, `prefix=`, `readout=`,
            `state_names=`, `name=`: see `vl.GivenReading`.

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
        prompts: The texts that a CLIP or SigLIP classifies by; set another list, or type them. A
            name that stands for several texts goes on doing so. Default: the reading's own; none
            for other models.
        lens: The lens whose reading is shown, by name, such as "tuned lens". Default: the first.
        beside: Another one, whose states stand under those of the first; choosing one of the two
            in the place of the other exchanges them. Default: None.
        difference: Whether colours say by how much the numbers of `lens` exceed those of
            `beside`, and a white corner where the two give different answers. Default: False.

    Raises:
        UsageError: No reading was given, readings are not of one trace with the same classes, or
            the image or a choice is out of range or unknown.

    Example:
        >>> grid = vl.PatchGrid(reading, target="cat", tint="entropy")
        >>> grid.state = 3
        >>> vl.PatchGrid(logits=logits, labels=["cat", "dog"], image="cat.jpg")
        >>> vl.PatchGrid([logit, tuned], beside="tuned lens")  # of one trace
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
    prompts = Prompts("_reads_prompts").tag(sync=True, choice=True)
    lens = LensName[str]().tag(sync=True, choice=True)
    beside = OtherLens["str | None"](allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    difference = Difference(default_value=False).tag(sync=True, choice=True)
    _readings: Readings
    _shown: tuple[int, int]  # image and target
    _pages: LensPages

    _meta = traitlets.Dict().tag(sync=True)
    _labels = traitlets.List[str]().tag(sync=True)
    _emoji = traitlets.List[str]().tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _known = traitlets.List[int]().tag(sync=True)
    _top_index = traitlets.Bytes().tag(sync=True)
    _top_probability = traitlets.Bytes().tag(sync=True)
    _entropy = traitlets.Bytes().tag(sync=True)
    _kl = traitlets.Bytes().tag(sync=True)
    _logsumexp = traitlets.Bytes().tag(sync=True)
    _logits = traitlets.Bytes().tag(sync=True)
    _target_logit = traitlets.Bytes().tag(sync=True)
    _target_rank = traitlets.Bytes().tag(sync=True)
    _target_of = traitlets.Int(-1).tag(sync=True)
    _others = traitlets.Dict().tag(sync=True)  # the same of the other lenses, by their names

    def __new__(
        cls,
        reading: AnyReading = None,
        image: Any = 0,
        caption: str = "",
        **choices: Any,
    ) -> Self:
        """Makes a PatchFeatures of a trace that nothing answers for."""
        if has_no_answers(reading):
            from vitlens_widgets.widgets.patch_features.widget import PatchFeatures

            made: Any = PatchFeatures(reading, image, caption, **choices)
            return made
        return super().__new__(cls)

    def __init__(
        self,
        reading: AnyReading = None,
        image: Any = 0,
        caption: str = "",
        **choices: Any,
    ) -> None:
        arrays = {name: choices.pop(name) for name in ARRAYS if name in choices}
        self._refuse_unknown(choices)
        asked = checked_prompts(choices.pop("prompts")) if "prompts" in choices else None
        self._readings = readings = readings_of(reading, image, arrays, asked)
        self._lens_names, shown = tuple(readings), self._reading
        self._n_states, self._n_tokens = shown.n_states, shown.layout.n_tokens
        self._n_images = shown.n_images
        self._state_names, self._label_set = shown.state_names, shown.labels
        self._set({"image": 0 if arrays else image})
        self._set({"state": choices.pop("state")} if "state" in choices else {})
        self._follows = "target" not in choices
        if not self._follows:
            self.target = choices.pop("target")
        self._caption = (self.image, caption)
        self._thumbs, self._of_thumbs = of_batch(shown.n_images, shown.picture)
        self._fill(readings)
        super().__init__(**choices)
        self.observe(self._on_target, "target")
        self.observe(self._on_image, "image")
        self.observe(self._on_prompts, "prompts")

    @property
    def _reading(self) -> ReadingLike:
        """The first of them: what is said of the model, its classes and tokens holds for all."""
        return next(iter(self._readings.values()))

    def _fill(self, readings: Readings) -> None:
        """Packs what is read of the image; unless a class was chosen, the answer is asked about."""
        image, reading = self.image, next(iter(readings.values()))
        target, pages = in_one_look(reading, partial(self._numbers, readings))
        caption = self._caption[1] if self._caption[0] == image else ""
        prompts = prompts_of(reading)
        meta = data.description(reading, image, caption) | self._of_thumbs | {"prompts": prompts}
        labels = {"_labels": list(reading.labels), "_emoji": list(reading.labels.emoji)}
        picture = {"_picture": pack.uint8(reading.picture(image))}
        meta["lenses"] = list(readings) if len(readings) > 1 else None
        packed = {"_meta": meta, **labels, **picture, **pages.traits()}
        self._readings, self._label_set, self._pages = readings, reading.labels, pages
        self._reads_prompts, self._shown = prompts is not None, (image, target)
        self._set({**packed, "target": target, "prompts": prompts or ()})

    def _numbers(self, readings: Readings) -> tuple[int, LensPages]:
        """The class asked about, and what is there of every lens."""
        target = self._target_in(next(iter(readings.values())))
        return target, LensPages(readings, self.image, target, self.state)

    @property
    def _left(self) -> int:
        return self._pages.n_left

    def _step(self) -> None:
        if not self._left:
            return
        with self._pages.sending(self.lens, self.beside) as traits, self.hold_sync():
            self._set(traits)

    def _target_in(self, reading: ReadingLike) -> int:
        """The class asked about; the answer, unless one was chosen that is there."""
        if not self._follows and reading is self._reading:
            return self.target
        names = list(reading.labels)
        chosen = None if self._follows else self._label_set[self.target]
        return names.index(chosen) if chosen in names else _answer(reading, self.image)

    @traitlets.default("state")
    def _final_state(self) -> int:
        return self._n_states - 1

    @traitlets.default("tint")
    def _tint_for_grid(self) -> str:
        return data.default_tint(self._meta)

    @traitlets.default("target")
    def _models_answer(self) -> int:
        return _answer(self._reading, self.image)

    @property
    def _beyond(self) -> str:
        classes = [] if self._pages.has_every_class else ["the numbers of another target class"]
        others = ["other prompts"] * self._reads_prompts
        images = ["another image of the batch"] * (self._n_images > 1)
        return ", ".join([*classes, *others, *images])

    def _on_target(self, _change: Any) -> None:
        image, before = self._shown
        if self.target == before or self.image != image:  # another image fills all anew
            return
        try:
            with self.hold_sync():  # the column and its class arrive together
                self._set(self._pages.ask(self.target))
                self._shown, self._follows = (image, self.target), False
        except BaseException as error:
            self.target = before  # the last one whose numbers are there
            self._fail(error, "The target's numbers could not be computed", LAST)

    def _on_image(self, _change: Any) -> None:
        if self.image == self._shown[0]:
            return
        try:
            with self.hold_sync():  # all numbers of an image arrive together
                self._fill(self._readings)
        except BaseException as error:
            self.image = self._shown[0]
            self._fail(error, "The image could not be shown", "it shows the last one")

    def _ask(self, prompts: tuple[str, ...]) -> None:
        """Answers by other prompts; the class that was chosen stays, if it is still there."""
        readings = all_prompted(self._readings, prompts)
        with self.hold_sync():  # other classes, and all numbers of them
            self._fill(readings)
            self.error = ""

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its states, tokens, classes and images, and its lenses where there are several."""
        reading = self._reading
        return super().meanings() | {
            "state": Depth(self._n_states - 1),
            "token": TokenMeaning.of(reading, self._n_images, self.image),
            "target": ClassMeaning(tuple(self._labels)),
            "image": OfBatch(self._n_images),
        }

    def __repr__(self) -> str:
        of = f"{self.lens} of {self._meta['model_name']}"
        silent = {"prompts"} if not self._reads_prompts else set[str]()
        silent |= {*LENS_CHOICES} - {*self._of_lenses}
        said = [name for name in self.choices() if name not in silent]
        return f"PatchGrid({of}, {self._in_words(said)})"


def _answer(reading: ReadingLike, image: int) -> int:
    """The model's own, as a class index."""
    return int(reading.readout.top(1).index[-1, image, 0])
