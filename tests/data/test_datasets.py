"""Data sets: world, ImageNet-S, image folders, sequences; and whose classes are whose."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.imagenet_s import write_imagenet_s
from tests.sentences import refused
from vitlens_widgets.data import Dataset, Examples, ImageFolder, ImageNetS
from vitlens_widgets.data.checksums import of_image
from vitlens_widgets.data.examples import matched
from vitlens_widgets.data.imagenet_s import MERGED
from vitlens_widgets.data.known_sets import imagenet_synsets


class Columned(list):
    """A list of a kind of its own."""


def picture(path, colour=(9, 9, 9), size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def photos(tmp_path):
    for name in ("cat/a.png", "cat/b.JPG", "dog/c.png", "owl/x.webp", "owl/y.png", "owl/z.png"):
        picture(tmp_path / name)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_a_folder_is_read_in_turn(photos):
    data = ImageFolder(photos)
    assert isinstance(data, Dataset)
    assert list(data.labels) == ["cat", "dog", "owl"]
    assert [data[i].label for i in range(data.count)] == [0, 1, 2, 0, 2, 2]
    assert data[3].name.endswith("b.JPG")
    assert data[0].mask is None
    assert ImageFolder(photos, per_class=1).count == 3
    first, rest = ImageFolder(photos, per_class=1), ImageFolder(photos, skip=1)
    files = [{one.source(i) for i in range(len(one))} for one in (first, rest)]
    assert not files[0] & files[1]
    assert len(first) + len(rest) == ImageFolder(photos).count
    labels = vl.LabelSet.of(["owl", "cat, kitty", "dog", "horse"])
    assert [ImageFolder(photos, labels)[i].label for i in range(3)] == [1, 2, 0]


def test_folders_of_synsets_are_imagenets_classes(tmp_path):
    picture(tmp_path / "n02123045" / "a.png")
    picture(tmp_path / "n02085620" / "a.png")
    data = ImageFolder(tmp_path)
    assert [data.labels[data[i].label] for i in range(2)] == ["Chihuahua", "tabby"]


def test_a_folder_is_known_by_its_files_wherever_it_stands(photos, tmp_path_factory):
    first = ImageFolder(photos).identity
    moved = tmp_path_factory.mktemp("moved") / "photos"
    photos.rename(moved)
    assert ImageFolder(moved).identity == first
    picture(moved / "dog" / "d.png")
    assert ImageFolder(moved).identity != first
    data = ImageFolder(moved)
    data.source(3).unlink()
    with refused(vl.UsageError):
        _ = data.identity


class Remote(type(Path())):
    """A path that knows from where it is read."""


ODD = ["a b.png", "ü/\udcff.jpg", "data:image/png;base64,iVBOR", "~/c.gif"]


@pytest.mark.parametrize("kind", [Path, str])
def test_a_list_of_paths_arrives_as_it_was(kind):
    classes = ["cat", 1, None, np.int64(0)]
    items = [(kind(name), label) for name, label in zip(ODD, classes, strict=True)]
    data = Examples(items, ["cat", "dog"], name="odd")
    sent = pickle.loads(pickle.dumps(data))
    assert [(one.image, one.label) for one in map(sent.__getitem__, range(4))] == [
        (one.image, one.label) for one in map(data.__getitem__, range(4))
    ]
    assert type(sent[0].image) is type(items[0][0])
    assert (sent.identity, repr(sent), len(sent)) == (data.identity, repr(data), 4)
    again = pickle.loads(pickle.dumps(sent))
    assert again[3].image == items[3][0]


@pytest.mark.parametrize(
    "items",
    [
        [(Path("a"), 0, np.ones((2, 2), bool))],
        [(Path("a"), 0), ("b", 1)],
        [(np.zeros((2, 2), np.uint8), 0)],
        [("a\0b", 1)],
        Columned([("a", 0)]),
        [(Remote("a"), 0)],
    ],
)
def test_what_is_no_list_of_paths_is_sent_as_it_is(items):
    sent = pickle.loads(pickle.dumps(Examples(items, ["cat", "dog"])))._items
    assert type(sent) is type(items)
    assert len(sent) == len(items)


def test_many_paths_are_light():
    names = [f"/data/train/n{i % 1000:08d}/n{i % 1000:08d}_{i}.JPEG" for i in range(30_000)]
    data = Examples([(Path(name), i % 1000) for i, name in enumerate(names)], "imagenet-1k")
    assert len(pickle.dumps(data)) < 20 * len(names)  # the names alone are 45 letters each


@pytest.mark.parametrize("of", [ImageFolder, ImageNetS])
def test_the_sizes_of_files_are_read_once_by_each_data_set(of, photos, imagenet_s, monkeypatch):
    folder, asked, stat = photos if of is ImageFolder else imagenet_s[0], [], Path.stat

    def listening(path, **words):
        asked.append(path)
        return stat(path, **words)

    data = of(folder)
    monkeypatch.setattr(Path, "stat", listening)
    first = data.identity
    assert len(asked) == data.count
    assert data.identity == first
    assert len(asked) == data.count
    monkeypatch.undo()
    file, twin = data.source(0), pickle.loads(pickle.dumps(data))
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    assert data.identity == first
    assert of(folder).identity != first
    assert twin.identity == of(folder).identity
    file.write_bytes(content)


@pytest.fixture(scope="module")
def imagenet_s(tmp_path_factory):
    """The folders of ImageNet-S-50 with a few images, and masks in its colours."""
    folder = tmp_path_factory.mktemp("ImageNetS50")
    return folder, write_imagenet_s(folder)


def test_imagenet_s_masks_show_the_class_of_the_image(imagenet_s):
    folder, synsets = imagenet_s
    data = ImageNetS(folder)
    assert isinstance(data, Dataset)
    assert data.count == 60
    assert data.has_masks
    for i in (0, 2, 39, 50, 55):
        example = data[i]
        expected = np.zeros((30, 40), bool)
        expected[5:20, 10:30] = True
        assert np.array_equal(example.mask, expected)
        assert list(imagenet_synsets())[example.label] in example.name
    assert [data[i].label for i in range(50)] == [imagenet_synsets()[s] for s in synsets]
    assert matched(data.labels, vl.LabelSet.known("imagenet-1k")) == list(range(1000))


def test_the_papers_subset_has_five_of_each_class_that_has_them(imagenet_s):
    folder, synsets = imagenet_s
    data = ImageNetS.vilas(folder)
    assert data.count == 10
    assert {data[i].label for i in range(10)} == {imagenet_synsets()[synsets[i]] for i in (2, 39)}
    assert data[0].mask.any()  # categories are counted over all classes
    assert len(MERGED) == 10
    everything = ImageNetS(folder, exclude=MERGED)
    assert everything.count == 60 - len(MERGED & set(synsets)) < 60
    assert data.identity != everything.identity


def test_what_is_wrong_with_imagenet_s_is_said(imagenet_s, tmp_path):
    folder, synsets = imagenet_s
    with refused(vl.UsageError):
        ImageNetS(folder, split="test")
    picture(tmp_path / "validation" / synsets[0] / "a.JPEG")
    with refused(vl.UsageError):
        ImageNetS(tmp_path)
    mask = folder / "validation-segmentation" / synsets[5] / "ILSVRC2012_val_0.png"
    whole = mask.read_bytes()
    data = ImageNetS(folder)
    mask.unlink()
    with refused(vl.UsageError):
        data[5]
    Image.new("L", (40, 30)).save(mask)
    with refused(vl.UsageError):
        data[5]
    mask.write_bytes(whole)


def test_the_world_is_an_endless_data_set():
    data = vl.world.Scenes(seed=40, objects=2, size=(64, 96))
    assert isinstance(data, Dataset)
    assert data.count is None
    scene = vl.world.scene(43, objects=2, size=(64, 96))
    example = data[3]
    assert np.array_equal(example.image, scene.image)
    assert data.labels[example.label] == scene.names[0]
    assert np.array_equal(example.mask, scene.instance_mask == 1)
    assert data.identity == vl.world.Scenes(40, 2, (64, 96)).identity
    assert data.identity != vl.world.Scenes(41, 2, (64, 96)).identity
    only = vl.world.Scenes(classes="key")
    assert {only.labels[only[i].label] for i in range(3)} == {"key"}


def test_any_sequence_is_a_data_set():
    items = [("a.png", "dog"), ("b.png", 0)]
    data = Examples(items, ["cat", "dog"], name="two")
    assert [data[i].label for i in range(2)] == [1, 0]
    assert Examples(items, ["cat", "dog"]).identity != data.identity
    assert Examples([("a", "bear")], "cifar100")[0].label == 3


@pytest.mark.parametrize(
    "items",
    [
        [],
        [("image", "bird")],
        [["image", 0]],
        [("image", 0, np.zeros((3, 4)))],
    ],
)
def test_examples_that_cannot_be_used_are_refused(items):
    with refused(vl.UsageError):
        Examples(items, ["cat", "dog"])[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: ImageFolder(folder / "none"),
        lambda folder: ImageFolder(folder / "dog"),
        lambda folder: ImageFolder(folder, ["cat", "dog"]),
        lambda folder: ImageFolder(folder, per_class=0),
        lambda folder: ImageFolder(folder, skip=-1),
    ],
)
def test_folders_that_cannot_be_used_are_refused(photos, make):
    with refused(vl.UsageError):
        make(photos)


def test_classes_are_matched_by_name_never_by_number():
    model = vl.LabelSet.of(["dog", "cat, kitty", "owl"])
    assert matched(vl.LabelSet.of(["kitty", "Owl"]), model) == [1, 2]
    with refused(vl.UsageError):
        matched(vl.LabelSet.of(["dog", "fish"]), model)
    with refused(vl.UsageError):
        matched(vl.LabelSet.of(["dog", "cat"]), vl.LabelSet.numbered(2))
    spelt_out = vl.LabelSet.of(
        [vl.LabelSet.known("imagenet-1k").description(i) for i in range(1000)]
    )
    assert matched(vl.LabelSet.known("imagenet-1k"), spelt_out) == list(range(1000))


def folder_of_all(root, kind):
    """A folder of each kind, and the data set of it."""
    if kind is ImageNetS:
        write_imagenet_s(root)
        return ImageNetS(root, exclude=MERGED, least=1)
    for i in range(3000):
        file = root / ("cat", "owl")[i % 2] / f"a photograph with a long name, number {i}.png"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    return ImageFolder(root, labels=["owl", "dog", "cat"], skip=3)


def known(data):
    """All that an example is, but for where its folder stands."""
    examples = [data[i] for i in range(len(data))]
    return data.identity, [(one.name, one.label, of_image(one.mask)) for one in examples]


@pytest.mark.parametrize("kind", [ImageFolder, ImageNetS])
@pytest.mark.parametrize("place", [".", "photos", "../absolute"])
def test_a_folder_travels_by_how_it_was_listed(tmp_path, monkeypatch, kind, place):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    given = Path(place)
    given.mkdir(exist_ok=True)
    data = folder_of_all(given.resolve() if place[0:2] == ".." else given, kind)
    before, sent = known(data), pickle.dumps(data)
    assert not any(ending in sent for ending in (b".png", b".JPEG"))
    assert len(sent) < 8_000 + len(pickle.dumps(data.labels))
    monkeypatch.chdir(tmp_path)  # a worker may stand elsewhere
    arrived = pickle.loads(sent)
    assert known(arrived) == before
    assert arrived.source(7).is_file()
    assert pickle.loads(pickle.dumps(arrived)).source(7) == arrived.source(7)


@pytest.mark.parametrize("kind", [ImageFolder, ImageNetS])
def test_a_folder_that_changed_on_the_way_is_refused(tmp_path, kind):
    data = folder_of_all(tmp_path, kind)
    sent, first = pickle.dumps(data), data.source(0)
    (first.parent / "notes.txt").write_text("no image")
    assert known(pickle.loads(sent)) == known(data)
    renamed = first.rename(first.with_stem("another name"))
    with refused(vl.UsageError):
        pickle.loads(sent)
    gone = first.parents[len(first.relative_to(tmp_path).parts) - 2]
    renamed.rename(first)
    for file in gone.rglob("*.*"):
        file.unlink()
    with refused(vl.UsageError):
        pickle.loads(sent)
    gone.rename(tmp_path / ".hidden")
    for other in tmp_path.glob("[!.]*"):
        shutil.rmtree(other)
    with refused(vl.UsageError):
        pickle.loads(sent)
