"""Patches as labels of pixels: enlarged as described, and the IoU is the one defined."""

from __future__ import annotations

import numpy as np
import torch

from vitlens_widgets import world
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels


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
