"""Data sets of a user's own, and folders as they are found: what is taken and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import ExifTags, Image

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import class_and_context, class_similarity_change, identifiability
from vitlens_widgets.data import Example, ImageFolder, ImageNetS
from vitlens_widgets.data.imagenet_s import MERGED
from vitlens_widgets.data.known_sets import imagenet_synsets

IMAGE = np.zeros((50, 60, 3), np.uint8)
MASK = np.arange(3000).reshape(50, 60) % 7 == 0


class Own:
    """A data set that is not one of the package's."""

    has_masks, identity = True, {"own": 1}

    def __init__(self, vit, *items, has_masks=True):
        self.labels, self._items, self.count = vit.labels, items, len(items)
        self.has_masks = has_masks

    def __getitem__(self, number):
        return self._items[number]

    def __repr__(self):
        return "Own()"


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.mark.parametrize(
    "example",
    [
        (IMAGE, 3),
        Example(IMAGE, -1, MASK),
        Example(IMAGE, 11, MASK, "eleven"),
        Example(IMAGE, "cat", MASK),
        Example(IMAGE, 1.5, MASK),
        Example(IMAGE, 3, None, "bare"),
        Example(IMAGE, 3, MASK.astype(np.uint8), "grey"),
        Example(IMAGE, 3, MASK[..., None], "deep"),
        Example(IMAGE, 3, MASK.T, "turned"),
        Example(np.full((5, 6, 3), np.nan), 3, MASK, "nan"),
    ],
)
@pytest.mark.parametrize("experiment", [class_and_context, class_similarity_change])
def test_examples_that_would_give_wrong_numbers_are_refused(vit, experiment, example):
    good = Example(IMAGE, np.int64(3), MASK)
    assert experiment(vit, Own(vit, good)).n_images == 1
    with refused(vl.UsageError):
        experiment(vit, Own(vit, example))


def test_masks_may_be_tensors_and_of_another_size_of_the_same_aspect(vit):
    whole = class_and_context(vit, Own(vit, Example(IMAGE, 3, MASK)), remove=False)
    for mask in (torch.from_numpy(MASK), np.kron(MASK, np.ones((2, 2), bool))):
        found = class_and_context(vit, Own(vit, Example(IMAGE, 3, mask)), remove=False)
        np.testing.assert_array_equal(found.counts, whole.counts)
    rounded = Example(np.zeros((375, 500, 3), np.uint8), 3, np.zeros((224, 299), bool))
    assert class_and_context(vit, Own(vit, rounded), remove=False).n_images == 1


@pytest.mark.parametrize("name", ["identifiability", "key_value_agreement", "perturbation_test"])
def test_a_data_set_without_examples_is_refused(vit, name):
    with refused(vl.UsageError):
        getattr(vl.analysis, name)(vit, Own(vit))


@pytest.mark.parametrize("given", [3, ["run.npz"]])
def test_a_run_is_saved_to_a_path(vit, given):
    data = Own(vit, Example(IMAGE, 3, MASK))
    with refused(vl.UsageError):
        identifiability(vit, data, save_to=given)


def test_files_that_only_look_like_a_run_are_refused(vit, tmp_path):
    data = Own(vit, Example(IMAGE, 3, MASK))
    np.savez(tmp_path / "run.npz", about="3", done=1)
    with refused(vl.UsageError):
        identifiability(vit, data, save_to=tmp_path / "run.npz")


