"""Tables: results that are read by people and by programs, as pandas has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.kinds import is_mapping

if TYPE_CHECKING:
    from pandas import DataFrame


def frame(columns: Mapping[str, Sequence[Any]], title: str = "") -> DataFrame:
    """A table of named columns, a pandas DataFrame; see `Table` for what a notebook shows of it.

    Args:
        columns: The columns by name, all of one length; None and NaN where there is no value.
        title: What it is of, in `table.attrs["title"]`.

    Raises:
        UsageError: They are not by name, or of other lengths.
    """
    from vitlens_widgets.data.shown_table import Table  # half a second, and only tables need it

    such_as = '{"layer": [0, 1], "share": [0.2, 0.4]}'
    if not is_mapping(columns):
        raise UsageError(f"A table takes columns by name, such as {such_as}, not {said(columns)}.")
    try:
        table = Table(dict(columns))
    except ValueError as error:  # one value, other lengths
        raise UsageError(f"A table takes columns of one length, such as {such_as}.") from error
    table.attrs["title"] = title
    return table
