"""What InfillStrip refuses, each with one sentence, and what is known of objects."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.widgets.fake_infilling import random_infilling
from vitlens_widgets.errors import UsageError

GRID = {"rows": 3, "cols": 5}


@pytest.fixture
def infilling():
    return random_infilling(seed=4, images=2, **GRID)


@pytest.fixture
def strip(infilling):
    return vl.InfillStrip(infilling)


BAD = {
    "state": (9, "0 to 3"),
    "mask_ratio": (1, "above 0 and below 1"),
    "seed": (-1, "whole number from 0"),
    "paste": (1, "True or False"),
    "view": ("eror", 'Nearest: "error"'),
    "reference": ("last", '"original", "final"'),
    "image": (2, "0 to 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_choice_is_refused_and_changes_nothing(strip, name):
    value, _words = BAD[name]
    before, painted = getattr(strip, name), strip._painted
    with refused(UsageError):
        setattr(strip, name, value)
    assert getattr(strip, name) == before
    assert strip._painted == painted


BAD_MASKS = {
    "another shape": (np.zeros((5, 3), bool), r"\[15\] or \[3, 5\]; the shape \[5, 3\]"),
    "other numbers": (np.arange(15), "booleans"),
    "ragged": ([[True], [True, False]], r"\[15\] or \[3, 5\]"),
    "none": (None, r"\[15\] or \[3, 5\]"),
    "not a number": (np.full(15, np.nan), "booleans"),
}


@pytest.mark.parametrize("which", BAD_MASKS)
def test_a_bad_mask_is_refused_and_changes_nothing(strip, which):
    mask, _words = BAD_MASKS[which]
    before = strip.mask
    with refused(UsageError):
        strip.mask = mask
    np.testing.assert_array_equal(strip.mask, before)


@pytest.mark.parametrize("value", [float("nan"), "0.5", True, None, 0, 1.5])
def test_no_share_but_a_number_between_0_and_1_is_taken(strip, value):
    with refused(UsageError):
        strip.mask_ratio = value


def test_what_is_no_infilling_is_refused():
    with refused(UsageError):
        vl.InfillStrip([1])


def test_an_unknown_option_is_refused_with_the_nearest(infilling):
    with refused(UsageError):
        vl.InfillStrip(infilling, mask_rato=0.5)


@pytest.mark.parametrize("size", [0, -3, 2.5, True])
def test_a_size_that_is_no_size_is_refused(infilling, size):
    with refused(UsageError):
        vl.InfillStrip(infilling, size=size)


def test_a_bad_choice_from_the_browser_is_answered_with_a_sentence(infilling, recorded):
    strip = vl.InfillStrip(infilling)
    comm = recorded(strip)
    strip.set_state({"mask_ratio": 2, "_asked": 1})
    assert "above 0 and below 1" in strip.error
    merged = {k: v for update in comm.updates() for k, v in update.items()}
    assert merged["_answered"] == 1
    assert merged["mask_ratio"] == strip.mask_ratio


def test_the_representation_is_stable_and_says_how_much_is_masked(strip):
    text = repr(strip)
    assert text == repr(strip)
    assert "fake/mae" in text
    assert f"{strip.mask.sum()} of 15 patches masked" in text
    assert " at 0x" not in text


def test_classes_of_the_truth_become_objects_with_their_names(infilling):
    truth = np.full((2, 24, 40), vl.world.BACKGROUND)
    truth[1, 1, 9], truth[1, 20:, 30:] = 0, 4
    strip = vl.InfillStrip(infilling, truth=truth, image=1)
    assert strip._object_names == ["all objects", "cat", "moon"]
    masks = np.frombuffer(strip._object_masks, np.uint8).reshape(3, 3, 5)
    cat, moon = np.zeros((3, 5)), np.zeros((3, 5))
    cat[0, 1], moon[2, 3:] = 1, 1
    np.testing.assert_array_equal(masks, [cat + moon, cat, moon])
    strip.image = 0
    assert strip._object_names == []


def test_a_scene_names_its_things_and_counts_those_of_one_name():
    infilling = random_infilling(rows=4, cols=4, patch=8)
    scene = vl.world.scene(3, objects=3, size=64, classes=("cat", "dog", "cat"))
    strip = vl.InfillStrip(infilling, truth=scene)
    assert strip._object_names == ["all objects", "cat 1", "dog", "cat 2"]
    masks = np.frombuffer(strip._object_masks, np.uint8).reshape(4, 4, 4)
    for i in range(3):
        shows = (scene.instance_mask == i + 1).reshape(4, 16, 4, 16).any(axis=(1, 3))
        np.testing.assert_array_equal(masks[1 + i], shows)


def test_a_mask_of_booleans_is_one_object(infilling):
    truth = np.zeros((24, 40), bool)
    truth[8:16, :8] = True
    strip = vl.InfillStrip(infilling, truth=[truth, ~truth])
    assert strip._object_names == ["object"]
    assert np.flatnonzero(np.frombuffer(strip._object_masks, np.uint8)).tolist() == [5]


BAD_TRUTHS = {
    "one of two": (np.zeros((24, 40), int), "1 image; the infilling has 2"),
    "floats": ([np.zeros((24, 40))] * 2, "booleans or class indices"),
    "another size": ([np.zeros((25, 40), int)] * 2, "multiples"),
}


@pytest.mark.parametrize("which", BAD_TRUTHS)
def test_a_truth_that_does_not_fit_is_refused(infilling, which):
    truth, _words = BAD_TRUTHS[which]
    with refused(UsageError):
        vl.InfillStrip(infilling, truth=truth)


def test_a_segmenter_without_a_truth_is_refused(infilling):
    with refused(UsageError):
        vl.InfillStrip(infilling, segmenter=SimpleNamespace(labels=["cat", "background"]))
    with refused(UsageError):
        vl.InfillStrip(infilling, segmenter=3)
