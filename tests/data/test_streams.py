"""Experiments read tables of Hugging Face, DataLoaders and what comes one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import vitlens_widgets as vl
from tests.data import hugging_face
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import identifiability
from vitlens_widgets.data import Dataset, Examples, Streamed

LABELS = ["cat", "dog"]
RNG = np.random.default_rng(0)
IMAGES = list(RNG.integers(0, 256, (6, 48, 80, 3), dtype=np.uint8))
CLASSES = [0, 1, 1, 0, 1, 0]
FEATURES = {"image": hugging_face.Image(), "label": hugging_face.ClassLabel(LABELS)}
COLUMNS = {"image": IMAGES, "label": CLASSES}
ROWS = [{"image": i, "label": c} for i, c in zip(IMAGES, CLASSES, strict=True)]


@pytest.fixture(scope="module")
def vit():
    """A small model of two classes."""
    return vl.load(timm_model("CLS", num_classes=2), labels=LABELS)


class Tensors(torch.utils.data.Dataset):
    """As torchvision's: a class list, and tensors whose channels come first."""

    classes = LABELS

    def __getitem__(self, i):
        return torch.from_numpy(IMAGES[i]).permute(2, 0, 1).float() / 255, CLASSES[i]

    def __len__(self):
        return len(IMAGES)


SOURCES = {
    "a table of Hugging Face": lambda: Examples(hugging_face.Dataset(FEATURES, COLUMNS)),
    "its rows": lambda: Examples(ROWS, LABELS),
    "a data set of torchvision": lambda: Examples(Tensors()),
    "an iterable one": lambda: Streamed(hugging_face.IterableDataset(FEATURES, COLUMNS), count=6),
    "a DataLoader": lambda: Streamed(DataLoader(Tensors(), batch_size=4), count=6),
    "tuples": lambda: Streamed(list(zip(IMAGES, CLASSES, strict=True)), LABELS, count=6),
}


def numbers(found):
    return found.table().iloc[:, 1:4].to_numpy(float)


@pytest.mark.parametrize("source", SOURCES)
def test_an_experiment_reads_the_same_from_each(source, vit):
    expected = identifiability(vit, Examples(list(zip(IMAGES, CLASSES, strict=True)), LABELS))
    data = SOURCES[source]()
    assert isinstance(data, Dataset)
    assert list(data.labels) == LABELS
    found = identifiability(vit, data, batch_size=4)
    assert found.n_images == 6
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-5)


def test_a_run_over_a_stream_goes_on(vit, tmp_path):
    whole = identifiability(vit, SOURCES["a DataLoader"]())
    words = {"batch_size": 2, "save_to": tmp_path / "run.npz"}
    identifiability(vit, SOURCES["a DataLoader"](), n_images=2, **words)
    again = identifiability(vit, SOURCES["a DataLoader"](), **words)
    np.testing.assert_allclose(numbers(again), numbers(whole), rtol=1e-5)


def test_a_stream_is_read_in_any_order_and_ends_where_it_ends():
    data = SOURCES["an iterable one"]()
    assert [data[i].label for i in (3, 0, 1, 5)] == [CLASSES[i] for i in (3, 0, 1, 5)]
    longer = Streamed(hugging_face.IterableDataset(FEATURES, COLUMNS), count=9, name="mine")
    with refused(vl.UsageError):
        longer[7]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Streamed(DataLoader(Tensors(), shuffle=True), count=6),
        lambda: Streamed(iter([]), LABELS, count=6),
        lambda: Streamed([(IMAGES[0], 0)], LABELS, count=0),
        lambda: Streamed([(IMAGES[0], 0)], count=1),
        lambda: Streamed(3, LABELS, count=1),
        lambda: Streamed([3], LABELS, count=1)[0],
        lambda: Examples([(IMAGES[0], 0)]),
        lambda: Examples([{"image": IMAGES[0]}], LABELS),
        lambda: Examples([{"label": 0}], LABELS),
    ],
)
def test_what_cannot_be_read_so_is_refused(make):
    with refused(vl.UsageError):
        make()


def test_several_columns_of_classes_are_not_guessed_among():
    features = FEATURES | {"coarse": hugging_face.ClassLabel(["animal"])}
    data = hugging_face.Dataset(features, COLUMNS | {"coarse": [0] * 6})
    with refused(vl.UsageError):
        Examples(data)


def test_a_loader_given_to_an_experiment_is_told_what_to_do(vit):
    with refused(vl.UsageError):
        identifiability(vit, DataLoader(Tensors()))
