"""One experiment for several models: each has its own result, and its own file."""

from __future__ import annotations

import numpy as np

import vitlens_widgets as vl


def test_each_model_has_what_the_experiment_finds_of_it_and_a_file_that_goes_on(tmp_path):
    models = {"a/b": vl.load("toy/attn-only-1l"), "c": vl.load("toy/attn-mlp-1l")}
    data, folder = vl.world.Scenes(), tmp_path / "runs" / "deep"
    run = vl.analysis.identifiability
    found = vl.analysis.over_models(run, models, data, folder=folder, n_images=4)
    assert sorted(file.name for file in folder.iterdir()) == [
        "identifiability, a-b.npz",
        "identifiability, c.npz",
    ]
    again = vl.analysis.over_models(run, models, data, n_images=4, batch_size=2)
    assert list(found) == list(again) == ["a/b", "c"]
    for name, vit in models.items():
        alone = run(vit, data, n_images=4)
        for one in (found[name], again[name]):
            np.testing.assert_allclose(one.mean("score").mean, alone.mean("score").mean)
    more = vl.analysis.over_models(run, models, data, folder=folder, n_images=6)
    assert [one.n_images for one in more.values()] == [6, 6]
