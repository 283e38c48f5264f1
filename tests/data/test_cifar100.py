"""CIFAR-100: the binary file's bytes, and which of its images the paper takes."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
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
    for source, sentence in [
        (tmp_path / "none.bin", "There is no file .*torchvision"),
        (tmp_path / "short.bin", "has 3074 bytes for each image, and this one 3000"),
        (tmp_path / "other.bin", "has a class 100"),
        (3, "sequence of .image, class., not an int"),
        ([], "not a list"),
        ([(images[0][0], "cat")], "with a class from 0 to 99"),
        ([(images[0][0], 100)], "with a class from 0 to 99"),
        ([images[0][0][0]], "with a class from 0 to 99"),
        ([7], "with a class from 0 to 99"),
    ]:
        with pytest.raises(vl.UsageError, match=sentence):
            CIFAR100(source)
    with pytest.raises(vl.UsageError, match="per_class must be 1"):
        CIFAR100([(images[0][0], 1)], per_class=0)
