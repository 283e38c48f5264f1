"""CIFAR-100: the binary file's bytes, and which of its images the paper takes."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.data import CIFAR100, Dataset


@pytest.fixture(scope="module")
def images():
    """Seven images of each class, all mixed: pixels `[image, 32, 32, 3]` and classes."""
    rng = np.random.default_rng(0)
    classes = rng.permutation(np.repeat(np.arange(100), 7))
    return rng.integers(0, 256, (700, 32, 32, 3), dtype=np.uint8), classes


@pytest.fixture(scope="module")
def binary(images, tmp_path_factory):
    """As its authors describe the file: coarse class, class, then 1024 bytes of each channel."""
    file = tmp_path_factory.mktemp("cifar") / "test.bin"
    with file.open("wb") as out:
        for pixels, label in zip(*images, strict=True):
            out.write(bytes([label // 5, label]))
            for channel in range(3):
                out.write(pixels[:, :, channel].tobytes())
    return file


class Sequence(list):
    """As torchvision's: items, and their classes in a list."""


def test_the_papers_subset_is_the_first_five_of_each_class(images, binary):
    pixels, classes = images
    data = CIFAR100.vilas(binary)
    assert isinstance(data, Dataset)
    assert data.labels == vl.LabelSet.known("cifar100")
    assert (data.count, data.has_masks) == (500, False)
    for label in (0, 1, 57, 99):
        expected = [pixels[i] for i in range(700) if classes[i] == label][:5]
        found = [data[i] for i in range(500) if data[i].label == label]
        assert len(found) == 5
        for one, image in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.image, image)
    assert [data[i].label for i in range(100)] == list(range(100))
    assert CIFAR100(binary).count == 700


def test_a_sequence_is_the_same_data_set(images, binary):
    items = Sequence(zip(*images, strict=True))
    listed = CIFAR100.vilas(items)
    items.targets = images[1].tolist()
    for data in (listed, CIFAR100.vilas(items)):
        assert data.identity == CIFAR100.vilas(binary).identity
        assert data[123].name == CIFAR100.vilas(binary)[123].name
    assert CIFAR100(items, per_class=4).identity != listed.identity


def test_a_model_of_its_classes_runs_on_it(binary):
    from tests.small_models import timm_model

    vit = vl.load(timm_model("CLS", num_classes=100), labels="cifar100")
    found = vl.analysis.identifiability(vit, CIFAR100.vilas(binary), n_images=4)
    assert found.n_images == 4


def test_what_is_not_cifar100_is_refused(tmp_path, images):
    (tmp_path / "short.bin").write_bytes(bytes(3000))
    (tmp_path / "other.bin").write_bytes(bytes([0, 100]) + bytes(3072))
    for source in [
        tmp_path / "none.bin",
        tmp_path / "short.bin",
        tmp_path / "other.bin",
        3,
        [],
        [(images[0][0], "cat")],
        [(images[0][0], 100)],
        [images[0][0][0]],
        [7],
    ]:
        with refused(vl.UsageError):
            CIFAR100(source)
    with refused(vl.UsageError):
        CIFAR100([(images[0][0], 1)], per_class=0)
