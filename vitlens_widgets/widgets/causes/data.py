"""What Causes sends to the browser: numbers by cell and token, answers, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlens_widgets.errors import UsageError, as_list, check_text
from vitlens_widgets.widgets.causes.answers import most_changed, probabilities
from vitlens_widgets.widgets.causes.places import Spot
from vitlens_widgets.widgets.causes.seam import CausesLike
from vitlens_widgets.widgets.causes.work import Of, Work
from vitlens_widgets.widgets.shared import pack

FIELDS = ("metric", "top", "top probability", "target", "against", "estimate")
"""What is known of a place, in this order; NaN where it was not exchanged yet."""


def description(source: CausesLike, names: Sequence[str], caption: str) -> dict[str, Any]:
    """What there is beside names and sizes, as JSON."""
    return {
        "rows_beside": list(source.rows),
        "readout": source.readout_name,
        "names": list(names),
        "caption": caption,
    }


def two_names(names: Any) -> list[str]:
    """What the images of a pair are called.

    Raises:
        UsageError: They are not two different texts.
    """
    such_as = '("with the cat", "without it")'
    if isinstance(names, str):
        raise UsageError(f"names= takes two texts, such as {such_as}; {names!r} is one.")
    both = as_list("names=", names, such_as)
    if len(both) != 2:
        raise UsageError(
            f"names= takes two texts, one of each image of a pair; {names!r} was given."
        )
    texts = [check_text("Each of names=", one, "with the cat") for one in both]
    if texts[0].strip() == texts[1].strip():
        raise UsageError(
            f"names= takes two different texts, such as {such_as}; both are {texts[0]!r}."
        )
    return texts


def of_pair(source: CausesLike, image: int) -> dict[str, Any]:
    """The two pictures and the two answers, float32 `[2, class]`."""
    pictures = source.pictures(image)
    return {
        "_picture": pack.uint8(pictures),
        "_picture_size": list(pictures.shape[1:3]),
        "_logits": pack.float32(source.logits(image)),
    }


def numbers(work: Work, of: Of) -> dict[str, bytes]:
    """What is known of every cell and token.

    `_parts` is float32 `[field, layer, row]` (see `FIELDS`), `_tokens` `[field, layer, position]`,
    `_groups` `[field, layer]` of all patches together, without an estimate of its own.
    """
    answers, (parts, tokens) = work.answers(of), work.estimates(of)
    n_layers = range(work.source.n_layers)
    of_parts = [
        answers.numbers(work.part(layer, row, of.values), of.asked)
        for layer in n_layers
        for row in range(len(work.rows))
    ]
    of_tokens = [
        answers.numbers(Spot("tokens", layer, tokens=(token,)), of.asked)
        for layer in n_layers
        for token in work.tokens
    ]
    groups = [
        answers.numbers(Spot("tokens", layer, tokens=work.patches), of.asked) for layer in n_layers
    ]
    return {
        "_parts": _by_field(of_parts, parts),
        "_tokens": _by_field(of_tokens, tokens),
        "_groups": _by_field(groups, tokens[:, -len(work.patches) :].sum(1)),
    }


def _by_field(rows: list[list[float]], estimates: np.ndarray) -> bytes:
    by_field = np.array(rows, np.float32).T.reshape(-1, *estimates.shape)
    return pack.float32(np.concatenate([by_field, estimates[None]]))


def writes(source: CausesLike, of: Of) -> dict[str, Any]:
    """What the readout adds up in the run in which places are exchanged.

    `_writes` is float32 `[class, 2 L + 2]` of the target and, where there is one, `against`;
    `_direct` is float32 `[layer, row]`, what each part adds to their difference. Both are empty
    where the readout cannot be split, and `_writes_refused` says why.
    """
    classes = [of.target, *([] if of.against is None else [of.against])]
    try:
        found = source.writes(classes, of.image, of.direction)
    except UsageError as error:
        return {"_writes": b"", "_direct": b"", "_writes_refused": str(error)}
    direct = found.parts[0] - (0 if of.against is None else found.parts[1])
    return {
        "_writes": pack.float32(found.curve),
        "_direct": pack.float32(direct),
        "_writes_refused": "",
    }


def progress(work: Work, of: Of, layer: int, exchanged: Sequence[Spot]) -> dict[str, Any]:
    """How far it is, as JSON."""
    answers = work.answers(of)
    parts, state = work.parts(of), work.of_state(of, layer)
    return {
        "parts": [sum(place in answers.known for place in parts), len(parts)],
        "tokens": [sum(place in answers.known for place in state), len(state)],
        "left": len(work.missing(of, layer, exchanged)),
        "was_interrupted": work.was_interrupted,
    }


def exchanged(work: Work, of: Of, places: Sequence[Spot]) -> dict[str, Any]:
    """The list of exchanged places: each alone, and all together, as far as they are known."""
    answers = work.answers(of)
    alone = [_numbers(answers.numbers(place, of.asked)) for place in places]
    together = _together(work, of, tuple(places)) if places else None
    return {"places": [place.as_json for place in places], "alone": alone, "together": together}


def _together(work: Work, of: Of, places: tuple[Spot, ...]) -> dict[str, Any] | None:
    answers = work.answers(of)
    logits = answers.whole.get(places)
    if logits is None:
        return None
    before = probabilities(answers.base, answers.kind)
    after = probabilities(logits, answers.kind)
    third = most_changed(before, after, of.asked)
    shown = [of.target, *([] if of.against is None else [of.against]), third]
    return {
        "metric": float(of.asked.metric(logits)),
        "top": int(after.argmax()),
        "probability": float(after.max()),
        "classes": shown,
        "after": [float(after[index]) for index in shown],
    }


def _numbers(values: Sequence[float]) -> list[float | None]:
    """As JSON, which knows no NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def reads(work: Work, of: Of, places: Sequence[Spot]) -> bytes:
    """Where each place of the list looks or stands, uint8 `[place, position]`, its largest 255."""
    lines = [_read_by(work, of, place) for place in places]
    return pack.uint8(np.stack(lines)) if lines else b""


def _read_by(work: Work, of: Of, place: Spot) -> np.ndarray:
    tokens = np.asarray(work.tokens)
    if place.kind == "tokens":
        return np.where(np.isin(tokens, place.tokens), 255, 0)
    if place.kind == "head" and place.head is not None:
        weights = work.source.reads(place.layer, place.head, of.image, of.direction)
        most = weights[-len(work.patches) :].max(initial=0) or 1
        return np.rint(255 * np.clip(weights / most, 0, 1))
    return np.zeros(len(tokens))
