"""Scenes: what a seed decides, what it accepts, what Jupyter shows."""

from __future__ import annotations

import doctest
import importlib
import io

import numpy as np
import pytest
from PIL import Image

from tests.sentences import refused
from vitlens_widgets import UsageError, world
from vitlens_widgets.world import captions


def test_the_same_arguments_give_the_same_pixels():
    first, again = (world.scene(31, objects=2, size=(70, 110)) for _ in range(2))
    assert first.names == again.names
    for part in ("image", "class_mask", "instance_mask"):
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))


def test_another_seed_gives_another_picture():
    pictures = {world.scene(seed, size=32).image.tobytes() for seed in range(50)}
    assert len(pictures) == 50


@pytest.mark.parametrize("size", [16, 61, 224, (48, 97), (300, 150)])
def test_a_scene_has_the_size_and_types_it_promises(size):
    height, width = (size, size) if isinstance(size, int) else size
    scene = world.scene(5, objects=3, size=size)
    assert scene.image.shape == (height, width, 3)
    assert scene.class_mask.shape == scene.instance_mask.shape == (height, width)
    assert {scene.image.dtype, scene.class_mask.dtype, scene.instance_mask.dtype} == {
        np.dtype(np.uint8)
    }


@pytest.mark.parametrize(("small", "large"), [(64, 192), ((50, 80), (150, 240))])
def test_another_size_shows_the_same_scene(small, large):
    for seed in range(12):
        little, big = (world.scene(seed, objects=2, size=size) for size in (small, large))
        assert little.names == big.names
        centers = big.instance_mask[1::3, 1::3]
        assert np.mean(centers == little.instance_mask) > 0.96
        height, width = little.class_mask.shape
        averaged = big.image.reshape(height, 3, width, 3, 3).mean(axis=(1, 3))
        assert np.abs(averaged.mean(axis=(0, 1)) - little.image.mean(axis=(0, 1))).max() < 3


def test_every_class_can_be_asked_for_and_is_drawn():
    for index, name in enumerate(world.CLASSES):
        scene = world.scene(900 + index, size=64, classes=name)
        assert scene.names == (name,)
        assert set(np.unique(scene.class_mask)) == {index, world.BACKGROUND}


def test_as_many_classes_as_objects_are_all_drawn_in_order():
    names = ("key", "cat", "key")
    assert world.scene(3, objects=3, size=64, classes=names).names == names


def test_things_repeat_only_when_there_are_more_than_classes():
    assert len(set(world.scene(8, objects=9, size=96).names)) == 9
    names = world.scene(8, objects=7, size=96, classes=["sun", "boat", "fish"]).names
    assert sorted(names.count(name) for name in ("sun", "boat", "fish")) == [2, 2, 3]


def test_every_class_is_drawn_about_equally_often():
    names = [name for seed in range(500) for name in world.scene(seed, 2, size=16).names]
    counts = [names.count(name) for name in world.CLASSES]
    assert min(counts) > 35
    assert max(counts) < 95


def test_jupyter_shows_the_picture_itself():
    scene = world.scene(2, size=(20, 33))
    shown = Image.open(io.BytesIO(scene._repr_png_()))
    np.testing.assert_array_equal(np.asarray(shown), scene.image)


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1},
        {"seed": 1.5},
        {"seed": "7"},
        {"objects": 0},
        {"objects": 65},
        {"objects": True},
        {"size": 15},
        {"size": (32, 5000)},
        {"size": (32, 32, 3)},
        {"size": 32.0},
        {"classes": []},
        {"classes": ["cat", "tre"]},
        {"classes": "zzz"},
    ],
)
def test_bad_input_is_refused_with_one_sentence(arguments):
    with refused(UsageError):
        world.scene(**{"seed": 0, **arguments})


def test_whole_numbers_of_numpy_are_whole_numbers():
    scene = world.scene(np.int64(4), objects=np.uint8(2), size=np.int32(40))
    np.testing.assert_array_equal(scene.image, world.scene(4, 2, 40).image)


def test_the_examples_in_the_documentation_are_true():
    for documented in (world, importlib.import_module(world.scene.__module__), captions):
        found = doctest.testmod(documented, extraglobs={"world": world})
        assert found.attempted > 0
        assert found.failed == 0
