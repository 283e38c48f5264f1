"""What the notebook on a real model asks of its model works on the embedded one, too."""

from __future__ import annotations

import numpy as np

from tests.notebooks.cells import run, start_exercises

STEM = "12_real_model"
OFFLINE = ('"facebook/dinov2-small", 448', '"toy/p32-taught", None')  # no hub is asked


def test_it_shows_what_it_says_and_its_exercises_start():
    names = run(STEM, change=lambda source: source.replace(*OFFLINE))
    assert names["vit"].name == "toy/p32-taught"
    assert names["trace"].n_images == len(names["names"]) == 3
    assert list(names["twin"].labels) == list(names["clicks"])
    assert names["answers"].n_states == names["vit"].n_layers + 1
    cosine = np.asarray(names["found"].patches)
    assert np.abs(cosine).max() <= 1 + 1e-5
    shares = [float(line[-4:]) for line in names["printed"]["rollout"].splitlines()]
    assert shares[0] > shares[-1]  # "the flatter it becomes"
    assert start_exercises(STEM, names) == 3
    assert names["taught"].examples_from == "final"
