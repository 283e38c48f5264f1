"""Tables: results that are read by people and by programs, as pandas has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


def frame(columns: Mapping[str, Sequence[Any]], title: str = "") -> DataFrame:
    """A table of named columns.

    Args:
        columns: The columns by name, all of one length; None and NaN where there is no value.
        title: What it is of, in `table.attrs["title"]`.
    """
    from pandas import DataFrame  # half a second to import, and only tables need it

    table = DataFrame(dict(columns))
    table.attrs["title"] = title
    return table
