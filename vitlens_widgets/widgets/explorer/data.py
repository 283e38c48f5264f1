"""What Explorer says of a model, and saves with a page, beside what its runs send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.attention_maps.page import Chosen, beyond_whole, saved_of_runs
from vitlens_widgets.widgets.explorer.pair import RunPair
from vitlens_widgets.widgets.explorer.run import ImageRun
from vitlens_widgets.widgets.patch_grid import data as patch_grid_data
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.meanings import ClassMeaning, Depth, Head, Meaning, TokenMeaning
from vitlens_widgets.widgets.shared.prompting import prompts_of


def description(run: ImageRun, caption: str, lenses: Sequence[str] = ()) -> dict[str, Any]:
    """Names and sizes of the model, as JSON: what PatchGrid and AttentionMaps say of it."""
    reading = run.reading
    of_grid = (
        patch_grid_data.description(reading, 0, caption) if reading is not None else _unread(run)
    )
    several = list(lenses) if len(lenses) > 1 else None
    said = {"caption": caption, "prompts": prompts_of(reading), "lenses": several}
    return of_grid | said | attention_data.description(run.source, reading)


def _unread(run: ImageRun) -> dict[str, Any]:
    """For a model without a classifier: there are states and an image, and no classes."""
    height, width = run.source.picture(0).shape[:2]
    return {
        "readout_name": run.trace.vit.readout.name,
        "readout_token": None,
        "state_names": run.trace.vit.state_names,
        "n_classes": 0,
        "n_answers": 0,
        "id_bytes": pack.id_bytes(0),
        "height": height,
        "width": width,
        "image": 0,
    }


def meanings(run: ImageRun) -> dict[str, Meaning]:
    """What the selections in a run's views mean, by the names of their traits."""
    source, vit = run.source, run.trace.vit
    place = TokenMeaning.of(source)
    own: dict[str, Meaning] = {
        "state": Depth(vit.n_layers),
        "token": place,
        "key": place,
        "head": Head.of(source.model_name, vit.n_heads),
    }
    return own if run.reading is None else own | {"target": ClassMeaning(tuple(vit.labels))}


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
