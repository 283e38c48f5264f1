"""The maps and numbers that are saved with a page that has no kernel to ask."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.save import checked_page, write_widgets
from vitlens_widgets.widgets.attention_maps import data
from vitlens_widgets.widgets.shared.seam import MapKind, MapsLike, SizesLike
from vitlens_widgets.widgets.shared.streaming import StreamingWidget

EXACT_PAGE_LIMIT = 4_000_000
"""Bytes that exact numbers may take on a page; where all would take more, the chosen have them."""

CHOSEN_PAGE_LIMIT = 40_000_000
"""Bytes of chosen maps and numbers beyond which a page is refused."""

Chosen = Sequence[tuple[int, int]] | str


class SavesMaps(StreamingWidget):
    """A widget whose pages can have more of its maps than it sends."""

    def save_html(self, path: str | Path, title: str = "", maps: Chosen = ()) -> Path:
        """Writes the widget to one web page that opens offline, still interactive.

        Where all maps are small (144 heads of 50 tokens are), the page has them all, with their
        exact numbers. Otherwise it has thumbnails, the map that is shown, and those you choose.

        Args:
            path: The file to write; its name ends in `.html`.
            title: The page's title. Default: what the widget is, and of which model.
            maps: `(layer, head)` pairs, or `"all"`: whole maps to save, one byte a weight, before
                they are compressed. A map of 577 tokens is 0.3 MB.

        Returns:
            The file.

        Raises:
            UsageError: The file cannot be written, a pair is no head of the model, or the maps
                would take more than 40 MB.

        Example:
            >>> maps.save_html("heads.html", maps=[(3, 0), (11, 5)])
        """
        target = checked_page(path)
        return write_widgets(target, [self.saved(maps)], title)

    def saved(self, maps: Chosen = ()) -> SavedWidget:  # noqa: ARG002  # widgets add them
        """The widget as a page without a kernel keeps it, with whole maps of chosen heads."""
        return super().saved()


def saved_maps(
    source: MapsLike,
    overview_of: dict[str, Any],
    side: int,
    chosen: Chosen,
    of_layers: Sequence[str] = ("mean", "rollout"),
) -> dict[str, Any]:
    """What is saved beside the overview: whole maps where that has thumbnails, exact numbers.

    While all maps are small they are all saved with their exact numbers, the means over heads and
    the rollouts too. Of larger ones those that are `chosen` are saved, with exact numbers up to
    `data.EXACT_LIMIT` tokens.

    Args:
        source: Where the maps come from.
        overview_of: The kind and image of the overview.
        side: Side of the maps in the overview.
        chosen: `(layer, head)` pairs, or `"all"`.
        of_layers: What can be shown of a layer beside its heads.

    Returns:
        `_saved`, one entry for each map as js/attention_maps/received.js reads it; `_saved_codes`,
        uint8 `[query, key]` of those that have them; `_saved_exact`, float32 `[query, key]` for
        each of their kinds; each after the other.

    Raises:
        UsageError: A pair that is no head of the model, or more than a page should hold.
    """
    heads = checked_pairs(chosen, source.n_layers, source.n_heads)
    everything = checked_pairs("all", source.n_layers, source.n_heads)
    n = len(source.tokens)
    are_small = side == n and len(everything) * 8 * n * n <= EXACT_PAGE_LIMIT
    wanted = [_of(overview_of, "head", *pair) for pair in (everything if are_small else heads)]
    if are_small:
        wanted += [
            _of(overview_of, show, layer, 0)
            for show in of_layers
            for layer in range(source.n_layers)
        ]
    _refuse_too_many(len(wanted), n)
    entries: list[dict[str, Any]] = []
    codes: list[bytes] = []
    exact: list[bytes] = []
    for what in wanted:
        entry, its_codes, its_numbers = _saved(source, what, side)
        entries.append(entry)
        codes.append(its_codes)
        exact.extend(its_numbers)
    return {"_saved": entries, "_saved_codes": b"".join(codes), "_saved_exact": b"".join(exact)}


def saved_of_runs(
    runs: Sequence[tuple[MapsLike, dict[str, Any]]], side: int, chosen: Chosen
) -> dict[str, Any]:
    """The same for the heads of several runs of a model.

    Args:
        runs: The source of each, and what its overview is of.
        side: Side of the maps in the overviews.
        chosen: As above.
    """
    parts = [saved_maps(source, of, side, chosen, of_layers=()) for source, of in runs]
    return {name: reduce(operator.add, [one[name] for one in parts]) for name in parts[0]}


def _of(overview_of: dict[str, Any], show: str, layer: int, head: int) -> dict[str, Any]:
    return {**overview_of, "show": show, "layer": layer, "head": head, "query": None, "key": None}


def _saved(
    source: MapsLike, what: dict[str, Any], side: int
) -> tuple[dict[str, Any], bytes, list[bytes]]:
    """One map's entry, its codes unless the overview has them, its numbers where they are few."""
    has_codes = what["show"] != "head" or side < len(source.tokens)
    found, (codes,) = data.whole_map(source, what)
    exact, numbers = data.exact_numbers(source, what)
    kinds: list[MapKind] = exact["kinds"] if exact["whole"] else []
    entry = what | found | {"has_codes": has_codes, "kinds": kinds, "whole": True}
    return entry, codes if has_codes else b"", numbers if kinds else []


