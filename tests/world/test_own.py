"""`world.train`: from a call to a model that loads anywhere, whatever happens in between."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets import world
from vitlens_widgets.world import own
from vitlens_widgets.world.training.classify import LOSSES, Classify

TINY = {"layers": 2, "width": 16, "heads": 2, "images": 192, "progress": False}


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch, tmp_path):
    """Measure on few scenes, and write where nothing else is."""
    monkeypatch.setattr(own, "SCENES", 4)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("attention_only", [False, True])
def test_what_it_gives_is_loaded_and_read_like_any_model(attention_only):
    mine = world.train("my-vit", **TINY, attention_only=attention_only)
    vit = vl.load(mine)
    assert (vit.name, vit.n_layers, vit.n_heads, vit.width) == ("my-vit", 2, 2, 16)
    assert vit.labels == vl.LabelSet.known("world")
    assert vit.preprocessing.size == (224, 224)
    assert vit.preprocessing.mean == vit.preprocessing.std == (0.5, 0.5, 0.5)
    trace = vit.trace(world.scene(3).image)
    logits = vl.LogitLens(vit).read(trace).readout.logits(2)
    torch.testing.assert_close(logits, trace.logits, rtol=1e-5, atol=1e-5)
    assert ("mlp_out" in vit.adapter.hook_points(0)) is not attention_only


def test_a_fresh_interpreter_loads_it_by_its_folder_and_by_its_file():
    mine = world.train("models/my.vit", **TINY)
    image = world.scene(5).image
    expected = vl.load(mine).trace(image).logits[0].tolist()
    code = """
import json, sys
import vitlens_widgets as vl
vits = [vl.load(source) for source in sys.argv[1:]]
image = vl.world.scene(5).image
print(json.dumps([[vit.name, vit.trace(image).logits[0].tolist()] for vit in vits]))
"""
    line = [sys.executable, "-c", code, "models/my.vit", "models/my.vit/model.safetensors"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    for name, found in json.loads(done.stdout):
        assert name == "my.vit"
        assert found == pytest.approx(expected, abs=1e-5)


def test_it_shows_what_it_is_what_it_does_and_how_to_load_it():
    mine = world.train("my-vit", **TINY, goal="patches", seed=3)
    accuracy = mine.card.measured.accuracy[1][-1]
    call = "goal='patches', layers=2, width=16, heads=2, images=192, seed=3, attention_only=False)"
    for text in (repr(mine), mine._repr_markdown_()):
        assert f"accuracy {accuracy:.3f} with one object" in text
        assert "Trained from the exact masks" in text
        assert f"vl.world.train('my-vit', {call}" in text
        assert 'vl.load("my-vit")' in text
    assert repr(world.card("my-vit")) == repr(mine.card)
    assert mine.card.measured.images == 192


def test_an_interrupted_call_goes_on_and_ends_with_the_same_weights(monkeypatch):
    whole = world.train("whole", **TINY)
    loss, steps = LOSSES["class"], iter(range(3))

    def interrupted(*given: object) -> torch.Tensor:
        if next(steps) == 1:
            raise KeyboardInterrupt
        return loss(*given)

    with monkeypatch.context() as patched:
        patched.setitem(LOSSES, "class", interrupted)
        with pytest.raises(KeyboardInterrupt, match="Stopped; the same call goes on"):
            world.train("cut", **TINY)
    saved = torch.load("cut/model.checkpoint", weights_only=True)
    assert saved["done"] == 1
    for ask in (vl.load, world.card):
        with refused(vl.UsageError):
            ask("cut")
    cut = world.train("cut", **TINY)
    ours, theirs = load_file(whole.path), load_file(cut.path)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert whole.card.measured == cut.card.measured


def test_the_same_call_gives_the_same_model_again_without_learning(monkeypatch):
    first = world.train("my-vit", **TINY)
    monkeypatch.setitem(LOSSES, "class", None)  # not to be called
    again = world.train("my-vit", **TINY)
    assert again.card.measured == first.card.measured
    Path("my-vit/model.json").unlink()  # as if stopped while it was measured
    with refused(vl.UsageError):
        world.card("my-vit")


def test_a_time_asked_of_a_finished_model_is_answered_with_a_line(capsys):
    world.train("my-vit", **TINY)
    assert capsys.readouterr().out == ""
    world.train("my-vit", **{**TINY, "images": None, "minutes": 5, "progress": True})
    assert "my-vit was trained already; for another model" in capsys.readouterr().out


def test_minutes_become_images_and_an_interrupted_call_keeps_them(monkeypatch):
    monkeypatch.setattr(own, "_seconds_per_batch", lambda *_: 0.5)
    words = {**TINY, "images": None, "minutes": 2.1 / 60}
    assert world.train("my-vit", **words).card.measured.images == 4 * 64
    monkeypatch.setattr(own, "_seconds_per_batch", lambda *_: 1.5)
    assert world.train("my-vit", **words).card.measured.images == 4 * 64
    assert world.train("other", **words).card.measured.images == 64


def test_seconds_are_tried_out_without_a_trace():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert 0 < own._seconds_per_batch(Classify("class"), 4) < 60
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "words",
    [
        {"goal": "clas"},
        {"goal": None},
        {"layers": 0},
        {"layers": 2.0},
        {"width": 30},
        {"heads": "two"},
        {"attention_only": 1},
        {"images": 63},
        {"images": 640, "minutes": 1},
        {"minutes": 0},
        {"minutes": float("nan")},
        {"minutes": True},
        {"seed": -1},
        {"seed": 2**63},
        {"folder": 7},
        {"folder": "toy/mine"},
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(words, tmp_path):
    with refused(vl.UsageError):
        world.train(**{"folder": "new", **words})
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_anothers_is_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "config.json").write_text("{}")
    (tmp_path / "bare").mkdir()
    save_file({"weight": torch.ones(1)}, tmp_path / "bare" / "model.safetensors")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("mine")
    for folder in (
        "work",
        "file",
        "saved",
        "bare",
    ):
        with refused(vl.UsageError):
            world.train(folder, **TINY)
    assert (tmp_path / "file").read_text() == "mine"
    assert load_file(tmp_path / "bare" / "model.safetensors")["weight"].tolist() == [1]


def test_another_training_in_the_same_folder_is_refused():
    world.train("my-vit", **TINY)
    with refused(vl.UsageError):
        world.train("my-vit", **{**TINY, "layers": 3})


def test_what_was_not_trained_here_is_not_taken_for_it(tmp_path):
    save_file({"weight": torch.ones(1)}, tmp_path / "bare.safetensors", {"format": "pt"})
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    for name in ("bare.safetensors", "broken.safetensors"):
        with refused(vl.UsageError):
            vl.load(name)


def test_a_model_of_ones_own_is_used_as_it_was_trained():
    mine = world.train("my-vit", **TINY)
    with refused(vl.UsageError):
        vl.load(mine, image_size=64)
