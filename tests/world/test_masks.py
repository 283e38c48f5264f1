"""Masks are exact: they agree with geometry and with the painted pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vitlens_widgets import world
from vitlens_widgets.world.composition import compose
from vitlens_widgets.world.render import render_image, render_instances


def covers(outline: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Even-odd rule: a ray from a point inside crosses the outline an odd number of times."""
    inside = np.zeros(np.broadcast(x, y).shape, bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 <= y) != (y1 <= y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def mask_by_geometry(composition, height: int, width: int) -> np.ndarray:
    """The last painted thing that covers each pixel's centre."""
    x = (np.arange(width)[None, :] + 0.5) / min(height, width)
    y = (np.arange(height)[:, None] + 0.5) / min(height, width)
    mask = np.zeros((height, width), int)
    for number, parts in enumerate(composition.things, start=1):
        for outline, *_ in parts:
            mask[covers(outline, x, y)] = number
    return mask


def distance_to_outlines(composition, height: int, width: int) -> np.ndarray:
    """Pixels between each pixel's centre and the nearest edge of any thing's outline."""
    y, x = np.indices((height, width)) + 0.5
    nearest = np.full((height, width), np.inf)
    for outline, *_ in (part for parts in composition.things for part in parts):
        points = outline * min(height, width)
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            dx, dy = x1 - x0, y1 - y0
            along = ((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-12)
            along = along.clip(0, 1)
            distance = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
            np.minimum(nearest, distance, out=nearest)
    return nearest


@pytest.mark.parametrize("objects", [1, 2, 5])
def test_masks_agree_with_geometry_at_pixel_centres(objects):
    height, width = 72, 98
    for seed in range(4):
        composition = compose(np.random.default_rng(seed), objects, (width / height, 1.0))
        expected = mask_by_geometry(composition, height, width)
        certain = distance_to_outlines(composition, height, width) > 1
        found = render_instances(composition, height, width)
        np.testing.assert_array_equal(found[certain], expected[certain])
        assert certain.mean() > 0.4


def test_the_hole_of_a_key_is_background():
    composition = compose(np.random.default_rng(1), 1, (1.0, 1.0), ["key"])
    mask = render_instances(composition, 400, 400)
    ring = composition.things[0][0][0] * 400
    column, row = ring.mean(axis=0).astype(int)
    assert mask[row, column] == 0


@pytest.mark.parametrize("objects", [1, 2, 6])
def test_the_class_mask_says_what_each_instance_is(objects):
    for seed in range(10):
        scene = world.scene(seed, objects, size=(60, 84))
        labels = [world.BACKGROUND, *(world.CLASSES.index(name) for name in scene.names)]
        np.testing.assert_array_equal(np.array(labels)[scene.instance_mask], scene.class_mask)


def test_every_thing_is_visible():
    for objects in (1, 2, 4, 9):
        for seed in range(30):
            mask = world.scene(seed, objects, size=112).instance_mask
            visible = np.bincount(mask.ravel(), minlength=objects + 1) / mask.size
            assert visible[1:].min() > 0.002


def test_without_its_things_a_picture_changes_only_inside_the_mask():
    for seed in range(4):
        composition = compose(np.random.default_rng(seed), 2, (1.0, 1.0))
        composition = replace(composition, grain=0.0)
        empty = replace(composition, things=[])
        images = [
            render_image(c, 100, 100, np.random.default_rng(0)).astype(int)
            for c in (composition, empty)
        ]
        changed = np.abs(images[0] - images[1]).max(axis=-1) > 0
        inside = render_instances(composition, 100, 100) > 0
        certain = distance_to_outlines(composition, 100, 100) > 1
        assert not changed[~inside & certain].any()
        assert changed[inside & certain].mean() > 0.97


def test_sensor_noise_has_the_strength_it_is_given():
    flat = compose(np.random.default_rng(0), 1, (1.0, 1.0))
    gray = replace(flat.background, first=(128,) * 3, second=(128,) * 3)
    quiet = replace(flat, background=gray, things=[], clutter=[], grain=9.0)
    image = render_image(quiet, 700, 600, np.random.default_rng(5))
    assert abs(image.std() - 9.0) < 0.2
    assert abs(image.mean() - 127.5) < 0.2
