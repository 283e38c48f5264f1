"""Label sets: unique names, indices both ways, and sentences for what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sentences import refused
from vitlens_widgets import world
from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError

SIZES = {
    "imagenet-1k": 1000,
    "imagenet-12k": 11821,
    "imagenet-21k": 21843,
    "imagenet-21k-goog": 21843,
    "imagenet-21k-miil": 11221,
    "imagenet-22k": 21841,
    "imagenet-22k-ms": 21842,
    "cifar10": 10,
    "cifar100": 100,
    "world": 17,
}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_a_known_set_has_its_size_and_unique_names(name, size):
    labels = LabelSet.known(name)
    assert labels.name == name
    assert len(labels) == size
    assert len({label.casefold() for label in labels}) == size
    assert len(labels.emoji) == size


def test_the_world_is_named_as_it_is_drawn():
    assert LabelSet.known("world")[:] == tuple(world.LABELS)


def test_imagenet_names_are_the_first_synonym():
    labels = LabelSet.known("ImageNet1k")
    assert labels[0] == "tench"
    assert labels.description(0) == "tench, Tinca tinca"
    assert labels[999] == "toilet tissue"
    assert labels[207] == "golden retriever"


def test_classes_that_share_a_name_keep_more_of_their_description():
    labels = LabelSet.known("imagenet-1k")
    assert labels[134].startswith("crane (")
    assert labels[517].startswith("crane (")
    assert labels[639] == "maillot, tank suit"
    assert labels[264] == "Cardigan, Cardigan Welsh corgi"  # 474 is the garment
    assert labels[474] == "cardigan"


def test_equal_names_are_told_apart_by_their_index():
    assert list(LabelSet.of(["a", "b", "A", "", ""])) == ["a (0)", "b", "A (2)", " (3)", " (4)"]


def test_a_name_added_to_tell_two_apart_does_not_collide_with_a_third():
    labels = LabelSet.of(["crane, bird", "crane, machine", "Crane, Bird"])
    assert len({label.casefold() for label in labels}) == 3


def test_a_shared_city_keeps_its_state():
    labels = LabelSet.of(["Paris, Texas", "Rome, Italy", "Paris, France"])
    assert list(labels) == ["Paris, Texas", "Rome", "Paris, France"]


def test_index_takes_names_synonyms_and_numbers():
    labels = LabelSet.known("imagenet-1k")
    for target in ("Golden Retriever", "golden_retriever", 207, np.int64(207)):
        assert labels.index(target) == 207
    assert labels.index("puma") == labels.index("cougar") == 286
    assert labels.index("tench, Tinca tinca") == 0
    assert LabelSet.known("cifar100").index("aquarium_fish") == 1


def test_every_name_finds_its_own_class():
    for labels in (LabelSet.known("imagenet-21k"), LabelSet.known("imagenet-12k")):
        assert [labels.index(label) for label in labels] == list(range(len(labels)))


def test_an_unknown_name_is_answered_with_the_nearest():
    with refused(UsageError):
        LabelSet.known("imagenet-1k").index("goldenretreiver")
    with refused(UsageError):
        LabelSet.of(["a", "b"]).index("zzz")


def test_a_synonym_of_several_classes_asks_which():
    labels = LabelSet.known("imagenet-1k")
    with refused(UsageError):
        labels.index("crane")


@pytest.mark.parametrize("target", [-1, 10, np.int32(10)])
def test_an_index_outside_is_answered_with_the_range(target):
    with refused(UsageError):
        LabelSet.known("cifar10").index(target)


@pytest.mark.parametrize("target", [True, 1.0, None, b"cat"])
def test_a_target_of_another_type_is_refused(target):
    with refused(UsageError):
        LabelSet.known("cifar10").index(target)


def test_matches_puts_beginnings_first():
    labels = LabelSet.of(["sea lion", "lion", "tiger", "lionfish"])
    assert labels.matches("LION") == [1, 3, 0]
    assert labels.matches("xyz") == []


def test_numbered_names_its_classes():
    labels = LabelSet.numbered(12)
    assert (labels[0], labels[11], len(labels)) == ("class 0", "class 11", 12)
    assert set(labels.emoji) == {""}


def test_a_label_set_is_an_immutable_sequence():
    labels = LabelSet.of(["cat", "dog", "boat"], name="mine")
    assert labels[1:] == ("dog", "boat")
    assert labels[-1] == "boat"
    assert "dog" in labels
    assert "cow" not in labels
    assert labels == LabelSet.of(["cat", "dog", "boat"], name="mine")
    assert labels != LabelSet.of(["cat", "dog", "ship"], name="mine")
    assert len({labels, LabelSet.of(["cat", "dog", "boat"], name="mine")}) == 1
    assert repr(labels) == "LabelSet('mine', 3 classes: cat, dog, boat)"
    with pytest.raises(AttributeError):
        labels.name = "other"


def test_an_unknown_set_is_answered_with_the_nearest():
    with refused(UsageError):
        LabelSet.known("imagenet-2k")


@pytest.mark.parametrize(
    "names",
    [
        [],
        "cat",
        ["cat", 3],
    ],
)
def test_wrong_labels_are_refused(names):
    with refused(UsageError):
        LabelSet.of(names)
