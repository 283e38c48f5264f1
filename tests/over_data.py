"""Which experiments run over a data set, found in their registry."""

from __future__ import annotations

from vitlens_widgets.analysis import experiments

OVER_DATA = [
    name
    for name, experiment in experiments.items()
    if experiment.takes == "data" and name != "linear_probes"  # which takes two data sets
]
