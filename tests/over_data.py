"""Which experiments run over a data set, found in their registry."""

from __future__ import annotations

from inspect import signature

from vitlens_widgets.analysis import experiments

OVER_DATA = [
    name
    for name, experiment in experiments.items()
    if list(signature(experiment).parameters)[:2] == ["vit", "data"]
]
