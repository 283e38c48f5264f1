"""The traits of an Explorer: what can be chosen, and what carries its data to the browser."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import traitlets
from traitlets import HasTraits, TraitType

from vitlens_widgets.widgets.infill_strip.traits import InfillTraits
from vitlens_widgets.widgets.patch_grid.data import default_tint
from vitlens_widgets.widgets.shared.lens_choice import Difference, LensName, OtherLens
from vitlens_widgets.widgets.shared.seam import LabelsLike
from vitlens_widgets.widgets.shared.traits import (
    ClassIndex,
    Index,
    OneOf,
    OneOfNames,
    Prompts,
    State,
    Token,
    TraitUsageError,
)


class HeadPairs(TraitType[tuple[tuple[int, int], ...], Any]):
    """Attention heads, as a sorted tuple of (layer, head) pairs, each of them once.

    No list: what is appended to a list, its widget does not hear of.

    Args:
        layers: Name of the widget's attribute that holds the number of layers.
        heads: Name of that with the number of heads of a layer.
    """

    def __init__(self, layers: str, heads: str, **keywords: Any) -> None:
        super().__init__(default_value=(), **keywords)
        self._layers, self._heads = layers, heads

    def validate(self, obj: HasTraits, value: Any) -> tuple[tuple[int, int], ...]:
        """Gives the pairs, sorted, as a tuple."""
        sizes = getattr(obj, self._layers), getattr(obj, self._heads)
        try:
            pairs = {(_index(layer), _index(head)) for layer, head in value}
        except (TypeError, ValueError):
            pairs = {(-1, -1)}
        if not all(0 <= i < size for pair in pairs for i, size in zip(pair, sizes, strict=True)):
            raise TraitUsageError(
                f"{self.name} must be a list of (layer, head) pairs, layers 0 to {sizes[0] - 1} "
                f"and heads 0 to {sizes[1] - 1}; {value!r} was given."
            )
        return tuple(sorted(pairs))


def _index(number: Any) -> int:
    if isinstance(number, bool):
        raise TypeError
    return operator.index(number)


class ExplorerTraits(InfillTraits):
    """The choices, which mean what they mean in the other widgets, and the data.

    The widget knows the counts that choices are checked against. Of each run there are three
    bundles, which change at different times: `answers`, `target` and `maps`. In them stand, under
    the same names, what PatchGrid and AttentionMaps have as traits; `run.py` packs them. Every
    change of the data ends with a new `_version`, so that the browser looks at all of it once.

    Attributes:
        state: The state shown, by index or name (`0_pre` to `final`); read as an index. The
            attention shown is that of the block after it. Default: the last.
        token: The pinned token, the query of attention: its index in the sequence, a patch's (row,
            column), or a name such as "CLS"; read as the index. Default: None.
        key: The pinned key, given as a token is. Default: None.
        head: The head that is shown. Default: 0.
        target: The class asked about; set it by name or index, read it as an index. Default: the
            model's own answer, also to another image unless one was chosen; None without a
            classifier.
        knocked_out: Heads that are switched off (their `z` is 0): set any list of (layer, head),
            read them as a sorted tuple, add to them with `+= ((5, 2),)`. Default: none.
        run: What is shown while heads are switched off. Default: "edited".
        glyph: What stands on each patch for its most probable class. Default: "emoji".
        tint: What the colour of a patch says, and the default of that; see `PatchGrid`.
        direction: What a patch shows: what it attends to, or who attends to it. Default: "to".
        scale: How a weight of attention becomes a colour. Default: "sqrt".
        sort: Order of the heads: "layer", or a statistic. Default: "layer".
        order: Which end of the sorting statistic comes first. Default: "descending".
        prompts: The texts that a CLIP or SigLIP classifies by; set another list, or type them; see
            `PatchGrid`. Default: the model's own; none for other models.
        lens: The lens whose answers are shown, by name; see `PatchGrid`. Default: the first.
        beside: Another one, whose states stand under those of the first. Default: None.
        difference: Whether colours say how far `lens` is from `beside`. Default: False.
        infill_state: The state infilled from; it goes with `state` where both models are as deep.
            Default: the last.
    """

    state = State("_state_names").tag(sync=True, choice=True)
    token = Token[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    key = Token[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    head = Index[int]("_n_heads", "a head", default_value=0).tag(sync=True, choice=True)
    target = ClassIndex[int | None]("_label_set").tag(sync=True, choice=True)
    knocked_out = HeadPairs("_n_layers", "_n_heads").tag(sync=True, choice=True)
    run = OneOf("edited", "baseline", "difference").tag(sync=True, choice=True)
    glyph = OneOf("emoji", "label", "none").tag(sync=True, choice=True)
    tint = OneOf("probability", "logit", "rank", "entropy", "kl", "class", "none").tag(
        sync=True, choice=True
    )
    direction = OneOf("to", "from").tag(sync=True, choice=True)
    scale = OneOf("sqrt", "linear", "log").tag(sync=True, choice=True)
    sort = OneOfNames("layer", also="_statistic_names").tag(sync=True, choice=True)
    order = OneOf("descending", "ascending").tag(sync=True, choice=True)
    prompts = Prompts("_reads_prompts").tag(sync=True, choice=True)
    lens = LensName[str]().tag(sync=True, choice=True)
    beside = OtherLens["str | None"](allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    difference = Difference(default_value=False).tag(sync=True, choice=True)
    infill_state = State("_infill_state_names", "a state of the masked autoencoder").tag(
        sync=True, choice=True
    )

    _state_names: Sequence[str]  # what choices are checked against
    _infill_state_names: Sequence[str]
    _label_set: LabelsLike
    _own_answer: int | None

    _meta = traitlets.Dict().tag(sync=True)
    _infill_meta = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _labels = traitlets.List[str]().tag(sync=True)
    _emoji = traitlets.List[str]().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _baseline_answers = traitlets.Dict().tag(sync=True)
    _baseline_target = traitlets.Dict().tag(sync=True)
    _baseline_maps = traitlets.Dict().tag(sync=True)
    _edited_answers = traitlets.Dict().tag(sync=True)  # empty while no head is off, as the next two
    _edited_target = traitlets.Dict().tag(sync=True)
    _edited_maps = traitlets.Dict().tag(sync=True)
    _others = traitlets.Dict().tag(sync=True)  # by name of a lens, the answers and target of both
    _first = traitlets.Dict().tag(sync=True)
    _first_codes = traitlets.Bytes().tag(sync=True)
    _first_exact = traitlets.Bytes().tag(sync=True)
    _version = traitlets.Int(0).tag(sync=True)

    @traitlets.default("state")
    def _final_state(self) -> int:
        return len(self._state_names) - 1

    @traitlets.default("target")
    def _models_answer(self) -> int | None:
        return self._own_answer

    @traitlets.default("tint")
    def _tint_for_grid(self) -> str:
        return default_tint(self._meta)

    @traitlets.default("infill_state")
    def _final_infill_state(self) -> int:
        return len(self._infill_state_names) - 1
