"""One run read by several lenses: random numbers of their own in every state but the final one."""

from __future__ import annotations

from tests.widgets.fake_reading import FakeReading, random_reading

NAMES = ("logit lens", "tuned lens", "Jacobian lens")


def several_readings(seed=0, names=NAMES, **case):
    """Readings that agree in the final state, as lenses do, and nowhere else."""
    own = random_reading(seed, **case)
    own.lens_name = names[0]
    readings = [own]
    for i, name in enumerate(names[1:], start=1):
        found = random_reading(seed + 100 * i, **case)
        tokens, readout = found._logits, found.readout._logits
        tokens[-1], readout[-1] = own._logits[-1], own.readout._logits[-1]
        one = FakeReading(tokens, readout, own.pictures, own.layout, own.labels, own.readout_name)
        one.lens_name = name
        readings.append(one)
    return readings
