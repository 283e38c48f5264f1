"""Classes of one vector are held against the same classes dealt among the vectors."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.analysis.value_vectors.kin import kinship_test
from vitlens_widgets.data import Kinship

KINDS = {c: [kind] for kind, classes in {"x": "abc", "y": "def"}.items() for c in classes}
KINDS |= {"x": ["top"], "y": ["top"]}
TREE = Kinship([*"abcdef", None], KINDS)
KIN = np.array([[0, 1], [1, 2], [2, 0], [3, 4], [4, 5], [5, 3]] * 5)


def test_kin_are_nearer_than_dealt_classes():
    found = kinship_test(KIN, TREE)
    assert found.similarity == pytest.approx(1 / 3)  # two steps: up to the kind, and down
    assert found.shuffled < found.similarity
    assert found.p == pytest.approx(1 / 301)


def test_strangers_are_further_than_dealt_classes():
    strangers = np.array([[0, 3], [1, 4], [2, 5], [3, 0], [4, 1], [5, 2]] * 5)
    found = kinship_test(strangers, TREE)
    assert found.similarity == pytest.approx(1 / 5)
    assert found.p > 0.95


def test_the_mean_of_the_deals_is_that_of_all_pairs_of_two_classes():
    """Each class stands equally often on both sides, so that a deal pairs all with all."""
    expected = np.mean([TREE.similarity(a, b) for a in range(6) for b in range(6) if a != b])
    assert kinship_test(KIN, TREE, n_random=4000).shuffled == pytest.approx(expected, abs=0.005)


def test_what_stands_nowhere_in_the_tree_does_not_count():
    with_background = np.concatenate([KIN, [[6, 0], [1, 6]]])
    assert kinship_test(with_background, TREE) == kinship_test(KIN, TREE)
    with refused(vl.UsageError):
        kinship_test(np.array([[6, 0]]), TREE)


def test_value_vectors_take_the_world_s_tree():
    stored = vl.analysis.value_vectors(vl.load("toy/p32"), 4)
    tree = Kinship.of(stored.labels)
    assert stored.kinship_test() == kinship_test(stored.top_classes[:, :2], tree)
