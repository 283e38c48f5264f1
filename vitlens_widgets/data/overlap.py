"""Whether two data sets have images in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from vitlens_widgets.data.examples import Dataset


def share_images(data: Dataset, numbers: Iterable[int], other: Dataset, n_other: int) -> bool:
    """Whether some of a data set's examples are among another's.

    Data sets that do not say what their examples are made from (`source`) are only known to share
    some where they are the same set.

    Args:
        data: One data set.
        numbers: Which of its examples are meant.
        other: Another one.
        n_other: How many of its examples are meant, from the first on.
    """
    if data.identity == other.identity:
        return True
    if not all(hasattr(one, "source") for one in (data, other)):
        return False
    mine, theirs = cast("Any", data), cast("Any", other)
    known = {mine.source(number) for number in numbers}
    return any(theirs.source(number) in known for number in range(n_other))


def was_fitted_to(facts: Mapping[str, Any], data: Dataset, n_images: int) -> bool:
    """Whether something was fitted to some of a data set's first images, as far as that tells.

    Args:
        facts: What is said of the fit, in JSON's types: `data`, an identity, and how many of its
            first images, `n_images` or `images`. Without `data` it was fitted to nothing.
        data: The data set.
        n_images: How many of its examples are meant, from the first on.
    """
    of = facts.get("data")
    if of is None:
        return False
    if of == json.loads(json.dumps(dict(getattr(data, "identity", {})))):
        return True
    known_by: Callable[[Any], Dataset | None] | None = getattr(data, "of_identity", None)
    again = None if known_by is None else known_by(of)
    n_fitted = int(facts.get("n_images", facts.get("images", 0)))
    return again is not None and share_images(again, range(n_fitted), data, n_images)
