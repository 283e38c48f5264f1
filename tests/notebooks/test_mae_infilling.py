"""What the infilling notebook says of toy/mae in words is what its cells find.

It also runs on another model and other images, which stand here for those of the report.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tests.notebooks.cells import run, start_exercises
from tests.small_models import mae_model

STEM = "02_mae_infilling"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def test_a_hidden_thing_returns_only_where_a_trace_of_it_is_left(found):
    scene, strip = found["scenes"][0], found["strip"]
    heart, sun = (scene.instance_mask == thing for thing in (1, 2))
    exact = strip.infilling.rerun(mask=found["mae"].layout.coverage(heart | sun) > 0)
    picture, ringed = (one.pixels(exact.n_states - 1)[0] for one in (exact, strip.infilling))
    assert (picture[..., 1] < picture[..., 0])[heart].all()  # nothing of it is green
    assert brightness_over_blue(picture, sun) > 0.4
    assert brightness_over_blue(ringed, sun) < 0.3
    traces = exact.masked[0, 71, 96:106].astype(float)  # the line beside the sun's mask
    assert (traces[:, 0] - traces[:, 2]).min() > 60


def brightness_over_blue(picture, where):
    """How orange the most orange pixel is."""
    return (picture[..., 0] - picture[..., 2])[where].max()


def test_the_first_block_does_most_and_every_one_improves_every_score(found):
    scores = found["table"]
    trivial = found["mean_colour"](found["infillings"][0.75])
    assert scores["mse"][0] > trivial > 2 * scores["mse"][1]
    for metric, sign in {"mse": -1, "psnr": 1, "ssim": 1, "perceptual": -1}.items():
        steps = sign * np.diff(scores[metric])
        assert (steps > 0).all()
        assert steps[0] > 0.8 * steps.sum()


def test_when_it_has_converged_depends_on_the_rule(found):
    for infilling in found["infillings"].values():
        assert infilling.converged().tolist() == [1, 1, 1]
        assert infilling.converged(0.01).min() >= 3
        assert infilling.converged(0.01).max() == infilling.n_states - 1
        still = infilling.score("mse", "final") / infilling.score("mse")[-1]
        assert still.mean(axis=1)[1] == pytest.approx(1 / 3, abs=0.06)


def test_the_last_step_is_the_largest_only_if_the_norm_is_there_alone(found):
    changes, ways = found["changes"], found["ways"]
    for steps in changes.values():
        assert steps[0] > 5 * max(steps[1:])
    for way in ("at every state", "at none"):
        assert changes[way][1] > 1.2 * changes[way][-1]
    alone = changes["at the last only"]
    assert alone[-1] > 4 * max(alone[1:-1])
    hidden, original = found["normed"].hidden, found["normed"].original / 255
    errors = {way: [np.square(p - original)[hidden].mean() for p in ways[way]] for way in ways}
    assert (np.divide(errors["at none"], errors["at every state"])[1:] > 1.2).all()


def test_more_hidden_is_worse_and_images_differ_more_than_masks(found):
    study = found["study"]
    assert (np.diff(study.mean("mse")[:, -1]) > 0).all()
    assert (study.converged == 1).mean() > 0.9
    final = study.values["mse", "original"][:, :, -1]  # [ratio, seed, image]
    masks, images = final.std(axis=1, ddof=1).mean(), final.mean(axis=1).std(axis=1, ddof=1).mean()
    assert images > 1.3 * masks


def test_things_come_back_with_the_first_block_and_two_of_them_with_the_last(found):
    iou = found["iou"]
    gained = np.diff(iou.truth.mean(axis=1))
    assert gained[0] > 1.5 * gained[-1]
    assert gained[-1] > 2 * gained[1:-1].max()
    assert (iou.truth[-1] - iou.truth[-2] > 0.1).sum() == 2
    assert iou.truth.mean(axis=1).max() < iou.original.mean() - 0.1


def test_the_leak_looks_best_and_shows_squares_that_nobody_saw(found):
    plain, near, visible, leak = found["compared"].values()
    errors = [read.score("mse")[-1].mean() for read in (leak, plain, near, visible)]
    assert errors == sorted(errors)
    corner = np.s_[1, :56, 56:]  # of the second scene: chequered background alone
    likeness = []
    for read in (plain, near, leak):
        shown = (read.original / 255, read.pixels(read.n_states - 1))
        hidden = read.hidden[corner]
        truth, painted = (one[corner].mean(axis=-1)[hidden] for one in shown)
        likeness.append(np.corrcoef(truth, painted)[0, 1])
    assert likeness[2] > 0.5
    assert likeness[2] > 1.5 * max(likeness[:2])


def test_it_runs_on_another_model_and_images_from_elsewhere(tmp_path):
    mae_model().save_pretrained(tmp_path / "mae")
    random = np.random.default_rng(0)
    places = iter([tmp_path / f"{k}.png" for k in range(3)])

    def change(source):
        def local(_address):
            place = next(places)
            noise = random.integers(0, 256, (60, 90, 3), dtype=np.uint8)
            Image.fromarray(noise).save(place)
            return f'"{place}"'

        source = source.replace('MODEL = "toy/mae"', f'MODEL = "{tmp_path / "mae"}"')
        return re.sub(r'"https?://[^"]+"', local, source)

    names = run(STEM, change=change)
    assert names["infillings"][0.4].original.shape == (3, 48, 48, 3)
    assert names["study"].values["mse", "original"].shape == (4, 3, 4, 3)
    assert "iou" not in names


def test_the_exercises_start_from_calls_that_work(found):
    assert start_exercises(STEM, dict(found)) == 4
