"""Several readings of one trace, each known by the name of its lens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.widgets.patch_grid.source import reading_of
from vitlens_widgets.widgets.shared.checks import distinct_names, has_all
from vitlens_widgets.widgets.shared.prompting import asked, no_prompts, prompts_of
from vitlens_widgets.widgets.shared.seam import ReadingLike

Readings = Mapping[str, ReadingLike]
"""By the names of their lenses, in their order."""


def readings_of(
    given: Any, image: Any, arrays: dict[str, Any], prompts: Sequence[str] | None
) -> Readings:
    """The readings to show: one, or several of one trace.

    Args:
        given: As for `reading_of`, or a list of such, or a dict of them by name.
        image: With arrays, their picture.
        arrays: Those of one's own.
        prompts: What a model of images and texts is asked; None for what it is asked already.

    Raises:
        UsageError: One cannot be shown, or they are not of one trace with the same classes.
    """
    if not is_several(given) and not is_mapping(given):
        only = reading_of(given, image, arrays, prompts)
        return {only.lens_name: only}
    every = list(given.values()) if is_mapping(given) else given
    if not every:
        raise UsageError("PatchGrid shows at least one reading, and the list is empty.")
    readings = [reading_of(one, image, arrays, None) for one in every]
    named = _named(list(given) if is_mapping(given) else None, readings)
    check_alike(named)
    return named if prompts is None else all_prompted(named, prompts)


def all_prompted(readings: Readings, prompts: Sequence[str]) -> Readings:
    """The same readings, answered by other prompts of one twin of their model.

    Raises:
        UsageError: As `prompting.prompted`.
    """
    first: Any = next(iter(readings.values()))
    if prompts_of(first) is None:
        raise no_prompts(first.model_name)
    twin = asked(first.trace.vit, prompts)
    every: dict[str, Any] = dict(readings)
    return {name: reading.answered_by(twin) for name, reading in every.items()}


def _named(names: list[Any] | None, readings: list[ReadingLike]) -> dict[str, ReadingLike]:
    if names is None:
        names = [reading.lens_name for reading in readings]
    return dict(zip(distinct_names("reading", names), readings, strict=True))


def check_alike(readings: Readings, who: str = "PatchGrid") -> None:
    """Refuse readings that cannot be compared patch by patch and state by state.

    Raises:
        UsageError: The sentence says in what they differ.
    """
    pairs = list(readings.items())
    for other in pairs[1:]:
        _check_two(pairs[0], other, who)


def _check_two(first: tuple[str, ReadingLike], other: tuple[str, ReadingLike], who: str) -> None:
    """Refuse what cannot be compared patch by patch and state by state.

    Raises:
        UsageError: The sentence says in what they differ.
    """
    (name, one), (its, two) = first, other
    of = f'"{name}" and "{its}"'
    if (one.model_name, one.layout) != (two.model_name, two.layout):
        differs = f"are of {one.model_name} and of {two.model_name}"
        if one.model_name == two.model_name:
            differs = f"have the tokens {one.layout} and {two.layout}"
    elif not _is_one_run(one, two):
        differs = "are of different traces"
    elif list(one.state_names) != list(two.state_names):
        differs = f'read different sites, "{one.state_names[0]}" and "{two.state_names[0]}" first'
    elif list(one.labels) != list(two.labels):
        differs = f"answer by different classes, {len(one.labels)} and {len(two.labels)} of them"
    elif one.probabilities != two.probabilities:
        differs = f"have probabilities by {one.probabilities} and by {two.probabilities}"
    else:
        return
    raise UsageError(
        f"{who} compares readings of one trace, with the same states and classes; {of} {differs}."
    )


def _is_one_run(one: Any, two: Any) -> bool:
    """Whether two readings are of one run; arrays of one's own, whether they are of one picture."""
    if has_all(one, ("trace",)) and has_all(two, ("trace",)):
        return one.trace.states is two.trace.states
    if one.n_images != two.n_images:
        return False
    return all(np.array_equal(one.picture(i), two.picture(i)) for i in range(one.n_images))
