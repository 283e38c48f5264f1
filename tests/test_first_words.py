"""What a newcomer meets first: objects that say what they are, warnings at one's own line."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
import timm

import vitlens_widgets as vl
from tests.sentences import refused


def public_classes():
    rooms = [vl, vl.analysis, vl.analysis.heads, vl.charts, vl.data, vl.world, vl.edits]
    every = [getattr(room, name) for room in rooms for name in dir(room) if name[0] != "_"]
    return {one for one in every if inspect.isclass(one) and "vitlens" in one.__module__}


def test_every_public_class_says_what_its_objects_are():
    classes = public_classes()
    assert len(classes) > 25
    bare = sorted(
        one.__name__
        for one in classes
        if one.__repr__ is object.__repr__ and not getattr(one, "_is_protocol", False)
    )
    assert bare == []


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=2).eval())


def test_objects_say_which_model_they_are_of(vit):
    trace = vit.trace(np.zeros((224, 224, 3), np.uint8))
    for one, kind in (
        (vl.LogitLens(vit), "LogitLens"),
        (vl.FrozenNormLens(vit), "FrozenNormLens"),
        (vl.analysis.Maps(trace), "Maps"),
        (vit.adapter, "TimmViT"),
        (vl.LogitLens(vit).read(trace), "Reading"),
        (vl.GivenReading(np.zeros((1, 16, 2))), "GivenReading"),
    ):
        assert repr(one).startswith(f"{kind}(")
        assert len(repr(one)) < 200
    assert repr(vl.LogitLens(vit)) == f"LogitLens({vit.name})"
    assert "2 layers x 3 heads, 197 tokens, 1 image" in repr(vl.analysis.Maps(trace))


def test_a_warning_points_at_the_users_own_line(vit):
    long = np.zeros((60, 900, 3), np.uint8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vit.trace(long)
        vl.explore(vit, long)
        here = inspect.currentframe().f_lineno
    cropped = [one for one in caught if "model sees only" in str(one.message)]
    assert {one.filename for one in cropped} == {__file__}
    assert [one.lineno for one in cropped] == [here - 2, here - 1]


def test_a_scene_is_traced_as_its_image_is():
    vit, scene = vl.load("toy/p32"), vl.world.scene(seed=7, objects=2)
    one, two = vit.trace(scene), vit.trace([scene, scene.image])
    np.testing.assert_array_equal(one.pictures[0], vit.trace(scene.image).pictures[0])
    np.testing.assert_array_equal(two.pictures[0], two.pictures[1])
    assert vl.read_image(scene).size == (224, 224)


def test_a_home_is_looked_up(tmp_path, monkeypatch, vit):
    monkeypatch.setenv("HOME", str(tmp_path))
    vl.read_image(np.full((40, 60, 3), 9, np.uint8)).save(tmp_path / "cat.png")
    assert vl.read_image("~/cat.png").size == (60, 40)
    assert vit.trace(["~/cat.png"]).n_images == 1


def test_misspelt_arguments_and_tables_in_place_of_runs_are_refused(tmp_path):
    vit, data = vl.load("toy/p32"), vl.world.Scenes()
    for words in ({"n_image": 2}, {"savet_to": "a"}, {"save_to": tmp_path / "run.csv"}):
        with refused(vl.UsageError):
            vl.analysis.identifiability(vit, data, **{"n_images": 1, **words})
    reading = vl.LogitLens(vit).read(vit.trace(vl.world.scene(seed=1).image))
    for make in (
        lambda: vl.PatchGrid(reading, imag=0),
        lambda: vl.explore(vit, vl.world.scene(seed=1), mea=vit),
        lambda: vl.load("my-vit"),
    ):
        with refused(vl.UsageError):
            make()
    assert list(tmp_path.iterdir()) == []
