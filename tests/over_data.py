"""Which experiments run over a data set, found in their registry."""

from __future__ import annotations

from vitlens_widgets.analysis import experiments

TWO_SETS = ("linear_probes", "lens_causality", "lens_stability")
"""Those that take one data set to fit to and another to measure on."""
OF_FEATURES = ("partners",)
"""Those of a feature that is asked about."""
OVER_DATA = [
    name
    for name, experiment in experiments.items()
    if experiment.takes == "data" and name not in (*TWO_SETS, *OF_FEATURES)
]
