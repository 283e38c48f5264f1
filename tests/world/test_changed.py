"""The same scene with one thing changed: nothing else is, not by one pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.sentences import refused
from vitlens_widgets import UsageError, world
from vitlens_widgets.world.changes import Removed
from vitlens_widgets.world.composition import compose
from vitlens_widgets.world.render import render_image, render_instances

CHANGES = {
    "without": world.without,
    "recoloured": lambda scene, thing: world.recoloured(scene, thing, 0.4),
    "moved": lambda scene, thing: world.moved(scene, thing, right=0.07, down=-0.05),
    "swapped": lambda scene, thing: world.swapped(
        scene, thing, "key" if scene.names[thing] != "key" else "sun"
    ),
}


def footprint(scene, thing):
    """Every pixel that the outlines of a thing touch where a picture is painted, at twice its size.

    Also where others stand in front of it.
    """
    height, width = scene.instance_mask.shape
    shorter = min(height, width)
    objects = len(scene.names) + sum(isinstance(one, Removed) for one in scene.changes)
    composition = compose(
        np.random.default_rng(scene.seed), objects, (width / shorter, height / shorter)
    )
    for change in scene.changes:
        composition = change.made(composition)
    canvas = Image.new("1", (2 * width, 2 * height))
    for outline, *_ in composition.things[thing]:
        points = outline * shorter * 2 - 0.5
        ImageDraw.Draw(canvas).polygon(points.ravel().tolist(), fill=1)
    return np.asarray(canvas).reshape(height, 2, width, 2).any(axis=(1, 3))


@pytest.mark.parametrize("how", CHANGES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), objects=st.integers(1, 4), thing=st.integers(0, 3))
def test_every_pixel_elsewhere_is_the_same(how, seed, objects, thing):
    thing %= objects
    before = world.scene(seed, objects=objects, size=(64, 88))
    after = CHANGES[how](before, thing)
    touched = footprint(before, thing)
    if how != "without":
        touched |= footprint(after, thing)
    assert (before.image[~touched] == after.image[~touched]).all()
    assert not touched.all()
    others = [name for i, name in enumerate(before.names) if i != thing]
    assert [n for i, n in enumerate(after.names) if i != thing or how == "without"] == others


def test_a_scene_without_a_thing_is_painted_as_if_it_had_never_been():
    for seed in range(20):
        scene = world.scene(seed, objects=3, size=(60, 80))
        found = world.without(scene, 1)
        rng = np.random.default_rng(seed)
        whole = compose(rng, 3, (80 / 60, 1.0))
        left = replace(whole, things=whole.things[::2], names=whole.names[::2])
        np.testing.assert_array_equal(found.image, render_image(left, 60, 80, rng))
        np.testing.assert_array_equal(found.instance_mask, render_instances(left, 60, 80))
        assert found.names == scene.names[::2]
        assert {*np.unique(found.class_mask)} <= {
            world.BACKGROUND,
            *(world.CLASSES.index(name) for name in found.names),
        }


def test_each_change_is_to_be_seen():
    scene = world.scene(11, objects=2, classes=["cat", "dog"])
    assert world.without(scene, "cat").names == ("dog",)
    other = world.swapped(scene, "cat", "car")
    assert other.names == ("car", "dog")
    assert (other.class_mask == world.CLASSES.index("car")).sum() > 500
    there = scene.instance_mask == 1
    red = world.recoloured(scene, "cat", 0.5)
    np.testing.assert_array_equal(red.instance_mask, scene.instance_mask)
    changed = (red.image != scene.image).any(-1)
    assert changed[there].mean() > 0.5
    alone = world.without(scene, "dog")
    left = world.moved(alone, "cat", right=-14 / 224)
    np.testing.assert_array_equal(left.instance_mask[:, :-14], alone.instance_mask[:, 14:])


def test_changes_come_one_after_the_other():
    scene = world.scene(5, objects=2, classes=["cat", "dog"])
    both = world.moved(world.recoloured(scene, "dog"), "dog", down=0.04)
    assert len(both.changes) == 2
    nothing = world.without(world.without(scene, "cat"), "dog")
    assert nothing.names == ()
    assert (nothing.class_mask == world.BACKGROUND).all()
    other_way = world.without(world.without(scene, "dog"), "cat")
    np.testing.assert_array_equal(nothing.image, other_way.image)
    alone = world.without(world.moved(scene, "cat", right=0.1), "cat")
    np.testing.assert_array_equal(alone.image, world.without(scene, "cat").image)


def test_the_same_change_gives_the_same_pixels():
    scene = world.scene(5, objects=2, classes=["cat", "dog"])
    for change in CHANGES.values():
        np.testing.assert_array_equal(change(scene, 0).image, change(scene, 0).image)
    one, other = (world.swapped(scene, "cat", "sun", seed=seed) for seed in (1, 2))
    assert (one.image != other.image).any()


def test_what_cannot_be_changed_is_refused():
    scene = world.scene(3, objects=3, classes=("key", "cat", "key"))
    for wrong in ("dog", "key", 3, -1, 1.5, None):
        with refused(UsageError):
            world.without(scene, wrong)
    with refused(UsageError):
        world.without(world.without(world.scene(3, classes="cat"), 0), 0)
    with refused(UsageError):
        world.without(scene.image, "cat")
    for words in ({}, {"right": 5}, {"down": "far"}, {"right": float("nan")}):
        with refused(UsageError):
            world.moved(scene, "cat", **words)
    for turn in (1, "red"):
        with refused(UsageError):
            world.recoloured(scene, "cat", turn)
    for name in ("cat", "lion"):
        with refused(UsageError):
            world.swapped(scene, "cat", name)
    with refused(UsageError):
        world.swapped(scene, "cat", "dog", seed=-1)
