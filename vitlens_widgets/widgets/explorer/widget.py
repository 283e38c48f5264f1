"""Explorer: every view of one image at once, linked; another image, and heads switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import traitlets

from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.attention_maps.page import Chosen, SavesMaps
from vitlens_widgets.widgets.explorer import data
from vitlens_widgets.widgets.explorer.figure import figure_parts
from vitlens_widgets.widgets.explorer.infilling import ImageInfiller
from vitlens_widgets.widgets.explorer.inputs import (
    lenses_of,
    mae_lens_of,
    picture_of,
    vit_of,
)
from vitlens_widgets.widgets.explorer.pair import RunPair
from vitlens_widgets.widgets.explorer.seen import SeenRuns
from vitlens_widgets.widgets.explorer.still import draw
from vitlens_widgets.widgets.infill_strip.traits import InfillTraits
from vitlens_widgets.widgets.patch_grid.several import check_alike
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.lens_choice import LENS_CHOICES, ChoosesLens
from vitlens_widgets.widgets.shared.prompting import LAST, AsksPrompts, asked
from vitlens_widgets.widgets.shared.traits import checked_prompts
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser, done

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vitlens_widgets.lenses import Lens
    from vitlens_widgets.widgets.explorer.inputs import AnyModel

OF_MASK = ("mask", "mask_ratio", "seed")
OF_INFILLING = {*InfillTraits.choices(), "infill_state"}
OF_EDITED = ("_edited_answers", "_edited_target", "_edited_maps", "_others")


class Explorer(AsksPrompts, ChoosesLens, SavesMaps, SeenRuns):
    """What each patch answers, where each head looks, how a masked autoencoder fills in: linked.

    One axis of states is there for all: state k goes with the attention of block k, `final` with
    that of the last block. Pin a patch in any view and all follow. Switch heads off, by a click or
    with `knocked_out`, and the model is run again from the first of them on: prediction, answers
    and attention are those of the edited run, the baseline, or their difference. Drop another
    image on the widget, or give it to `explorer.show`, and everything is computed anew; where that
    fails, everything stays.

    Args:
        vit: The model, from `vl.load`, or what that takes: a name, a path, a module.
        image: A path, web address, PIL image, array or tensor, or a scene of `vl.world`.
        mae: A masked autoencoder, or what `vl.load` takes, for the rows of infillings.
        lens: What reads the states; default: `vl.LogitLens(vit)`, none without a classifier. Of
            several, in a list or a dict by name, the first is shown, and the others a click away.
        caption: A few words to stand beside the title, e.g. what the image shows.
        **choices: The traits under Attributes; `mask` and the like need `mae`.

    Raises:
        UsageError: The image cannot be read, `mae` is no masked autoencoder, or a choice is out of
            range or unknown.

    Example:
        >>> explorer = vl.explore("vit_base_patch16_224", "cat.jpg", mae="toy/mae")
        >>> explorer.knocked_out = [(3, 0)]
        >>> explorer.knocked_out += ((5, 2),)
        >>> explorer.edited.logits - explorer.trace.logits
        >>> explorer.show("dog.jpg")
    """

    _esm = STATIC / "explorer.js"
    _css = STATIC / "explorer.css"
    _figure = staticmethod(figure_parts)
    _kind = "Every view of one image"
    _several = "vl.explore(vit, image, lens=[logit, tuned])"

    def __init__(
        self,
        vit: AnyModel,
        image: Any,
        mae: AnyModel | None = None,
        *,
        lens: Lens | Sequence[Lens] | Mapping[str, Lens] | None = None,
        caption: str = "",
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        picture, scene = picture_of(image)
        prompts = checked_prompts(choices.pop("prompts")) if "prompts" in choices else None
        self._vit = asked(vit_of(vit, "vl.explore"), prompts)
        self._lenses = lenses_of(self._vit, lens)
        self._lens_names = tuple(self._lenses) or ("",)
        self._mae_lens = mae_lens_of(mae, choices.keys() & OF_INFILLING)
        self._runs = RunPair.of(self._vit.trace(picture), self._lenses)
        check_alike(self._readings(), "Explorer")
        self._own_answer = self._runs.baseline.answer
        self._measure()
        self._name_classes(caption)
        of_mask = {name: choices.pop(name) for name in OF_MASK if name in choices}
        of_statistics = {"sort": choices.pop("sort")} if "sort" in choices else {}
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._set(choices)  # refused before anything more is computed
        self._start_infilling(picture, scene, of_mask)
        self._runs = self._runs.without(self.knocked_out)
        self._take(self._packed(self._runs, self.target))
        about = self._baseline_maps["_statistic_words"]
        self._statistic_names = tuple(words["name"] for words in about)
        self._set(of_statistics)
        super().__init__(**of_widgets)
        self.observe(self._on_target, "target")
        self.observe(self._on_knocked_out, "knocked_out")
        self.observe(self._on_prompts, "prompts")
        self._follow_states()

    def _readings(self) -> dict[str, Any]:
        """The baseline run's, by the names of their lenses."""
        pairs = {name: self._runs.read_by(name) for name in self._lenses}
        return {name: pair.baseline.reading for name, pair in pairs.items()}

    def _measure(self) -> None:
        """What choices are checked against."""
        self._n_layers, self._n_heads = self._vit.n_layers, self._vit.n_heads
        self._state_names = self._vit.state_names
        self._n_tokens = self._runs.baseline.source.layout.n_tokens
        deep = self._mae_lens.vit if self._mae_lens else self._vit
        self._infill_state_names = deep.state_names

    def _name_classes(self, caption: str) -> None:
        """What does not change with the image: names, sizes, and prompts where it is asked by."""
        self._label_set = labels = self._vit.labels
        self._meta = data.description(self._runs.baseline, caption, self._lens_names)
        self._labels, self._emoji = list(labels), list(labels.emoji)
        self._reads_prompts = self._meta["prompts"] is not None
        self.prompts = self._meta["prompts"] or ()

    def _start_infilling(self, picture: Any, scene: Any, of_mask: dict[str, Any]) -> None:
        if self._mae_lens is None:
            return
        self._infiller = ImageInfiller(self, self._mae_lens, picture, scene, **of_mask)
        self._infill_meta = self._infiller.description
        self._set({name: value for name, value in of_mask.items() if name != "mask"})
        self._infiller.fill_image()
        self._infiller.follow_masks()

    def _follow_states(self) -> None:
        """Two models that are as deep share their states."""
        if len(self._infill_state_names) == len(self._state_names):
            self.infill_state = self.state
            traitlets.link((self, "state"), (self, "infill_state"))

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
        runs = RunPair.of(self._vit.trace(picture), self._lenses).without(self.knocked_out)
        baseline = runs.baseline
        target = baseline.answer if self.target == self._own_answer else self.target
        packed = self._packed(runs, target)
        infilled = self._infiller and self._infiller.next(picture, scene)
        with self.hold_sync():
            self._runs, self._own_answer, self.error = runs, baseline.answer, ""
            if infilled is not None:
                self._infiller.show_next(infilled)
            self._take(packed)
            self.target = target

    def _packed(self, runs: RunPair, target: int | None) -> dict[str, Any]:
        """The traits of an image and its runs, which need not be shown yet."""
        image = {"_picture": pack.uint8(runs.baseline.source.picture(0))}
        shown = runs.baseline.first_map(self._layer, self.head)
        maps_are_few = self._meta["side"] == len(self._meta["tokens"])
        packed = runs.packed(target, self.state, self._meta["side"], self._layer, maps_are_few)
        return image | packed | shown

    @property
    def _left(self) -> int:
        return self._runs.n_left(self._meta["side"])

    def _step(self) -> None:
        with (
            self._runs.sending(self._meta["side"], self.target, self.lens) as packed,
            self.hold_sync(),
        ):
            self._take(packed)

    def _take(self, packed: dict[str, Any]) -> None:
        """Takes what is packed, all of it, and tells the browser."""
        self._set(packed)
        self._version = self._version + 1

    @property
    def _layer(self) -> int:
        """The block whose attention goes with the state."""
        return min(self.state, self._n_layers - 1)

    def _on_knocked_out(self, _change: Any = None) -> None:
        """The answers first, as the attention takes longer; if either fails, all stays."""
        if self.knocked_out == self._runs.off:
            return
        last = self._runs, {name: getattr(self, name) for name in OF_EDITED}
        failing = "The model could not be run without these heads"
        try:
            runs = self._runs.without(self.knocked_out)
            self._show_runs(runs, runs.edited_answers(self.target))
            failing = "The attention without these heads could not be computed"
            if runs.edited is not None:
                self._show_runs(runs, runs.edited_maps(self._meta["side"]))
            self.error = ""
        except BaseException as error:
            with self.hold_sync():
                self._show_runs(*last)
                self.knocked_out = self._runs.off
            self._fail(error, failing, LAST)

    def _show_runs(self, runs: RunPair, packed: dict[str, Any]) -> None:
        with self.hold_sync():
            self._runs = runs
            self._take(packed)

    def _ask(self, prompts: tuple[str, ...]) -> None:
        """Both runs answer by other prompts; a class that was chosen stays, if still there."""
        vit = asked(self._vit, prompts)
        lenses = {name: lens.answered_by(vit) for name, lens in self._lenses.items()}
        if not lenses or self.target is None:
            return
        runs, names = self._runs.answered_by(lenses), list(vit.labels)
        chosen = None if self.target == self._own_answer else self._labels[self.target]
        own = runs.baseline.answer
        target = names.index(chosen) if chosen in names else own
        packed = runs.answers(target, self.state)
        with self.hold_sync():
            self._vit, self._lenses, self._runs, self._own_answer = vit, lenses, runs, own
            self._name_classes(self._meta["caption"])
            self._take(packed | {"target": target, "error": ""})

    def _on_target(self, _change: Any) -> None:
        sent = self._baseline_target  # empty where the browser has the numbers of all classes
        if not sent or self.target == sent["_target_of"]:
            return
        try:
            self._show_runs(self._runs, self._runs.target(self.target))
        except BaseException as error:
            self.target = sent["_target_of"]
            self._fail(error, "The target's numbers could not be computed", LAST)

    @answers_browser
    def _map(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        return self._runs.answered(attention_data.whole_map, what)

    @answers_browser
    def _exact(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        return self._runs.answered(attention_data.exact_numbers, what)

    @answers_browser
    def _knock_out(self, message: dict[str, Any], _buffers: Buffers) -> Reply:
        return done(lambda: setattr(self, "knocked_out", message["heads"]))

    @answers_browser
    def _open(self, message: dict[str, Any], buffers: Buffers) -> Reply:
        from vitlens_widgets.data.images import image_from_bytes

        content, name = bytes(buffers[0]), message.get("name", "")
        return done(lambda: self._show_image(image_from_bytes(content, name), None))

    def _shown_map(self) -> dict[str, Any]:
        return self._runs.shown(self.run).first_map(self._layer, self.head, self.token, self.key)

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def _pictured(self) -> dict[str, Any]:
        return super()._pictured() | self._shown_map()

    @property
    def _beyond(self) -> str:
        others = ", another mask" * bool(self._mae_lens) + ", other prompts" * self._reads_prompts
        return f"another image, switching heads off{others}"

    def saved(self, maps: Chosen = ()) -> SavedWidget:
        """The explorer as a page without a kernel keeps it, with whole maps of chosen heads."""
        shown = self._layer, self.head
        page = data.with_maps(super().saved(), self._runs, self._meta["side"], shown, maps)
        return replace(page, state=page.state | self._shown_map())

    def __repr__(self) -> str:
        left_out = {"mask"} if self._mae_lens else OF_INFILLING
        left_out = left_out | ({*LENS_CHOICES} - {*self._of_lenses})
        named = [name for name in self.choices() if self._reads_prompts or name != "prompts"]
        shown = self._in_words(name for name in named if name not in left_out)
        return f"Explorer({self._meta['model_name']}, {shown})"


def explore(vit: AnyModel, image: Any, mae: AnyModel | None = None, **choices: Any) -> Explorer:
    """Every view of one image, linked: answers, attention, infilling; see `Explorer`.

    Example:
        >>> vl.explore("toy/p32", vl.world.scene(seed=7, objects=2), mae="toy/mae")
    """
    return Explorer(vit, image, mae, **choices)
