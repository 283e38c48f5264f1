"""The IoU is the one its description defines, and the world has the marks it names."""

from __future__ import annotations

import numpy as np
import torch

from vitlens_widgets import world
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.world.truth import patch_coverage, present_classes


def iou_by_sets(given: np.ndarray, truth: np.ndarray) -> float:
    scores = []
    for label in set(truth.ravel().tolist()):
        mine = {i for i, value in enumerate(given.ravel()) if value == label}
        true = {i for i, value in enumerate(truth.ravel()) if value == label}
        scores.append(len(mine & true) / len(mine | true))
    return sum(scores) / len(scores)


def test_mean_iou_agrees_with_sets_of_pixels():
    rng = np.random.default_rng(4)
    for _ in range(10):
        truth = rng.integers(0, 4, (5, 7))
        given = np.where(rng.random((5, 7)) < 0.6, truth, rng.integers(0, 6, (5, 7)))
        assert np.isclose(mean_iou(given, truth), iou_by_sets(given, truth))


def test_mean_iou_of_the_truth_is_one_and_of_nothing_right_is_zero():
    truth = world.scene(3, objects=2, size=48).class_mask
    assert mean_iou(truth, truth) == 1
    assert mean_iou(np.full_like(truth, 99), truth) == 0


def test_a_wrong_answer_costs_the_label_whose_pixels_it_takes():
    truth = np.array([[0, 0, 0, 0, 1, 1]])
    given = np.array([[0, 0, 5, 0, 1, 1]])
    assert np.isclose(mean_iou(given, truth), (3 / 4 + 1) / 2)


def cubic(distance: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Keys' cubic convolution kernel."""
    x = np.abs(distance)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def enlarging(cells: int, pixels: int) -> np.ndarray:
    """Weights `[pixels, cells]`; beyond the rim the outermost cells repeat."""
    at = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    weights = np.zeros((pixels, cells))
    for tap in range(-2, cells + 2):
        weights[:, np.clip(tap, 0, cells - 1)] += cubic(at - tap)
    return weights


def test_pixels_take_the_most_probable_label_of_the_bicubic_enlargement():
    rows, columns, height, width = 3, 5, 31, 40
    chances = np.random.default_rng(6).dirichlet(np.ones(4), size=(2, rows * columns))
    maps = chances.reshape(2, rows, columns, 4)
    enlarged = np.einsum(
        "yr,ircl,xc->iyxl", enlarging(rows, height), maps, enlarging(columns, width)
    )
    found = pixel_labels(torch.tensor(chances), (rows, columns), (height, width))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, enlarged.argmax(axis=-1))


def test_a_thousand_labels_do_not_wrap():
    named = np.array([[999, 3], [256, 255]])
    chances = torch.nn.functional.one_hot(torch.tensor(named.reshape(1, 4)), 1000).float()
    found = pixel_labels(chances, (2, 2), (8, 6))
    np.testing.assert_array_equal(found[0], named.repeat(4, axis=0).repeat(3, axis=1))


def test_patch_coverage_counts_the_pixels_of_each_patch():
    masks = np.stack([world.scene(seed, 2, size=56).class_mask for seed in (1, 2, 3)])
    coverage = patch_coverage(masks, 7)
    assert coverage.shape == (3, 49, 17)
    for row, column in ((0, 0), (3, 2), (6, 6), (2, 5)):
        patch = masks[1, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        counts = [np.mean(patch == label) for label in range(17)]
        np.testing.assert_allclose(coverage[1, 7 * row + column], counts)
    np.testing.assert_allclose(coverage.sum(axis=-1), 1, rtol=1e-6)


def test_present_classes_are_those_of_the_mask():
    scenes = [world.scene(seed, objects=1 + seed % 3, size=64) for seed in range(6)]
    present = present_classes(np.stack([s.class_mask for s in scenes]))
    for scene, row in zip(scenes, present, strict=True):
        assert {world.CLASSES[i] for i in np.flatnonzero(row)} == set(scene.names)


def test_the_world_has_the_marks_that_scores_are_read_by():
    for objects, all_background, exact_shares in ((1, 0.39, 0.86), (2, 0.265, 0.78)):
        masks = np.stack([world.scene(s, objects, size=112).class_mask for s in range(150)])
        given = pixel_labels(torch.from_numpy(patch_coverage(masks, 7)), (7, 7), (112, 112))
        nothing = np.mean([mean_iou(np.full_like(m, world.BACKGROUND), m) for m in masks])
        shares = np.mean([mean_iou(g, m) for g, m in zip(given, masks, strict=True)])
        assert abs(nothing - all_background) < 0.02
        assert abs(shares - exact_shares) < 0.02
