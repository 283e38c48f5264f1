"""What is no trace, and what is no count, is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.head_oracle import random_patterns, trace_with
from tests.sentences import refused
from vitlens_widgets.analysis import heads

ASK = {
    "statistics": heads.statistics,
    "geometry": heads.geometry,
    "agreement": heads.agreement,
    "neighbourhood": heads.neighbourhood,
    "rollout": heads.rollout,
    "rollouts": lambda given: next(heads.rollouts(given)),
    "readout_row": lambda given: heads.readout_row(given, np.eye(3)),
    "neurons": lambda given: heads.neurons(given, 0, 0, 0, 0),
    "same_object": lambda given: heads.same_object(given, []),
    "read_keys": lambda given: heads.read_keys(given, None, 0, 0, 0),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_every_analysis_asks_for_a_trace(ask):
    with refused(vl.UsageError):
        ask(torch.zeros(2, 3))


@pytest.mark.parametrize("radius", [True, -1, 1.5, "2", None])
def test_a_radius_is_a_whole_number(radius):
    trace = trace_with("CLS", random_patterns(3, 1, 4, 16, 16))
    with refused(vl.UsageError):
        heads.neighbourhood(trace, radius=radius)
