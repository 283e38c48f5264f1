"""Curves over the states of a reading, one function per figure.

>>> from bokeh.io import show
>>> vl.charts.in_notebook()
>>> show(vl.analysis.over_states.probability(reading, target=["cat", "dog"], tokens=[24]))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import vitlens_widgets.charts as charts
from vitlens_widgets._lazy import refusal
from vitlens_widgets.errors import UsageError, as_list
from vitlens_widgets.models.probabilities import word_of

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from torch import Tensor

    from vitlens_widgets.lenses import Reading

Place = int | str
"""A token of the layout, or `"readout"`."""


def probability(
    reading: Reading,
    target: int | str | Sequence[int | str],
    tokens: Sequence[Place] = ("readout",),
    image: int = 0,
) -> Figure:
    """The probability of chosen classes at chosen places, state by state.

    Args:
        reading: A lens applied to a trace.
        target: One class or several, named or counted from 0.
        tokens: Tokens of the layout, or `"readout"`.
        image: Which image.

    Raises:
        UsageError: No such class, token or image.
    """
    plot = _figure(reading, word_of(reading.probabilities), y_range=(-0.02, 1.02))
    curves = {
        f"{reading.labels[c]}, {_name(reading, place)}": _at(
            reading, place, image, lambda read, c=c: read.probability(c)
        )
        for c, place in product(_classes(reading, target), _places(tokens))
    }
    return _with_curves(plot, reading, curves)


def rank(
    reading: Reading,
    target: int | str | Sequence[int | str],
    tokens: Sequence[Place] = ("readout",),
    image: int = 0,
) -> Figure:
    """The rank of chosen classes (1 is the most probable) on a logarithmic axis, best on top.

    Args and errors as for `probability`.
    """
    _check_reading(reading)
    plot = _figure(reading, "rank", y_axis_type="log", y_range=(len(reading.labels) * 1.2, 0.8))
    curves = {
        f"{reading.labels[c]}, {_name(reading, place)}": _at(
            reading, place, image, lambda read, c=c: read.rank(c)
        )
        for c, place in product(_classes(reading, target), _places(tokens))
    }
    return _with_curves(plot, reading, curves)


def entropy(reading: Reading, tokens: Sequence[Place] = ("readout",), image: int = 0) -> Figure:
    """The entropy of the answer at chosen places in nats, of ln(number of classes) at most.

    Args and errors as for `probability`.
    """
    _check_reading(reading)
    most = math.log(len(reading.labels))
    plot = _figure(reading, "entropy (nats)", y_range=(-0.02 * most, 1.02 * most))
    curves = {
        _name(reading, place): _at(reading, place, image, lambda read: read.entropy())
        for place in _places(tokens)
    }
    return _with_curves(plot, reading, curves)


def kl_to_final(reading: Reading, tokens: Sequence[Place] = ("readout",), image: int = 0) -> Figure:
    """KL of the final answer from each state's, in nats; lower is nearer to the final answer.

    Args and errors as for `probability`; the divergence is that of `Reading.kl_to_final`.
    """
    plot = _figure(reading, "KL to final (nats), lower is nearer")
    curves = {
        _name(reading, place): _at(reading, place, image, lambda read: read.kl_to_final())
        for place in _places(tokens)
    }
    return _with_curves(plot, reading, curves)


def _classes(reading: Reading, target: int | str | Sequence[int | str]) -> list[int]:
    """Class indices; one class needs no list."""
    one = isinstance(target, (int, str))
    listed = [target] if one else as_list("target=", target, '["cat", "dog"]')
    if not listed:
        raise UsageError('target= is empty: give at least one class, such as target="cat".')
    return [reading.labels.index(one) for one in listed]


def _places(tokens: Place | Sequence[Place]) -> list[Place]:
    """Tokens, or `"readout"`; one needs no list.

    Raises:
        UsageError: An empty list, or a name other than `"readout"`.
    """
    one = isinstance(tokens, (int, str))
    listed = [tokens] if one else as_list("tokens=", tokens, '[0, "readout"]')
    if not listed:
        raise UsageError('tokens= is empty: give at least one token, or "readout".')
    for place in listed:
        if isinstance(place, str) and place != "readout":
            raise UsageError(f'tokens= takes indices of tokens and "readout", not "{place}".')
    return listed


def _check_reading(reading: Any) -> None:
    if not hasattr(reading, "kl_to_final"):
        raise UsageError(
            "Curves over states are of a reading, such as vl.LogitLens(vit).read(trace), not of a "
            f"{type(reading).__name__}."
        )


def _name(reading: Reading, place: Place) -> str:
    return (
        f"readout ({reading.readout_name})"
        if isinstance(place, str)
        else reading.layout.describe(place)
    )


def _at(
    reading: Reading, place: Place, image: int, measure: Callable[[Reading], Tensor]
) -> list[float]:
    """One number per state at one place of one image."""
    reading.picture(image)  # refuses an image that is not there
    if isinstance(place, str):
        return cast("list[float]", measure(reading.readout)[:, image].tolist())
    return cast("list[float]", measure(reading)[:, image, reading.position(place)].tolist())


def _figure(reading: Reading, quantity: str, **words: Any) -> Figure:
    _check_reading(reading)
    what = quantity.split(",")[0]
    title = f"{what[:1].upper()}{what[1:]} by state: {reading.lens_name} of {reading.model_name}"
    return charts.figure_over_states(title, reading.state_names, quantity, **words)


def _with_curves(plot: Figure, reading: Reading, curves: dict[str, list[float]]) -> Figure:
    return charts.with_curves(plot, "state", reading.state_names, curves)


if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    _PUBLIC = ["entropy", "kl_to_final", "probability", "rank"]
    __getattr__ = refusal(__name__, _PUBLIC, "vl.analysis.over_states")
