"""Folders of saved models, damaged at one place: each loads, or is refused in a sentence."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
import timm
import torch
import transformers

import vitlens_widgets as vl
from tests.sentences import refused

IMAGE = np.random.default_rng(6).integers(0, 256, (60, 74, 3), dtype=np.uint8)
SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
NAMES = dict(enumerate(["cat", "dog", "boat", "key", "sun"]))
OTHER_KINDS = ["abc", -3, 10**12, [[1, {"a": 2}]], {"a": {"b": 1}}, None]


def save_vit(folder):
    config = transformers.ViTConfig(
        **SMALL, intermediate_size=96, image_size=48, patch_size=16, id2label=NAMES
    )
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    size = {"height": 48, "width": 48}
    transformers.ViTImageProcessor(size=size).save_pretrained(folder)


def save_dinov2(folder):
    config = transformers.Dinov2Config(**SMALL, image_size=56, patch_size=14)
    transformers.Dinov2Model(config).save_pretrained(folder)
    words = {"size": {"shortest_edge": 64}, "crop_size": {"height": 56, "width": 56}}
    transformers.BitImageProcessor(**words).save_pretrained(folder)


def save_timm(folder):
    words = {"depth": 2, "embed_dim": 48, "num_heads": 4, "img_size": 48, "num_classes": 5}
    model = timm.create_model("vit_tiny_patch16_224", **words)
    timm.models.save_for_hf(model, folder, model_args=words, safe_serialization=True)


SAVED = {"vit": save_vit, "dinov2": save_dinov2, "timm": save_timm}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of each, whole."""
    folders = {kind: tmp_path_factory.mktemp("saved") / kind for kind in SAVED}
    for kind, save in SAVED.items():
        torch.manual_seed(0)
        save(folders[kind])
    return folders


@pytest.fixture
def folder(saved, tmp_path):
    """Gives a fresh copy of one."""

    def copied(kind):
        shutil.rmtree(tmp_path / kind, ignore_errors=True)
        return shutil.copytree(saved[kind], tmp_path / kind)

    return copied


def places(words, at=()):
    for word, value in words.items():
        yield *at, word
        if isinstance(value, dict) and word not in ("id2label", "label2id"):
            yield from places(value, (*at, word))


def changed(words, place, value):
    words = copy.deepcopy(words)
    inner = words
    for word in place[:-1]:
        inner = inner[word]
    inner[place[-1]] = value
    return words


def said_of(at) -> str:
    """Why a folder is refused; nothing where it loads."""
    try:
        vl.load(at)
    except vl.UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", OTHER_KINDS, ids=str)
@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("kind", SAVED)
@pytest.mark.filterwarnings("ignore")
def test_a_word_with_a_value_of_another_kind_loads_or_is_refused(kind, file, value, folder):
    at = folder(kind)
    if not (at / file).is_file():  # timm has one file
        assert kind == "timm"
        return
    words = json.loads((at / file).read_text())
    for place in places(words):
        (at / file).write_text(json.dumps(changed(words, place, value)))
        assert "hub" not in said_of(at), place  # all of it is here


CONTENTS = {
    "text": b"hello",
    "bytes": bytes(range(256)),
    "nothing": b"",
    "deep": b"[" * 100_000,
    "list": b"[1]",
    "null": b"null",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "digits": b'{"hidden_size": ' + b"9" * 5000 + b"}",
    "NaN": b'{"hidden_size": NaN}',
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_a_file_that_is_no_json_is_said(content, file, folder):
    at = folder("vit")
    (at / file).write_bytes(content)
    with refused(vl.UsageError):
        vl.load(at)


def test_a_damaged_processor_is_not_taken_for_none_wherever_it_stands(folder):
    at = folder("vit")
    words = (at / "preprocessor_config.json").read_text()
    (at / "preprocessor_config.json").unlink()
    (at / "processor_config.json").write_text(f'{{"image_processor": {words}')
    with refused(vl.UsageError):
        vl.load(at)


@pytest.mark.parametrize(
    "words",
    [
        {"image_std": [0, 0, 0]},
        {"image_std": [0.5, 0.5]},
        {"image_mean": "grey"},
        {"image_processor_type": "Nothing"},
        {"resample": 77},
        {"size": {"depth": 3}},
        {"image_processor_type": "P", "auto_map": {"AutoImageProcessor": "own.P"}},
    ],
    ids=str,
)
def test_a_processor_that_cannot_be_used_is_said(words, folder):
    at = folder("vit")
    file = at / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | words))
    (at / "own.py").write_text("raise SystemExit('this was run')")
    with refused(vl.UsageError):
        vl.load(at)


OWN_CODE = {"AutoConfig": "own.C", "AutoModelForImageClassification": "own.M"}


@pytest.mark.parametrize(
    "words",
    [
        {"id2label": {"0": "a", "5": "b", "7": "c"}},
        {"id2label": {"0": "a", "1": "b", "2": "c", "5": "d", "7": "e"}},
        {"num_hidden_layers": 10**9},
        {"num_attention_heads": -4},
        {"hidden_act": 1.5},
        {"hidden_size": 44},
        {"model_type": "mine", "auto_map": OWN_CODE},
    ],
    ids=str,
)
def test_a_configuration_that_cannot_be_meant_is_said(words, folder, monkeypatch):
    at = folder("vit")
    file = at / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | words))
    (at / "own.py").write_text("raise SystemExit('this was run')")
    asked = []
    monkeypatch.setattr("builtins.input", lambda *words: asked.append(words))
    with refused(vl.UsageError):
        vl.load(at)
    assert asked == []


def test_labels_of_ones_own_go_before_those_that_are_damaged(folder):
    at = folder("vit")
    words = json.loads((at / "config.json").read_text())
    words["id2label"] = {str(3 * i): f"class {i}" for i in range(5)}
    (at / "config.json").write_text(json.dumps(words))
    assert list(vl.load(at, labels=[*"abcde"]).labels) == [*"abcde"]


@pytest.mark.parametrize("kind", ["vit", "timm"])
@pytest.mark.filterwarnings("ignore")
def test_weights_with_a_byte_changed_load_or_are_refused(kind, folder):
    at = folder(kind)
    whole = (at / "model.safetensors").read_bytes()
    header = int.from_bytes(whole[:8], "little")
    generator = np.random.default_rng(2)
    for place in [*range(8), *generator.integers(8, 8 + header, 30)]:
        damaged = bytearray(whole)
        damaged[place] = generator.integers(256)
        (at / "model.safetensors").write_bytes(damaged)
        assert "hub" not in said_of(at), place


@pytest.mark.parametrize("kind", SAVED)
def test_the_weights_alone_of_a_saved_model_lead_to_its_folder(kind, folder):
    at = folder(kind)
    with refused(vl.UsageError):
        vl.load(at / "model.safetensors")


@pytest.mark.parametrize("word", ["hidden_dropout_prob", "num_attention_heads"])
def test_a_number_that_no_model_can_be_built_with_is_said(word, folder):
    at = folder("vit")
    words = json.loads((at / "config.json").read_text()) | {word: 2.0 if "drop" in word else 0}
    (at / "config.json").write_text(json.dumps(words))
    with refused(vl.UsageError):
        vl.load(at)
