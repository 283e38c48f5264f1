"""What the notebook on fitted lenses says in words is what its cells find."""

from __future__ import annotations

import numpy as np
import pytest

from tests.notebooks.cells import run, start_exercises
from tests.notebooks.verdicts import NO, OPEN, YES, verdict

STEM = "09_fitted_lenses"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def clearly(of, one, other, state):
    """Whether a lens's mean is above another's, by intervals that are apart."""
    return of[one].low[state] > of[other].high[state]


def test_what_fitting_gains_in_drawing(found):
    drawn = found["drawn"]
    for state, gain in ((2, 0.32), (3, 0.37), (5, 0.41)):
        more = drawn.more("tuned, toy/p32-taught")
        assert more.low[state] > 0
        assert more.mean[state] == pytest.approx(gain, abs=0.02)
    assert (drawn.more("tuned, toy/p32").low <= 0).all()
    assert drawn.found["tuned, toy/p32-cls"].mean().mean.max() < 0.05


def test_both_fitted_lenses_are_nearer_at_the_states_that_are_named(found):
    of = found["agreement"].values["kl"]
    assert all(clearly(of, "logit lens", "tuned lens", state) for state in (2, 3, 4, 5))


def test_causes_go_against_the_tuned_lens(found):
    causes = found["causes"]
    tuned, logit = (causes.mean("alignment", name) for name in ("tuned lens", "logit lens"))
    assert (logit.low > tuned.high).all()
    assert (tuned.low > 0).all()


def test_a_bias_alone_helps_clip(found):
    table = found["found"]
    of = table[table["place"] == "readout"]
    assert (of["KL (nats)"][1:] < of["logit lens KL (nats)"][1:]).all()


def test_the_verdicts(found):
    said = [verdict(row["toy/p32"]) for row in found["claims"].rows]
    assert said == [YES, YES, NO, OPEN]


def test_numbers_of_the_sink(found):
    batch, vit = found["batch"], found["vit"]
    for layer in (0, vit.n_layers - 1):
        shares = batch.attention(layer).mean((0, 1, 2))
        assert shares.sum().item() == pytest.approx(1, abs=1e-4)
    assert np.isfinite(found["rows"]["size of its value"]).all()


def test_the_exercises_start_from_calls_that_work(found):
    assert start_exercises(STEM, dict(found)) == 3
