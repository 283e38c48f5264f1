"""What the classification notebook says of the embedded models in words is what its cells find.

It also runs on a model and photographs of the report's kind, which stand here for the report's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.notebooks.cells import run, start_exercises
from vitlens_widgets.data import LabelSet

STEM = "01_logit_lens_classification"
CATS_SHA256 = "dea9e7ef97386345f7cff32f9055da4982da5471c48d575146c796ab4563b04e"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def test_every_image_has_the_same_answer_before_the_first_block(found):
    assert len(set(found["near"].answers[0].tolist())) == 1
    assert (found["first"] == found["first"][0]).all()
    assert found["off"] < 1e-5


def test_the_first_states_know_next_to_nothing_and_the_last_block_makes_it_sure(found):
    near, gained = found["near"], found["gained"]
    assert gained[:3].max() < 0.05 * gained[-1]
    assert (np.diff(gained) > 0).all()
    kl = near.of("kl_to_final").mean(1)
    assert (np.diff(kl[:4]) < 0).all()  # "a little all the same"
    assert kl[3] > 0.75 * kl[0]
    assert (gained[3:] > 1.7 * gained[2]).all()  # "the curves part"
    falls = -np.diff(near.of("entropy").mean(1))
    assert falls.argmax() == len(falls) - 1


def test_what_is_not_final_yet_is_no_more_akin_than_chance(found):
    assert found["alike"].mean() == pytest.approx(np.mean(found["chance"]), abs=0.02)
    assert found["yet"].mean() > 0.5


def test_the_goal_of_training_decides_when_the_answer_comes(found):
    when = {name: one.converged().mean() for name, one in found["one"].items()}
    assert min(when, key=when.get) == "toy/p32-cls"
    for name in when:
        assert found["two"][name].converged().mean() > when[name]


def test_the_model_is_nearly_always_right_in_the_end(found):
    assert found["right"][-1].mean() > 0.95
    assert found["right"][0].mean() < 0.1


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Noise in place of each photograph, of its size; what was asked for, with which checksum."""
    asked, random = {}, np.random.default_rng(0)

    def retrieve(url, known_hash, **_words):
        asked[url] = known_hash
        place = tmp_path / Path(url).name
        noise = random.integers(0, 256, (480, 640, 3), dtype=np.uint8)
        Image.fromarray(noise).save(place)
        return str(place)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    return asked


def saved_model(folder):
    """A narrow model in the format of the report's, that says "hyena" to everything."""
    import transformers

    labels = LabelSet.known("imagenet-1k")
    config = transformers.ViTConfig(
        hidden_size=24,
        num_hidden_layers=12,
        num_attention_heads=2,
        intermediate_size=48,
        image_size=384,
        patch_size=32,
        layer_norm_eps=1e-12,
        id2label={i: labels.description(i) for i in range(1000)},
        label2id={labels.description(i): i for i in range(1000)},
    )
    torch.manual_seed(0)
    model = transformers.ViTForImageClassification(config).eval()
    with torch.no_grad():
        model.classifier.bias[labels.index("hyena")] += 30
    model.save_pretrained(folder)
    size = {"height": 384, "width": 384}
    transformers.ViTImageProcessor(size=size).save_pretrained(folder)
    return folder


def test_the_reports_model_is_held_against_the_published_answers(tmp_path, photographs):
    model = saved_model(tmp_path / "model")
    names = run(STEM, change=lambda source: source.replace('"toy/p32"  # or', f'"{model}"  # or'))
    printed = names["printed"]["published"].splitlines()
    assert printed[0] == "cats: 1 of 13 agree"
    assert printed[1].endswith(
        "hyena, Band Aid, sunglasses x3, maillot, velvet, wool, velvet x2, tabby x3"
    )
    assert printed[2] == "  measured:  hyena x13"
    assert printed[-1] == "together: 8 of 104 agree"  # the hyena of state 0, in each photograph
    assert len(photographs) == 8
    assert {url: known for url, known in photographs.items() if known} == {
        "http://images.cocodataset.org/val2017/000000039769.jpg": CATS_SHA256
    }
    near = names["near"]
    assert near.kinship == "WordNet 3.0"
    assert np.isnan(near.of("rank_of_truth")[0]).tolist() == [False, True, True] + [False] * 5
    assert near.converged().tolist() == [0] * 8


def test_every_published_answer_is_a_class_of_imagenet(found):
    labels = LabelSet.known("imagenet-1k")
    first = {labels.description(i).split(",")[0] for i in range(1000)}
    assert found["PUBLISHED"].keys() == found["PHOTOS"].keys()
    for published in found["PUBLISHED"].values():
        answers = found["spelled"](published)
        assert len(answers) == 13
        assert set(answers) <= first
        assert found["runs"](answers) == published


def test_a_photograph_of_another_size_is_not_taken(tmp_path, monkeypatch):
    small = tmp_path / "small.png"
    Image.new("RGB", (500, 333)).save(small)
    monkeypatch.setattr("pooch.retrieve", lambda *_args, **_words: str(small))
    with pytest.raises(ValueError, match="longer side has 640 pixels"):
        run(
            STEM,
            {"setup", "photographs", "images"},
            lambda source: source.replace("toy/p32", "elsewhere"),
        )


def test_the_exercises_start_from_calls_that_work(found):
    assert start_exercises(STEM, dict(found)) == 5
