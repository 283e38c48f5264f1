"""What an analysis of readings is given, checked: a reading of states, and what images show."""

from __future__ import annotations

from collections.abc import Sequence

from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.lenses import Reading

Truth = int | str | Sequence[int | str] | None
"""What is in an image: a class, several of which each is right, or None where nobody knows."""


def check_states(reading: Reading) -> Reading:
    """The reading, if it is one of states.

    Raises:
        UsageError: It is something else, or a reading of sub-block outputs.
    """
    if not isinstance(reading, Reading):
        raise UsageError(
            f"A reading is compared state by state, not {type(reading).__name__}; make one with "
            "vl.LogitLens(vit).read(trace)."
        )
    if reading.state_names != reading.trace.vit.state_names:
        raise UsageError(
            "reading= must be of the states, not of sub-block outputs such as "
            f'"{reading.state_names[0]}": read(trace) without site= is.'
        )
    return reading


def true_classes(reading: Reading, truth: Sequence[Truth]) -> list[list[int]]:
    """Class indices of each image, none where the truth is not known.

    Raises:
        UsageError: Another number than there are images, or a class that is not among the labels.
    """
    given = len(truth) if hasattr(truth, "__len__") and not isinstance(truth, str) else repr(truth)
    if given != reading.n_images:
        raise UsageError(
            f"{counted(reading.n_images, 'image')} {'was' if reading.n_images == 1 else 'were'} "
            f"read, but the truth of {given} was given: give one "
            "class per image, a list where several are right, None where it is not known."
        )
    return [_indices(reading, one) for one in truth]


def _indices(reading: Reading, one: Truth) -> list[int]:
    if one is None:
        return []
    several = list(one) if isinstance(one, Sequence) and not isinstance(one, str) else [one]
    return list(dict.fromkeys(reading.labels.index(target) for target in several))