def checked_pairs(chosen: Chosen, n_layers: int, n_heads: int) -> list[tuple[int, int]]:
    """The chosen heads, each once.

    Raises:
        UsageError: A pair that is no head of the model.
    """
    if isinstance(chosen, str):
        if chosen != "all":
            raise UsageError(f'maps= takes (layer, head) pairs, or "all"; {chosen!r} was given.')
        return [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    if not isinstance(chosen, Iterable):
        raise UsageError(f'maps= takes (layer, head) pairs, or "all"; {chosen!r} was given.')
    return list(dict.fromkeys(_pair(one, n_layers, n_heads) for one in chosen))


def _pair(given: Any, n_layers: int, n_heads: int) -> tuple[int, int]:
    try:
        layer, head = map(operator.index, given)
    except (TypeError, ValueError):
        layer = head = -1
    if not (0 <= layer < n_layers and 0 <= head < n_heads):
        raise UsageError(
            f"maps= takes pairs (layer, head), layers 0 to {n_layers - 1} and heads 0 to "
            f"{n_heads - 1}; {given!r} was given."
        )
    return layer, head


def _refuse_too_many(n_maps: int, n_tokens: int) -> None:
    one = n_tokens**2 * (9 if n_tokens <= data.EXACT_LIMIT else 1)
    if n_maps * one > CHOSEN_PAGE_LIMIT:
        raise UsageError(
            f"maps= asks for {n_maps} maps of {n_tokens} tokens, {n_maps * one / 1e6:.0f} MB; "
            f"choose {CHOSEN_PAGE_LIMIT // one} of them or fewer, as (layer, head) pairs."
        )


def beyond_whole(saved: dict[str, Any], source: SizesLike, shown: tuple[int, int]) -> list[str]:
    """Heads whose map such a page lacks, to end a sentence; none where it has all."""
    heads = {shown} | {(one["layer"], one["head"]) for one in saved["_saved"]}
    if len(heads) == source.n_layers * source.n_heads:
        return []
    whole = f"the {len(heads)} saved whole" if len(heads) > 1 else "the one that is shown"
    return [f"maps other than {whole}", *_of_pinned(source)]


def _of_pinned(source: SizesLike) -> list[str]:
    """Numbers that are kept of pinned tokens alone, where there are many."""
    few = len(source.tokens) <= data.EXACT_LIMIT
    return [] if few else ["exact numbers of other tokens than those pinned"]


def beyond(saved: dict[str, Any], source: SizesLike, kind: str) -> str:
    """What a page with these maps cannot show, to end a sentence."""
    of_batch = ["other images of the batch"] if source.n_images > 1 else []
    if any(one["show"] == "rollout" for one in saved["_saved"]):
        other = "scores" if kind == "pattern" else "patterns"
        return ", ".join([f"{other} drawn as a map", "neurons", *of_batch])
    n_whole = 1 + len(saved["_saved"])
    others = [f"maps other than the {n_whole} saved whole", *_of_pinned(source)]
    return ", ".join([*others, "neurons", *of_batch])
