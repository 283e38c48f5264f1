"""What can be chosen in a Causes."""

from __future__ import annotations

from typing import Any

from traitlets import HasTraits, TraitType

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_several
from vitlens_widgets.widgets.causes.covered import Coverable, covered_patches
from vitlens_widgets.widgets.causes.places import VALUES, Sizes, places_of
from vitlens_widgets.widgets.causes.seam import OUTSIDES
from vitlens_widgets.widgets.shared.traits import (
    ClassIndex,
    Index,
    KeptToken,
    OneOf,
    TraitUsageError,
)
from vitlens_widgets.widgets.shared.two_classes import TwoClasses


class ExchangedPlaces(TraitType[list[Any], Any]):
    """ExchangedPlaces that are exchanged together; the widget's `_sizes` say what there is."""

    def validate(self, obj: Any, value: Any) -> list[Any]:
        """Gives each place as a list, each once."""
        try:
            return [place.as_json for place in places_of(value, obj._sizes)]
        except UsageError as error:
            raise TraitUsageError(str(error)) from None

    def make_dynamic_default(self) -> Any:  # pragma: no cover - traitlets asks `default` first
        """None are exchanged."""
        return []

    def default(self, obj: HasTraits | None = None) -> list[Any]:  # noqa: ARG002 - traitlets' own
        """None are exchanged."""
        return []


class CoverWord(OneOf):
    """What becomes of covered patches; the widget's `_alone` says what can, "" of a pair."""

    def words_of(self, obj: Any) -> tuple[str, ...]:
        """What can become of them."""
        return obj._alone.covers if obj._alone else ("",)

    def validate(self, obj: Any, value: Any) -> str:
        """Gives `value` back when it is one of the words."""
        _refuse_for_pair(obj, self.name, value)
        return super().validate(obj, value)


class OutsideWord(OneOf):
    """What runs outside of a circuit; a mean is one of several images."""

    def validate(self, obj: Any, value: Any) -> str:
        """Gives `value` back when it is one of the words."""
        if value == "mean" and obj._n_images == 1:
            raise TraitUsageError(
                'outside="mean" is the mean of the other run over a batch, and of the single pair '
                "here that is its own values; give several pairs."
            )
        return super().validate(obj, value)


class CoveredPatches(TraitType[list[int], Any]):
    """Patches that are covered; none of a pair."""

    def validate(self, obj: Any, value: Any) -> list[int]:
        """Gives their tokens in order, each once."""
        _refuse_for_pair(obj, self.name, value)
        try:
            return covered_patches(value, obj._alone) if obj._alone else []
        except UsageError as error:
            raise TraitUsageError(str(error)) from None

    def make_dynamic_default(self) -> Any:  # pragma: no cover - traitlets asks `default` first
        """None are covered."""
        return []

    def default(self, obj: HasTraits | None = None) -> list[int]:  # noqa: ARG002 - traitlets' own
        """None are covered."""
        return []


def _refuse_for_pair(obj: Any, name: str | None, value: Any) -> None:
    is_none = not len(value) if is_several(value) else isinstance(value, str) and value == ""
    if obj._alone is None and not is_none:
        raise TraitUsageError(
            f"{name}= is for one trace alone; here the second one says what is different."
        )


class CausesChoices(TwoClasses):
    """The choices; those that other widgets have mean the same there.

    Attributes:
        target: The class asked about; set it by name or index, read it as an index. Default: what
            the clean run answers, of each pair, as long as it was not set.
        against: The class it is compared with, or None: the target's own logit counts then.
            Default: what the corrupted run answers, of each pair, if that is another class.
        image: Which pair of the batch. Default: 0.
        direction: `"noising"`: values of the corrupted run are put into the clean one;
            `"denoising"`: the other way round. Default: "noising".
        values: What is exchanged of a head: what it writes (z), or its queries, keys, values or
            attention weights. Default: "output".
        layer: The block that is chosen, and with it the state before it. Default: that of the head
            with the largest estimate.
        head: The head that is chosen. Default: the one with the largest estimate.
        part: Which row of the map is chosen: a head, all heads of the block, or its MLP. All heads
            are a row, and can be exchanged, of models with fewer than eight heads a block.
            Default: "head".
        token: The pinned token: its index in the sequence (prefix tokens count), a patch's (row,
            column), or a name such as "CLS"; read as the index. Default: None.
        exchanged: The places that are exchanged together, such as `("head", 3, 1)`,
            `("head", 3, 1, "pattern")`, `("attention", 3)`, `("mlp", 3)` and
            `("tokens", 3, [17, 18])`. Default: none.
        outside: What runs outside of the circuit: `"corrupted"`: the other image of the pair;
            `"mean"`: the mean of the corrupted run over the batch, token by token; `"zero"`:
            nothing.
            Another one has a circuit of its own, to be found. Default: "corrupted".
        cover: Of one trace alone, what its patches are covered by for the corrupted run: `"grey"`,
            `"blur"` (see `vl.data.covered`), `"noise"` on their embedding (see
            `vl.analysis.noised`), or `"average"`, the mean embedding given as `means=`. Default:
            "grey".
        covered: Of one trace alone, which patches are covered: their tokens, (row, column) pairs or
            a mask, bool `[row, col]`; read as tokens. Default: the middle half of the rows and
            columns.
    """

    target = ClassIndex[int]("_label_set").tag(sync=True, choice=True)
    against = ClassIndex[int | None]("_label_set", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    image = Index[int]("_n_images", "an image of the batch", default_value=0).tag(
        sync=True, choice=True
    )
    direction = OneOf("noising", "denoising").tag(sync=True, choice=True)
    values = OneOf(*VALUES).tag(sync=True, choice=True)
    layer = Index[int]("_n_layers", "a layer", from_end=True, default_value=0).tag(
        sync=True, choice=True
    )
    head = Index[int]("_n_heads", "a head", default_value=0).tag(sync=True, choice=True)
    part = OneOf("head", "attention", "mlp").tag(sync=True, choice=True)
    token = KeptToken[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    exchanged = ExchangedPlaces().tag(sync=True, choice=True)
    outside = OutsideWord(*OUTSIDES).tag(sync=True, choice=True)
    cover = CoverWord("").tag(sync=True, choice=True)
    covered = CoveredPatches().tag(sync=True, choice=True)

    _alone: Coverable | None
    _sizes: Sizes
    _n_layers: int