def test_a_damaged_image_is_named_and_hidden_files_are_no_images(tmp_path):
    for name in ("cat/a.png", "dog/b.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(IMAGE).save(tmp_path / name)
    (tmp_path / "dog" / "._b.png").write_bytes(b"what macOS leaves")
    data = ImageFolder(tmp_path)
    assert [data[i].name for i in range(data.count)] == ["cat/a.png", "dog/b.png"]
    vit = vl.load(timm_model("CLS", num_classes=2), labels=["cat", "dog"])
    assert identifiability(vit, data).n_images == 2
    (tmp_path / "dog" / "b.png").write_bytes(b"no picture")
    with refused(vl.UsageError):
        identifiability(vit, data)
    for count in ("3", 2.5, 0):
        with refused(vl.UsageError):
            ImageFolder(tmp_path, per_class=count)


def test_categories_above_255_are_in_the_green_channel_too(tmp_path):
    synsets = sorted(imagenet_synsets())[:300]
    for synset in synsets:
        (tmp_path / "validation" / synset).mkdir(parents=True)
    Image.fromarray(IMAGE).save(tmp_path / "validation" / synsets[298] / "a.png")
    ids = np.zeros((50, 60), int)
    ids[:10], ids[10:20], ids[20:30] = 299, 299 - 256, 1000
    mask = tmp_path / "validation-segmentation" / synsets[298] / "a.png"
    mask.parent.mkdir(parents=True)
    Image.fromarray(np.stack([ids % 256, ids // 256, 0 * ids], -1).astype(np.uint8)).save(mask)
    expected = np.zeros((50, 60), bool)
    expected[:10] = True
    np.testing.assert_array_equal(ImageNetS(tmp_path)[0].mask, expected)


def test_the_papers_ten_synsets_are_left_out():
    """As the authors' code lists them."""
    listed = (
        "n04356056 n04355933 n04493381 n02808440 n03642806 n03832673 n04008634 n03773504 "
        "n03887697 n15075141"
    )
    assert set(listed.split()) == MERGED <= set(imagenet_synsets())


def test_imagenet_s_is_read_as_it_is_stored_so_that_masks_fit(tmp_path):
    """A camera's note to turn a picture is followed neither by the paper nor by the masks."""
    synsets = sorted(imagenet_synsets())[:50]
    for synset in synsets:
        (tmp_path / "validation" / synset).mkdir(parents=True)
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[:, :9] = 255
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = tmp_path / "validation" / synsets[4] / "a.JPEG"
    Image.fromarray(picture).save(image, quality=95, exif=exif)
    ids = np.zeros((30, 40, 3), np.uint8)
    ids[:, :9, 0] = 5  # the fifth category
    mask = tmp_path / "validation-segmentation" / synsets[4] / "a.png"
    mask.parent.mkdir(parents=True)
    Image.fromarray(ids).save(mask)
    assert vl.read_image(image).size == (30, 40)  # as a user would see it
    example = ImageNetS(tmp_path)[0]
    seen = np.asarray(vl.read_image(example.image))
    assert seen.shape == (30, 40, 3)
    np.testing.assert_array_equal(seen[..., 0] > 127, example.mask)
    assert ImageNetS.vilas(tmp_path, per_class=1).count == 1
    image.write_bytes(b"no picture")
    with refused(vl.UsageError):
        vl.read_image(ImageNetS(tmp_path)[0].image)


def test_photographs_of_no_known_class_need_no_names_and_say_so(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        Image.fromarray(IMAGE).save(path)
    photos = vl.data.Examples([(path, None) for path in paths], name="photos")
    assert repr(photos) == "Examples(photos: 2 images, classes unknown)"
    assert photos[1].image == paths[1]
    named = vl.data.Examples([(path, None) for path in paths], ["a", "b"], name="photos")
    assert repr(named) == "Examples(photos: 2 images, 2 classes)"
    with refused(vl.UsageError):
        vl.data.Examples([str(path) for path in paths])
    with refused(vl.UsageError):
        ImageFolder(tmp_path)


def test_a_folder_of_classes_is_read_as_torchvision_reads_it(tmp_path):
    cats = ["cat/b.PPM", "cat/old/a.png", "cat/old/older/c.pgm", "cat/z.webp"]
    names = [*cats, "dog/a.jpeg", "dog/b.tif"]
    for name in [*names, "dog/.hidden/d.png"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGE).convert("L" if name.endswith("pgm") else "RGB").save(tmp_path / name)
    ours = ImageFolder(tmp_path)
    theirs = torchvision.datasets.ImageFolder(tmp_path).samples
    theirs = [(Path(file), label) for file, label in theirs if ".hidden" not in file]
    for label in (0, 1):
        found = [ours[i].image for i in range(ours.count) if ours[i].label == label]
        assert found == [file for file, of in theirs if of == label]
    assert list(ours.labels) == ["cat", "dog"]


def test_images_that_are_left_out_are_said(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.fromarray(IMAGE).save(tmp_path / "cat" / "a.png")
    (tmp_path / "cat" / "b.heic").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"1 file of .* left out, such as cat.b\.heic"):
        assert ImageFolder(tmp_path).count == 1
