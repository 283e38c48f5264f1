"""What can be chosen in a RelevanceMaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.relevance_maps.finder import RelevanceFinder
from vitlens_widgets.widgets.shared.traits import (
    ClassIndex,
    Index,
    KeptToken,
    OneOf,
    Switch,
    TraitUsageError,
)
from vitlens_widgets.widgets.shared.two_classes import TwoClasses


class MethodName(OneOf):
    """A method by its name, or itself: the widget's `_finder` makes it known by its name."""

    def words_of(self, obj: Any) -> tuple[str, ...]:
        """The names that the widget knows."""
        return obj._finder.methods

    def validate(self, obj: Any, value: Any) -> str:
        """Gives the method's name."""
        if isinstance(value, str):
            return super().validate(obj, value)
        try:
            return obj._finder.take_method(value)
        except UsageError as error:
            raise TraitUsageError(str(error)) from None


class RelevanceChoices(TwoClasses):
    """The choices; those that other widgets have mean the same there.

    Attributes:
        target: The class asked about; set it by name or index, read it as an index. Default: the
            model's own answer, also to another image of the batch unless one was chosen.
        against: A second class, shown beside it with the difference of the two. Default: None.
        method: How relevance is found: `"class_embedding"` (Vilas et al. 2023, as released),
            `"class_embedding_text"`, `"class_embedding_logit"`, `"chefer"`,
            `"gradient_rollout"` or `"rollout"`, which is the same for all classes; or any method of
            `vl.analysis.relevance`, also one of your own, which is known by its name from then on.
            Default: "class_embedding", without a classifier "rollout", the one there is then.
        image: Which image of the batch. Default: 0.
        layer: The block that is chosen. Default: the last.
        head: The head that is chosen. Default: 0.
        token: The pinned token: its index in the sequence (prefix tokens count), a patch's (row,
            column), or a name such as "CLS"; read as the index. Default: None.
        show: What stands large: the map over all blocks and heads, the sum of a block's heads, or
            one head. Default: "all".
        scale: How a number becomes a colour. Default: "linear".
        norm: Which heads share a colour scale: all, those of a block, or none. Default: "all".
        shared: Whether two classes and their difference share a colour scale. Default: True.
        heads_of: Whose heads the overview shows where there are two classes. Default: "target".
    """

    target = ClassIndex[int | None]("_label_set").tag(sync=True, choice=True)
    against = ClassIndex[int | None]("_label_set", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    method = MethodName("class_embedding").tag(sync=True, choice=True)
    image = Index[int]("_n_images", "an image of the batch", default_value=0).tag(
        sync=True, choice=True
    )
    layer = Index[int]("_n_layers", "a layer", from_end=True).tag(sync=True, choice=True)
    head = Index[int]("_n_heads", "a head", default_value=0).tag(sync=True, choice=True)
    token = KeptToken[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    show = OneOf("all", "layer", "head").tag(sync=True, choice=True)
    scale = OneOf("linear", "sqrt").tag(sync=True, choice=True)
    norm = OneOf("all", "layer", "map").tag(sync=True, choice=True)
    shared = Switch(default_value=True).tag(sync=True, choice=True)
    heads_of = OneOf("target", "against", "difference").tag(sync=True, choice=True)

    _n_layers: int
    _usual_target: Callable[[], int | None]
    _finder: RelevanceFinder

    @traitlets.default("layer")
    def _last_layer(self) -> int:
        return self._n_layers - 1

    @traitlets.default("method")
    def _first_method(self) -> str:
        return self._finder.methods[0]

    @traitlets.default("target")
    def _models_answer(self) -> int | None:
        return self._usual_target()
