"""A part of an image covered, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.data import covered

WAYS = ["grey", "black", "mean", "blur", "inpaint"]


def noise(height=40, width=60, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("by", WAYS)
@settings(max_examples=10, deadline=None)
@given(top=st.integers(0, 30), left=st.integers(0, 50), height=st.integers(1, 9))
def test_every_pixel_outside_is_the_same(by, top, left, height):
    image = noise()
    found = covered(image, (top, left, top + height, left + 7), by)
    inside = np.zeros((40, 60), dtype=bool)
    inside[top : top + height, left : left + 7] = True
    np.testing.assert_array_equal(found[~inside], image[~inside])
    assert (found[inside] != image[inside]).any()
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(covered(image, inside, by), found)


def test_each_way_covers_as_it_says():
    image = noise()
    box = (10, 20, 22, 35)
    inside = np.zeros((40, 60), dtype=bool)
    inside[10:22, 20:35] = True
    assert (covered(image, box)[inside] == 128).all()
    assert (covered(image, box, "black")[inside] == 0).all()
    mean = covered(image, box, "mean")[inside]
    np.testing.assert_allclose(mean[0], image[~inside].mean(0), atol=0.5)
    assert (mean == mean[0]).all()
    # by hand: each pixel's weights of the Gaussian along rows, then along columns
    sigma, at = 40 / 16, (15, 27)
    rows = np.exp(-((np.arange(40) - at[0]) ** 2) / 2 / sigma**2)
    cols = np.exp(-((np.arange(60) - at[1]) ** 2) / 2 / sigma**2)
    by_hand = np.einsum("r,c,rcd->d", rows / rows.sum(), cols / cols.sum(), image.astype(float))
    np.testing.assert_allclose(covered(image, box, "blur")[at], by_hand, atol=1)


def test_inpainting_continues_what_is_around():
    rows, cols = np.mgrid[:40, :60]
    ramp = np.stack([3 * rows, 2 * cols, rows + cols], axis=-1).astype(np.uint8)
    found = covered(ramp, (12, 20, 25, 40), by="inpaint")  # a plane has no curvature at all
    np.testing.assert_allclose(found.astype(int), ramp, atol=1)


def test_it_takes_what_traces_take_and_they_take_it():
    scene = vl.world.scene(7, objects=2)
    found = covered(scene, scene.instance_mask == 1, by="mean")
    trace = vl.load("toy/p32").trace([scene, found])
    assert trace.n_images == 2


def test_what_cannot_be_covered_is_refused(monkeypatch):
    image = noise()
    for box in ((0, 0, 41, 10), (5, 5, 5, 10), (-1, 0, 4, 4), (1, 2, 3), (0.5, 1, 4, 6), "cat", 3):
        with refused(vl.UsageError):
            covered(image, box)
    for mask in (np.zeros((40, 60), bool), np.ones((40, 60), bool), np.ones((4, 6), bool)):
        with refused(vl.UsageError):
            covered(image, mask)
    with refused(vl.UsageError):
        covered(image, np.ones((40, 60)))
    with refused(vl.UsageError):
        covered(image, (0, 0, 4, 4), by="white")
    with refused(vl.UsageError):
        covered("no_such_file.png", (0, 0, 4, 4))
    monkeypatch.setattr("vitlens_widgets.data.covers.MOST_INPAINTED", 10)
    with refused(vl.UsageError):
        covered(image, (0, 0, 4, 4), by="inpaint")
