"""What Explorer sends to the browser, beside what its parts send in widgets of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.explorer.run import ImageRun
from vitlens_widgets.widgets.patch_grid import data as patch_grid_data
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.meanings import ClassMeaning, Depth, Head, Meaning, Place


def description(run: ImageRun, caption: str) -> dict[str, Any]:
    """Names and sizes of the model, as JSON: what PatchGrid and AttentionMaps say of it."""
    of_grid = _nothing_answered(run) if run.reading is None else _of_answers(run, caption)
    return of_grid | {"caption": caption} | attention_data.description(run.source, run.reading)


def _of_answers(run: ImageRun, caption: str) -> dict[str, Any]:
    return patch_grid_data.description(run.reading, 0, caption)


def _nothing_answered(run: ImageRun) -> dict[str, Any]:
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


def edited_answers(untouched: ImageRun, edited: ImageRun, target: int | None) -> dict[str, Any]:
    """The edited run's answers, and how far they are from the untouched one's."""
    found = as_edited(edited.answers(target)) | {"_edited_run": edited.number}
    return found | {"_divergence": divergence(untouched.reading, edited.reading)}


def divergence(before: Any, after: Any) -> bytes:
    """KL of one reading from another, float32 `[state, token + readout]`; empty without any."""
    from vitlens_widgets.lenses import divergence

    if before is None:
        return b""
    tokens, readout = divergence(before, after), divergence(before.readout, after.readout)
    return pack.float32(patch_grid_data.with_readout(tokens, readout, 0))


def as_edited(packed: dict[str, Any]) -> dict[str, Any]:
    """Traits of a run, under the names that those of the edited run have."""
    return {f"_edited{name}": value for name, value in packed.items()}


def listed(heads: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Pairs as JSON has them."""
    return [list(pair) for pair in heads]


def pairs(heads: list[list[int]]) -> tuple[tuple[int, int], ...]:
    """Pairs as Python has them."""
    return tuple((layer, head) for layer, head in heads)


def meanings(run: ImageRun) -> dict[str, Meaning]:
    """What the selections in a run's views mean, by the names of their traits."""
    source, vit = run.source, run.trace.vit
    place = Place(source.layout, tuple(map(int, source.tokens)), lambda: [source.picture(0)])
    found = {
        "state": Depth(vit.n_layers),
        "token": place,
        "key": place,
        "head": Head.of(source.model_name, vit.n_heads),
    }
    return found if run.reading is None else found | {"target": ClassMeaning(tuple(vit.labels))}
