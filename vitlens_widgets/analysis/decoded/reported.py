"""`steering_claims`: what is reported of the steering lens, beside the verdicts of a run."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from vitlens_widgets.analysis.claims import Claims, counted, estimate, in_most
from vitlens_widgets.analysis.decoded.cumulative_result import BY_EFFECT, CumulativeAblation
from vitlens_widgets.analysis.decoded.heads_result import DecodedHeads
from vitlens_widgets.analysis.decoded.kinds import EMBEDDING, OF_OTHER, PICTURE, RANDOM
from vitlens_widgets.analysis.decoded.overlay_result import LOSES, OverlayStudy
from vitlens_widgets.analysis.decoded.states import DecodedStates
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.errors import check_text, check_type

Answer = tuple[bool | None, str]
NOT_MEASURED = "not measured"
_HALF, _LUCK = 0.5, 0.05
_UNKNOWN = "reported; no number could be read"
_OURS = "not asked there: our control"
_CLAIMS = {
    "late": (
        "The residual stream looks like the input in its later half only",
        "from about block 30 of 48",
    ),
    "steered": ("What heads write shows more of the input steered than alone", _UNKNOWN),
    "own": ("... and more than a random direction as long", _OURS),
    "matter": ("Heads whose pictures are like the input matter more", _UNKNOWN),
    "better": ("... and pictures tell it better than their embeddings", _OURS),
    "sooner": ("Switched off in the lens's order, heads go sooner than by lot", _UNKNOWN),
    "near": ("... by half at least of what exact effects gain", "near the best order"),
    "lost": ("What is laid on is lost with the head that shows it", _UNKNOWN),
    "early": ("Early states hold the image in their patches", "left open there"),
}
"""By key, the claim, and what is reported of it."""


def steering_claims(
    name: str,
    *,
    states: DecodedStates | None = None,
    early: DecodedStates | None = None,
    heads: DecodedHeads | None = None,
    raw: DecodedHeads | None = None,
    cumulative: CumulativeAblation | None = None,
    overlay: OverlayStudy | None = None,
) -> Claims:
    """What is reported of the diffusion steering lens, and what these runs say of it.

    A claim whose run is missing, or was made without pictures, cannot be told.

    Args:
        name: Of the model.
        states: `decoded_states` with a `DiffusionLens`.
        early: `decoded_states` with a `PatchDecoderLens`, of all tokens.
        heads: `decoded_heads` with a `SteeringLens`.
        raw: The same with `strength=float("inf")`: what heads write, alone; `nulls=False` will do.
        cumulative: `cumulative_ablation` with a `SteeringLens`.
        overlay: `overlay_study` with a `SteeringLens`.

    Raises:
        UsageError: One of them is something else.

    Source:
        Takatsuki, Joseph, Fujisawa & Kanai (2025), "Decoding vision transformers: the diffusion
        steering lens": abstract, captions, and the authors' words about it. Their numbers could not
        be read, so that each verdict is of a direction. That an order by pictures is near the best
        one is said by others of it.

    Example:
        >>> found = vl.analysis.steering_claims("toy/clip", states=states, heads=heads)
        >>> found.table()
    """
    check_text("name", name, "toy/clip")
    given: dict[str, tuple[Any, type]] = {
        "states=": (states, DecodedStates),
        "early=": (early, DecodedStates),
        "heads=": (heads, DecodedHeads),
        "raw=": (raw, DecodedHeads),
        "cumulative=": (cumulative, CumulativeAblation),
        "overlay=": (overlay, OverlayStudy),
    }
    for word, (one, kind) in given.items():
        if one is not None:
            check_type(word, one, kind, f"a {kind.__name__}")
    answers = {
        "late": _late(states),
        "steered": _steered(heads, raw),
        "own": _own(heads),
        "matter": _matter(heads),
        "better": _better(heads),
        "sooner": _sooner(cumulative),
        "near": _near(cumulative),
        "lost": _lost(overlay),
        "early": _early(early),
    }
    claims = Claims([name], "as reported")
    for key, (claim, reported) in _CLAIMS.items():
        claims.judge(claim, reported, partial(_told, answers[key]))
    return claims


def _told(answer: Answer, _model: str) -> Answer:
    return answer


def _late(found: DecodedStates | None) -> Answer:
    between, said = _half_way(found)
    if between is None:
        return None, said
    return (True if between[0] >= _HALF else False if between[1] < _HALF else None), said


def _early(found: DecodedStates | None) -> Answer:
    late, said = _late(found)
    return (None if late is None else not late), said


def _half_way(found: DecodedStates | None) -> tuple[tuple[float, float] | None, str]:
    """From which share of the depth on pictures are half as much the image's own as at the end.

    At the earliest and at the latest, by the interval of each state's lead over another image's
    picture. Being above that at all would be no mark: the more images, the earlier it is told.
    """
    if found is None or PICTURE not in found.names:
        return None, NOT_MEASURED
    lead, last = found.ahead, len(found.state_names) - 1
    at = found.names.index(f"{PICTURE}{OF_OTHER}")
    if not lead.low[at][-1] > 0:
        return None, "the last state is not above another image's"
    ends = [_from_on(one[at] >= _HALF * lead.mean[at][-1]) for one in (lead.high, lead.low)]
    said = " to ".join(str(min(one, last)) for one in dict.fromkeys(ends))
    said = f"half of the last one's lead over another image from state {said} of {last} on"
    return (ends[0] / last, ends[1] / last), said


def _from_on(holds: np.ndarray) -> int:
    """The first place from which on it holds to the end; one beyond where it does not there."""
    fails = np.flatnonzero(~holds)
    return int(fails.max()) + 1 if len(fails) else 0


def _steered(heads: DecodedHeads | None, raw: DecodedHeads | None) -> Answer:
    if heads is None or raw is None or not _painted(heads, raw):
        return None, NOT_MEASURED
    return _in_most(heads.of(PICTURE), raw.of(PICTURE), "steered is more alike")


def _own(heads: DecodedHeads | None) -> Answer:
    if heads is None or f"{PICTURE}{RANDOM}" not in heads.names:
        return None, NOT_MEASURED
    return _in_most(heads.of(PICTURE), heads.of(f"{PICTURE}{RANDOM}"), "its own is more alike")


def _in_most(one: OverImages, other: OverImages, what: str) -> Answer:
    places = np.ndindex(one.mean.shape)
    holds = [estimate(one, at).above(estimate(other, at)) for at in places]
    return in_most(holds), counted(holds, what)


def _matter(heads: DecodedHeads | None) -> Answer:
    if heads is None or not _painted(heads):
        return None, NOT_MEASURED
    found, p = estimate(heads.correlation, 0), float(heads.p[0])
    holds, said = found.above(0), f"rank correlation {found}, p {p:.3f}"
    random = f"{PICTURE}{RANDOM}"
    if random in heads.names:
        # what a longer contribution does whatever it says is no merit of the picture
        lead = estimate(heads.ahead, heads.names.index(random))
        holds = None if holds and not lead.above(0) else holds
        said = f"{said}; ahead of a random direction by {lead}"
    # sure of these heads over images, it may still be the luck of so few heads
    return (None if holds and p > _LUCK else holds), said


def _better(heads: DecodedHeads | None) -> Answer:
    if heads is None or not _painted(heads):
        return None, NOT_MEASURED
    found = estimate(heads.ahead, heads.names.index(EMBEDDING))
    return found.above(0), f"ahead by {found}"


def _sooner(found: CumulativeAblation | None) -> Answer:
    if found is None or PICTURE not in found.names:
        return None, NOT_MEASURED
    less = estimate(found.less(PICTURE))
    return less.above(0), f"area smaller by {less}"


def _near(found: CumulativeAblation | None) -> Answer:
    if found is None or PICTURE not in found.names:
        return None, NOT_MEASURED
    own, exact = (estimate(found.less(one)) for one in (PICTURE, BY_EFFECT))
    more = estimate(found.beyond(PICTURE, _HALF, BY_EFFECT))
    return more.above(0), f"area smaller by {own}, of exact effects by {exact}; beyond half {more}"


def _lost(found: OverlayStudy | None) -> Answer:
    name = f"{PICTURE} {LOSES}"
    if found is None or name not in found.names or found.chosen is None:
        return None, NOT_MEASURED
    lead = estimate(found.ahead, (found.names.index(name), *found.chosen))
    return lead.above(0), f"ahead of a head by lot by {lead}"


def _painted(*found: DecodedHeads) -> bool:
    return all(PICTURE in one.names for one in found)
