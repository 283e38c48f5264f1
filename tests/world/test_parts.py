"""Part masks say which part of a thing each pixel shows, and change nothing about a scene."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from vitlens_widgets import world
from vitlens_widgets.world.composition import compose
from vitlens_widgets.world.render import render_instances, render_parts

KEPT = {
    (40, "cat"): [[123, 132], [130, 137]],
    (41, "dog"): [[112, 108], [174, 147]],
    (42, "heart"): [[174, 198], [156, 163]],
    (43, "star"): [[163, 134], [132, 131]],
    (44, "moon"): [[173, 176], [174, 174]],
    (45, "flower"): [[153, 152], [151, 149]],
    (46, "tree"): [[81, 89], [84, 91]],
    (47, "house"): [[99, 107], [118, 140]],
    (48, "fish"): [[166, 160], [160, 160]],
    (49, "mushroom"): [[124, 125], [142, 141]],
    (50, "apple"): [[135, 126], [134, 130]],
    (51, "sun"): [[166, 173], [178, 180]],
    (52, "umbrella"): [[135, 129], [140, 124]],
    (53, "car"): [[137, 137], [127, 132]],
    (54, "boat"): [[109, 97], [87, 82]],
    (55, "key"): [[106, 103], [105, 105]],
}
"""Mean grey of each quarter of a scene as it was before its parts had names."""


@pytest.mark.parametrize("objects", [1, 2, 6])
def test_parts_are_where_things_are(objects):
    for seed in range(10):
        scene = world.scene(seed, objects, size=(60, 84))
        np.testing.assert_array_equal(scene.part_mask == world.NO_PART, scene.instance_mask == 0)
        assert scene.part_mask.dtype == np.uint8


def test_every_part_has_a_name_and_every_name_is_drawn():
    drawn = {
        name
        for one in world.CLASSES
        for seed in range(20)
        for _, _, name in world.scene(seed, size=16, classes=one).shapes[0]
    }
    assert drawn == set(world.PARTS)
    assert len(set(world.PARTS)) == len(world.PARTS) == world.NO_PART


def test_each_part_is_the_mask_of_its_own_shapes_where_nothing_is_in_front():
    """The oracle: a scene of the last-painted shape alone, drawn by the instance mask's painter."""
    for seed in range(6):
        composition = compose(np.random.default_rng(seed), 2, (1.4, 1.0))
        expected = np.full((70, 98), world.NO_PART)
        for shape in (shape for parts in composition.things for shape in parts):
            alone = replace(composition, things=[[shape]])
            expected[render_instances(alone, 70, 98) == 1] = world.PARTS.index(shape[2])
        np.testing.assert_array_equal(render_parts(composition.things, 70, 98), expected)


def test_a_cat_has_two_eyes_in_its_face_and_two_ears_above():
    scene = next(
        one
        for seed in range(100)
        if (one := world.scene(seed, size=224, classes="cat")).description.things[0].size == "large"
    )
    rows = {
        name: np.nonzero(scene.part_mask == world.PARTS.index(name))[0].mean()
        for name in ("ear", "eye", "mouth")
    }
    assert rows["ear"] < rows["eye"] < rows["mouth"]


def test_parts_follow_what_is_changed():
    clean = world.scene(7, objects=2, size=96, classes=["cat", "car"])
    without = world.without(clean, "cat")
    there = {world.PARTS[part] for part in np.unique(without.part_mask) if part < world.NO_PART}
    assert there <= {"body", "window", "wheel", "headlight"}
    recoloured = world.recoloured(clean, "cat")
    np.testing.assert_array_equal(recoloured.part_mask, clean.part_mask)
    moved = world.moved(clean, "car", down=0.125)
    np.testing.assert_array_equal(moved.part_mask == world.NO_PART, moved.instance_mask == 0)


def test_nobody_who_does_not_ask_pays_for_parts():
    scene = world.scene(5, objects=3)
    assert "part_mask" not in vars(scene)
    assert scene.part_mask is scene.part_mask


def test_scenes_are_copied_with_their_parts():
    scene = world.scene(5, objects=2, size=40)
    for twin in (copy.deepcopy(scene), pickle.loads(pickle.dumps(scene))):
        np.testing.assert_array_equal(twin.part_mask, scene.part_mask)


def test_the_pictures_are_those_that_the_models_were_trained_on():
    for (seed, name), kept in KEPT.items():
        image = world.scene(seed, size=64, classes=name).image.mean(-1)
        quarters = image.reshape(2, 32, 2, 32).mean((1, 3))
        np.testing.assert_allclose(quarters, kept, atol=1)
