"""The embedded masked autoencoders: what they are, and that they do what their cards say."""

import shutil

import numpy as np
import pytest

import vitlens_widgets as vl
from vitlens_widgets.world.cards import weights_file
from vitlens_widgets.world.measure import measure

NAMES = ("toy/mae", "toy/mae-norm")
each = pytest.mark.parametrize("name", NAMES)


@each
def test_it_loads_ready_for_the_lens(name):
    mae = vl.load(name)
    assert (mae.layout.rows, mae.layout.cols, mae.patch_size) == (14, 14, (8, 8))
    assert mae.preprocessing.size == (112, 112)
    assert mae.preprocessing.mean == mae.preprocessing.std == (0.5, 0.5, 0.5)
    assert mae.adapter.normalises_pixels == (name == "toy/mae-norm")
    assert len(mae.labels) == 0
    assert mae.name == name


@each
def test_its_file_is_small(name):
    assert weights_file(name).stat().st_size < 6_000_000


@each
def test_it_paints_better_than_trivial_answers(name):
    found = vl.world.card(name).measured
    for count in (1, 2):
        assert found.error[count][-1] < 0.75 * found.nearest_patch[count]
        assert found.error[count][-1] < 0.75 * found.mean_colour[count]
        assert found.error[count][-1] == min(found.error[count])


@each
def test_the_card_says_what_is_measured_again(name):
    card = vl.world.card(name)
    again = measure(vl.load(name), scenes=40)
    for count in (1, 2):
        for claimed, found in zip(card.measured.error[count], again.error[count], strict=True):
            assert found == pytest.approx(claimed, rel=0.35)
    assert f"python -m vitlens_widgets.world train {name}" in repr(card)
    assert "For comparison: painting hidden patches in" in repr(card)


@each
def test_a_copy_of_its_files_has_a_card_too(name, tmp_path):
    for file in (weights_file(name), weights_file(name).with_suffix(".json")):
        shutil.copy(file, tmp_path)
    copied = vl.world.card(tmp_path / weights_file(name).name)
    assert copied.measured == vl.world.card(name).measured
    assert f"python -m vitlens_widgets.world train {name}" in repr(copied)


def test_a_scene_is_filled_in_better_from_state_to_state():
    scenes = [vl.world.scene(seed).image for seed in range(8)]
    infilling = vl.InfillLens(vl.load("toy/mae")).read(scenes, mask_ratio=0.75, seed=2)
    mse = infilling.score("mse").mean(axis=1)
    assert mse[-1] < 0.5 * mse[0]
    flat = np.stack(
        [
            np.where(hidden[..., None], image[~hidden].mean(axis=0), image)
            for image, hidden in zip(infilling.original, infilling.hidden, strict=True)
        ]
    )
    away = (flat - infilling.original) / 255
    hidden_mse = [np.square(a[h]).mean() for a, h in zip(away, infilling.hidden, strict=True)]
    assert mse[-1] < 0.75 * np.mean(hidden_mse)


def test_normalised_pixels_lose_the_colours_that_plain_ones_keep():
    """Each model's painting by what it may know; the leak would make up for it."""
    scenes = [vl.world.scene(seed).image for seed in range(8)]
    plain = vl.InfillLens(vl.load("toy/mae")).read(scenes).score("mse")[-1].mean()
    twin = vl.load("toy/mae-norm")
    honest = vl.InfillLens(twin).read(scenes).score("mse")[-1].mean()
    leaking = vl.InfillLens(twin, statistics="target").read(scenes).score("mse")[-1].mean()
    assert leaking < plain < honest
