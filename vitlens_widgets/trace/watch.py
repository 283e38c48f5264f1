"""Functions that are shown sites while the model runs, so that nothing of them has to be kept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.sites import DERIVED_SITES
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import AnyPlacedEdit, PlacedEdit
from vitlens_widgets.trace.sites import check_site

Watch = Mapping[str, Callable[[int, Tensor], object]]
"""Site -> a function of (layer, value)."""


def watcher_of(
    context: Context,
    watch: Watch | None,
    edits: Sequence[AnyPlacedEdit],
    sites: Sequence[str],
) -> Watcher | None:
    """Who watches a run; None if nobody does. Raises as `Watcher`."""
    return None if watch is None else Watcher(context, watch, edits, sites)


class Watcher:
    """Calls the functions of a `Watch`, block after block.

    Args:
        context: The run.
        watch: What to call.
        edits: The run's edits, in their places.
        sites: What else is shown. Where scores and pattern are shown or edited they stand in the
            open; elsewhere they are computed from q and k, so that the model keeps its fused
            attention.

    Raises:
        UsageError: An unknown site, or something that cannot be called.
        UnsupportedModelError: A site that the model's blocks do not have.
    """

    def __init__(
        self,
        context: Context,
        watch: Watch,
        edits: Sequence[AnyPlacedEdit],
        sites: Sequence[str] = (),
    ) -> None:
        if not isinstance(watch, Mapping):
            raise UsageError(
                f'watch= takes functions by site, such as {{"pattern": f}}, not '
                f"{type(watch).__name__}."
            )
        for site, function in watch.items():
            check_site(site)
            _check_function(site, function)
        self._adapter = context.vit.adapter
        self._watch = watch
        self._derived = [site for site in DERIVED_SITES if site in watch]
        every = range(context.vit.n_layers) if set(sites) & set(DERIVED_SITES) else ()
        self._in_the_open = set(every) | {
            layer
            for placed in edits
            if isinstance(placed, PlacedEdit) and placed.edit.site in DERIVED_SITES
            for layer in placed.layers
        }
        self._parts: dict[str, Tensor] = {}
        self.sites = [site for site in watch if site not in DERIVED_SITES]
        if self._derived:
            self.sites += [site for site in ("q", "k") if site not in watch]
        for site in self.sites:
            self._adapter.hook_points(0)[site]  # refuses a site that the model does not have

    def see(self, site: str, layer: int, value: Tensor) -> None:
        """Show a value to whoever watches its site."""
        if site in self._watch:
            self._show(site, layer, value.detach())
        if site in ("q", "k") and self._derived and layer not in self._in_the_open:
            self._parts[site] = value.detach()
            if len(self._parts) == 2:
                self._attend(layer)

    @clean
    @torch.no_grad()
    def _attend(self, layer: int) -> None:
        scores = self._adapter.exact_scores(layer, self._parts.pop("q"), self._parts.pop("k"))
        if "attn_scores" in self._derived:
            self._show("attn_scores", layer, scores)
            scores = scores.clone()  # the one that was shown may be kept
        if "pattern" in self._derived:
            self._show("pattern", layer, torch.softmax(scores, -1, out=scores))

    def _show(self, site: str, layer: int, value: Tensor) -> None:
        before = 0 if value.is_inference() else value._version
        self._watch[site](layer, value)
        if not value.is_inference() and value._version != before:
            raise UsageError(
                f'watch["{site}"] has changed the value that the model goes on with; let it work '
                "on a copy, and change a run by vl.edits."
            )


def _check_function(site: str, function: object) -> None:
    """Refuse what cannot be called with a layer and a value.

    Raises:
        UsageError: It is no function, or one of other arguments.
    """
    expected = f'watch["{site}"] must be a function of (layer, value), not'
    if not callable(function):
        raise UsageError(f"{expected} {type(function).__name__}.")
    try:
        signature = inspect.signature(function)
    except ValueError:  # a built-in function that does not say
        return
    try:
        signature.bind(0, None)
    except TypeError:
        raise UsageError(f"{expected} of {signature}.") from None
