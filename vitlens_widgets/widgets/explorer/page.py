"""The maps of an Explorer's runs that are saved with a page that has no kernel to ask."""

from __future__ import annotations

from dataclasses import replace

from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.widgets.attention_maps.page import Chosen, beyond_whole, saved_of_runs
from vitlens_widgets.widgets.explorer.run import RunPair


def with_maps(
    page: SavedWidget, runs: RunPair, side: int, shown: tuple[int, int], maps: Chosen
) -> SavedWidget:
    """The page with whole maps of chosen heads, of both runs, and a word on those it lacks.

    Args:
        page: What is saved without them.
        runs: Whose maps.
        side: Side of the maps in the overviews.
        shown: The layer and head whose map the page has in any case.
        maps: `(layer, head)` pairs, or `"all"`.

    Raises:
        UsageError: A pair that is no head of the model, or more than a page should hold.
    """
    of_runs = [(run.source, run.overview_of) for run in runs.both]
    more = saved_of_runs(of_runs, side, maps)
    lacking = beyond_whole(more, runs.baseline.source, shown)
    return replace(page, state=page.state | more, beyond=", ".join([page.beyond, *lacking]))
