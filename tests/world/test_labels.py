"""What masks say of a scene, and the marks that the world's scores are read by."""

from __future__ import annotations

import numpy as np
import torch

from vitlens_widgets import world
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.world.labels import label_shares, present_classes


def test_label_shares_counts_the_pixels_of_each_patch():
    masks = np.stack([world.scene(seed, 2, size=56).class_mask for seed in (1, 2, 3)])
    coverage = label_shares(masks, (7, 7))
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
        given = pixel_labels(torch.from_numpy(label_shares(masks, (7, 7))), (7, 7), (112, 112))
        nothing = np.mean([mean_iou(np.full_like(m, world.BACKGROUND), m) for m in masks])
        shares = np.mean([mean_iou(g, m) for g, m in zip(given, masks, strict=True)])
        assert abs(nothing - all_background) < 0.02
        assert abs(shares - exact_shares) < 0.02
