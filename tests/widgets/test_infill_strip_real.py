"""InfillStrip on the embedded masked autoencoder: the browser has what the lens paints."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl


@pytest.fixture(scope="module")
def mae():
    return vl.load("toy/mae")


@pytest.fixture(scope="module")
def scenes():
    return [vl.world.scene(seed, objects=2, size=112) for seed in (45, 7)]


@pytest.fixture
def infilling(mae, scenes):
    return vl.InfillLens(mae).read([scene.image for scene in scenes], mask_ratio=0.75, seed=2)


def painted(strip):
    shape = (strip._n_states, strip._meta["height"], strip._meta["width"], 3)
    return np.frombuffer(strip._painted, np.uint8).reshape(shape)


def test_the_last_panel_is_the_models_own_painting(infilling):
    strip = vl.InfillStrip(infilling, image=1)
    for state in range(infilling.n_states):
        expected = infilling.pictures(state, paste=False)[1]
        np.testing.assert_array_equal(painted(strip)[state], expected)


def test_another_mask_is_the_lens_read_with_that_mask(mae, scenes, infilling):
    strip = vl.InfillStrip(infilling, image=1, truth=scenes)
    mask = np.zeros((14, 14), bool)
    mask[3:9, 2:11] = True
    strip.mask = mask
    read = vl.InfillLens(mae).read(scenes[1].image, mask=mask)
    off = painted(strip).astype(int) - np.stack(
        [read.pictures(k, paste=False)[0] for k in range(6)]
    )
    assert np.abs(off).max() <= 1  # one image or two at once round otherwise
    scores = np.frombuffer(strip._scores, "<f4").reshape(3, 2, 6)
    np.testing.assert_allclose(scores[0, 0], read.score("mse")[:, 0], rtol=1e-4)
    np.testing.assert_array_equal(strip.infilling.mask[0], mask.ravel())


def test_the_first_random_mask_is_the_one_that_was_read(infilling):
    for image in (0, 1):
        strip = vl.InfillStrip(infilling, image=image)
        assert strip._random_mask == strip._painted_mask
        assert strip.mask_ratio == 0.75


def test_no_mask_and_a_whole_one_are_painted(infilling):
    strip = vl.InfillStrip(infilling)
    for value in (False, True):
        strip.mask = np.full(196, value)
        assert strip.error == ""
        assert strip._numbers_of == strip._painting


def test_with_a_segmenter_the_iou_of_objects_is_one_more_curve(infilling, scenes):
    segmenter = vl.load("toy/p32-taught")
    strip = vl.InfillStrip(infilling, truth=scenes, segmenter=segmenter, image=1)
    scores = np.frombuffer(strip._scores, "<f4").reshape(4, 2, 6)
    truth = np.stack([scene.class_mask for scene in scenes])
    expected = vl.analysis.infilling.object_iou(infilling, truth, segmenter)
    np.testing.assert_allclose(scores[3, 0], expected.truth[:, 1], rtol=1e-5)
    np.testing.assert_allclose(scores[3, 1], expected.final[:, 1], rtol=1e-5)
    assert strip._meta["has_iou"]


def test_a_change_in_the_browser_sends_no_more_than_pictures_and_then_numbers(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    mask = (~strip.mask).astype(np.uint8).tobytes()
    strip.set_state({"mask": mask, "_asked": 1})
    (answer,) = comm.updates()
    n_bytes = sum(len(value) for value in answer.values() if isinstance(value, bytes))
    assert n_bytes <= 6 * 112 * 112 * 3 + 196
