"""One figure of several results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError, said

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812


def compare(results: Mapping[str, Any], name: str | None = None) -> Figure:
    """What several results of one experiment say, in one figure.

    Args:
        results: By what they shall be called, such as `{"trained": ..., "random weights": ...}`;
            all that one experiment gave.
        name: What is drawn, as for the `figure(name)` of one of them.

    Raises:
        UsageError: No results, results of several experiments or of one whose results are not
            drawn together, or what their `figure` refuses.

    Example:
        >>> found = {name: vl.analysis.segmentation(lens, scenes) for name, lens in lenses.items()}
        >>> show(vl.analysis.compare(found, "iou"))
    """
    kind = _kind(results)
    return kind.compared(results) if name is None else kind.compared(results, name)


def _kind(results: Mapping[str, Any]) -> Any:
    """The class of all of the results.

    Raises:
        UsageError: There is none, or they are of several.
    """
    if not isinstance(results, Mapping) or not results:
        raise UsageError(
            "There is no result to draw: give several by their names, such as "
            '{"trained": found, "random weights": other}.'
        )
    kind: Any = next(iter(results.values())).__class__
    for one in results.values():
        if not hasattr(kind, "compared") or not isinstance(one, kind):
            raise UsageError(
                "One figure compares results of one experiment, such as two of "
                f"vl.analysis.segmentation(...), not {said(one)} with others."
            )
    return kind


def same_states(results: Mapping[str, Any]) -> list[str]:
    """The names of the states that all results share.

    Raises:
        UsageError: They have others, or are no results of one experiment.
    """
    _kind(results)
    names = [one.state_names for one in results.values()]
    if any(one != names[0] for one in names):
        counts = ", ".join(str(len(one)) for one in names)
        raise UsageError(f"One figure shows results of the same states; these have {counts}.")
    return names[0]
