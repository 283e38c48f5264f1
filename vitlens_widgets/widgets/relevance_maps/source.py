"""What RelevanceMaps shows of a trace: relevance by several methods, and removal curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_several
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.seam import CurvesLike, RelevanceLike, RelevanceSourceLike

if TYPE_CHECKING:
    from vitlens_widgets.analysis.relevance import Relevance
    from vitlens_widgets.trace import Trace

FACE = (
    "relevance",
    "methods",
    "probabilities",
    "probability_kind",
    "picture",
    "falling",
    "removal",
    "removed",
)
"""What a source can do, beside its sizes and names."""


class RelevanceSource:
    """A trace, asked what its answers rest on.

    Anything with the same methods can be shown.

    Args:
        trace: A `vl.Trace`. Without a classifier there is what knows no class, the rollout.

    Attributes:
        methods: By name, those that are there without being given.
    """

    def __init__(self, trace: Trace) -> None:
        from vitlens_widgets.analysis.relevance.methods import METHODS, asks_for_classes

        self._trace = trace
        has_classes = bool(trace.vit.labels)
        known = {n: m for n, m in METHODS.items() if has_classes or not asks_for_classes(m)}
        self.methods: Mapping[str, Any] = known
        self.model_name = trace.vit.name + (" (edited)" if trace.edits else "")
        self.probability_kind = trace.vit.probabilities
        self.n_layers, self.n_heads = trace.vit.n_layers, trace.vit.n_heads
        self.n_images, self.layout, self.labels = trace.n_images, trace.layout, trace.vit.labels
        self.tokens = trace.tokens.cpu().numpy()

    def method(self, given: Any) -> Any:
        """A method, given as itself.

        Raises:
            UsageError: It is none.
        """
        from vitlens_widgets.analysis.relevance.methods import method_of

        return method_of(given)

    def picture(self, image: int) -> np.ndarray:
        """The image as the model saw it, uint8 `[height, width, 3]`."""
        return self._trace.pictures[image]

    def probabilities(self, image: int) -> np.ndarray:
        """What the model answers, float32 `[class]`; nothing without a classifier."""
        if not self.labels:
            return np.empty(0, np.float32)
        from vitlens_widgets.models.probabilities import probabilities

        logits: Any = self._trace.logits  # there are some: it is a classifier
        of_image = logits[image].detach().float()
        return probabilities(of_image, self._trace.vit.probabilities).cpu().numpy()

    def relevance(self, method: Any, target: int | None) -> Relevance:
        """How much each token of every image speaks for a class, a `Relevance`; None: for any."""
        from vitlens_widgets.analysis import relevance

        return relevance(self._trace, target, method=method)

    def falling(self, found: RelevanceLike, image: int) -> np.ndarray:
        """Patches as they are removed, the most relevant first, int64 `[patch]`."""
        import torch

        from vitlens_widgets.analysis.relevance.removal import most_relevant_first

        patches = torch.from_numpy(found.tokens[image])[self.layout.patches]
        return most_relevant_first(patches).numpy()

    def removed(self, n_points: int | None) -> np.ndarray:
        """The shares of the patches that are gone along a removal curve, `[point]`."""
        from vitlens_widgets.analysis.relevance import removal_shares

        return removal_shares(self.layout.n_patches, n_points)

    def removal(
        self, found: Relevance, image: int, n_points: int | None, n_random: int
    ) -> Iterator[CurvesLike]:
        """The removal curves of an image as they grow."""
        from vitlens_widgets.analysis.relevance import growing_removal_curves

        return growing_removal_curves(
            self._trace, found, image, n_points=n_points, n_random=n_random
        )


def source_of(trace: Any) -> RelevanceSourceLike:
    """What to show of a trace.

    Raises:
        UsageError: It is no trace.
    """
    if has_all(trace, FACE):
        return trace
    if is_trace(trace):
        return RelevanceSource(trace)
    if is_relevance(trace):
        raise UsageError(
            "Relevance is shown on the images it was found in: give their trace first, as in "
            "vl.RelevanceMaps(trace, relevance=found)."
        )
    raise refusal("RelevanceMaps shows a trace, such as vit.trace(image)", trace)


def check_classes(source: RelevanceSourceLike, asked: Mapping[str, Any]) -> None:
    """Refuses what only a model with classes can be asked.

    Raises:
        UsageError: A class, or a method that needs one, is asked of a model without any.
    """
    from vitlens_widgets.analysis.relevance.methods import METHODS, asks_for_classes

    if source.labels:
        return
    method = asked.get("method")
    method = METHODS.get(method) if isinstance(method, str) else method
    names = [name for name in ("target", "against") if asked.get(name) is not None]
    if names or (method is not None and asks_for_classes(method)):
        named = getattr(method, "name", method)
        what = f"{names[0]}={asked[names[0]]!r}" if names else f'the method "{named}"'
        raise UsageError(
            f"{source.model_name} has no classifier, so it cannot be asked by {what}: leave that "
            "out for its rollout, which knows no class, or give it classes, as vl.teach(vit, "
            "images) does by a few clicks."
        )


def is_relevance(given: Any) -> bool:
    """Whether something looks like what `vl.analysis.relevance` gives."""
    return has_all(given, ("method", "target", "tokens", "heads", "token_index", "labels"))


def checked_relevance(given: Any, source: RelevanceSourceLike) -> list[RelevanceLike]:
    """Relevance that was found before, of one class or two; none for None.

    Raises:
        UsageError: It is something else, of another trace, or of two methods.
    """
    found: list[Any] = list(given) if is_several(given) else [given] * (given is not None)
    if len(found) > 2 or not all(map(is_relevance, found)):
        kinds = ", ".join(type(one).__name__ for one in found)
        raise UsageError(
            "relevance= takes what vl.analysis.relevance(trace, ...) gave, or a list of two for "
            f"two classes; {kinds} was given."
        )
    for one in found:
        _check_same_trace(one, source)
    if len({one.method for one in found}) > 1:
        raise UsageError(
            "Two classes are compared by one method; the relevance given is by "
            f'"{found[0].method}" and "{found[1].method}".'
        )
    return found


def _check_same_trace(found: RelevanceLike, source: RelevanceSourceLike) -> None:
    of_trace = (source.n_images, len(source.tokens))
    same = (
        found.tokens.shape == of_trace
        and found.layout == source.layout
        and list(found.labels) == list(source.labels)
        and np.array_equal(found.token_index, source.tokens)
    )
    if not same:
        raise UsageError(
            f"The relevance given is of {found.tokens.shape[0]} image(s) with "
            f"{found.tokens.shape[1]} tokens and {len(found.labels)} classes; this trace is of "
            f"{of_trace[0]} with {of_trace[1]} and {len(source.labels)}. Give that of this trace."
        )
