"""What a PatchGrid sends to the browser, cut out of a reading for one image.

In every array the readout stands as one more token, after the last: `[state, token + readout]`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.seam import Numbers, ReadingLike, TopLike

ANSWERS = 5
"""Most probable classes sent for each token."""

MOST_SIGNS = 400
"""Patches up to which each has a sign of its own; beyond, regions of one answer are seen."""

TABLE_LIMIT = 4_000_000
"""Bytes up to which all logits are sent at once, so that the target changes without a kernel."""


def default_tint(meta: dict[str, Any]) -> str:
    """What the colour of a patch says at first, on a grid of some size."""
    return "class" if meta["rows"] * meta["cols"] > MOST_SIGNS else "probability"


def description(reading: ReadingLike, image: int, caption: str) -> dict[str, Any]:
    """Names and sizes, as JSON."""
    grid, (height, width) = reading.layout, reading.picture(image).shape[:2]
    return {
        "model_name": reading.model_name,
        "lens_name": reading.lens_name,
        "readout_name": reading.readout_name,
        "probabilities": reading.probabilities,
        "readout_token": readout_token(reading),
        "state_names": list(reading.state_names),
        "prefix": list(grid.prefix),
        "rows": grid.rows,
        "cols": grid.cols,
        "n_classes": len(reading.labels),
        "n_answers": min(ANSWERS, len(reading.labels)),
        "id_bytes": pack.id_bytes(len(reading.labels)),
        "height": height,
        "width": width,
        "image": image,
        "n_images": reading.n_images,
        "caption": caption,
    }


def readout_token(reading: ReadingLike) -> int | None:
    """The prefix token that the model's readout is, or None where it is no single token."""
    prefix = list(reading.layout.prefix)
    return prefix.index(reading.readout_name) if reading.readout_name in prefix else None


def statistics(reading: ReadingLike, image: int) -> dict[str, Any]:
    """Per state and token: the top answers, entropy, divergence from the final answer (nats).

    `_logsumexp` is empty where each class is a yes or a no.
    """
    k, is_softmax = min(ANSWERS, len(reading.labels)), reading.probabilities == "softmax"
    index, probability = _top(reading.top(k), reading.readout.top(k), image)
    return {
        "_known": list(range(reading.n_states)),
        "_top_index": pack.ids(index, len(reading.labels)),
        "_top_probability": pack.float32(probability),
        "_entropy": _column(reading, image, "entropy"),
        "_kl": _column(reading, image, "kl_to_final"),
        "_logsumexp": _column(reading, image, "logsumexp") if is_softmax else b"",
    }


def fits(reading: ReadingLike, n_lenses: int = 1) -> bool:
    """Whether all logits are few enough to be sent at once, with those of as many readings."""
    rows = reading.n_states * (reading.layout.n_tokens + 1)
    return n_lenses * rows * len(reading.labels) * 4 <= TABLE_LIMIT


def logits_table(reading: ReadingLike, image: int, n_lenses: int = 1) -> bytes:
    """All logits `[state, token + readout, class]`; empty where they would exceed the limit."""
    if not fits(reading, n_lenses):
        return b""
    return b"".join(_logits(reading, image, state) for state in range(reading.n_states))


def target_columns(reading: ReadingLike, image: int, target: int) -> dict[str, Any]:
    """One class's logit and rank (1 = best) per state and token."""
    logit = with_readout(reading.logit(target), reading.readout.logit(target), image)
    rank = with_readout(reading.rank(target), reading.readout.rank(target), image)
    return {
        "_target_logit": pack.float32(logit),
        "_target_rank": pack.int32(rank),
        "_target_of": target,
    }


def of_image(reading: ReadingLike, image: int, target: int, n_lenses: int = 1) -> dict[str, Any]:
    """All numbers of an image, one class's apart only where not all were sent."""
    logits = logits_table(reading, image, n_lenses)
    return {
        "_logits": logits,
        **statistics(reading, image),
        **({} if logits else target_columns(reading, image, target)),
    }


def _top(tokens: TopLike, readout: TopLike, image: int) -> tuple[np.ndarray, np.ndarray]:
    return (
        with_readout(tokens.index, readout.index, image),
        with_readout(tokens.probability, readout.probability, image),
    )


def _column(reading: ReadingLike, image: int, name: str) -> bytes:
    tokens, readout = getattr(reading, name)(), getattr(reading.readout, name)()
    return pack.float32(with_readout(tokens, readout, image))


def _logits(reading: ReadingLike, image: int, state: int) -> bytes:
    tokens, readout = reading.logits(state), reading.readout.logits(state)
    return pack.float32(tokens[image]) + pack.float32(readout[image])


def with_readout(tokens: Numbers, readout: Numbers, image: int) -> np.ndarray:
    """`[state, image, token, ...]` and `[state, image, ...]` -> `[state, token + readout, ...]`."""
    of_image = np.asarray(tokens)[:, image], np.asarray(readout)[:, image, None]
    return np.concatenate(of_image, axis=1)
