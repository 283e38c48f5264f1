"""Classifiers that a user gives: linear heads, prompts; and what is said where one is missed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from tests.zoo_sweep import small_hf, small_open_clip, texts

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

needs_open_clip = pytest.mark.skipif(
    not small_open_clip.kinds(), reason="open_clip is an optional extra"
)


def fitted(n_classes=7, n_features=48):
    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(n_classes, n_features, generator=generator)
    return weight, torch.randn(n_classes, generator=generator)


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "distillation"])
@pytest.mark.parametrize("n_classes", [0, 11], ids=["without a classifier", "in place of its own"])
def test_a_linear_head_reads_what_the_model_pools(special, n_classes):
    model = timm_model(special, num_classes=n_classes)
    weight, bias = fitted()
    vit = vl.load(model, classifier=(weight, bias), labels=list("abcdefg"))
    pixels = pixels_for(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    with torch.no_grad():
        pooled = model.forward_head(model.forward_features(pixels), pre_logits=True)
    torch.testing.assert_close(trace.logits, pooled @ weight.T + bias)
    final = vl.LogitLens(vit).read(trace).readout.logits(3)
    torch.testing.assert_close(final, trace.logits, rtol=0, atol=1e-4)
    assert list(vit.labels) == list("abcdefg")


def test_a_linear_layer_may_be_given_and_tokens_go_through_it():
    head = nn.Linear(48, 5)
    vit = vl.load(timm_model("CLS", num_classes=0), classifier=head)
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    tokens = vl.LogitLens(vit).read(trace).logits(2)
    with torch.no_grad():
        expected = head(vit.model.norm(trace.states[2]))
    torch.testing.assert_close(tokens, expected)
    assert list(vit.labels) == [f"class {i}" for i in range(5)]


def test_it_is_used_in_the_models_own_type():
    vit = vl.load(timm_model("CLS").double(), classifier=fitted())
    assert vit.trace(pixels_for((48, 80)).double(), preprocessed=True).logits.dtype == torch.float64


def test_a_transformers_tower_without_a_classifier_takes_one():
    model = hf_model().base_model
    weight, bias = fitted()
    vit = vl.load(model, classifier=(weight, None))
    pixels = pixels_for((48, 80))
    with torch.no_grad():
        own = model(pixels).last_hidden_state[:, 0]
    torch.testing.assert_close(vit.trace(pixels, preprocessed=True).logits, own @ weight.T)
    assert len(vit.labels) == len(bias)


@pytest.mark.parametrize(
    "given",
    [
        fitted(n_features=47),
        (torch.zeros(7, 48), torch.zeros(6)),
        (torch.zeros(48), None),
        "linear",
        (torch.zeros(7, 48),),
    ],
)
def test_a_classifier_that_does_not_fit_is_refused(given):
    with refused(vl.UsageError):
        vl.load(timm_model("CLS"), classifier=given)


def test_a_missing_classifier_is_asked_for_with_the_shape_it_must_have():
    vit = vl.load(timm_model("CLS", num_classes=0))
    with refused(vl.UsageError):
        vl.LogitLens(vit)


def test_a_model_that_pools_nothing_is_asked_to_be_loaded_with_a_readout():
    model = timm_model("CLS", global_pool="", num_classes=0)
    with refused(vl.UsageError):
        vl.LogitLens(vl.load(model))
    with refused(vl.UsageError):
        vl.load(model, classifier=fitted())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "clip"  # a name that no other test's folder changes
    folder.mkdir()
    texts.saved("CLIP", folder)
    return folder


def test_a_model_of_images_and_texts_loads_from_a_folder_with_prompts(folder):
    vit = vl.load(folder, prompts=texts.PROMPTS)
    assert list(vit.labels) == list(texts.PROMPTS)
    pixels = pixels_for(vit.image_size)
    expected = texts.own_answer("CLIP", vit.model, pixels)
    found = vit.trace(pixels, preprocessed=True).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_trace_is_answered_by_other_prompts_without_another_run(folder):
    vit = vl.load(folder)
    pixels = pixels_for(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    ran = []
    watched = vit.model.vision_model.encoder.layers[0].register_forward_hook(
        lambda *_: ran.append(1)
    )
    for prompts in (texts.PROMPTS[:2], texts.PROMPTS[::-1]):
        twin = vit.prompted(prompts)
        answered, reading = trace.answered_by(twin), vl.LogitLens(twin).read(trace)
        usual = vl.load(folder, prompts=prompts)
        expected = vl.LogitLens(usual).read(usual.trace(pixels, preprocessed=True))
        torch.testing.assert_close(answered.logits, expected.trace.logits)
        torch.testing.assert_close(reading.logits(1), expected.logits(1))
        assert list(reading.labels) == list(prompts)
        assert reading.probabilities == expected.probabilities
    watched.remove()
    assert not ran
    assert trace.logits is None
    assert not vit.adapter.has_classifier
    with refused(vl.UsageError):
        vit.prompted([])
    with refused(vl.UsageError):
        vl.load(timm_model("CLS")).prompted(texts.PROMPTS)


def test_a_reading_is_answered_by_other_prompts(folder):
    vit = vl.load(folder, prompts={"animal": texts.PROMPTS[:2], "car": texts.PROMPTS[2]})
    assert vit.prompts == {"animal": [*texts.PROMPTS[:2]], "car": [texts.PROMPTS[2]]}
    assert vl.load(timm_model("CLS")).prompts == {}
    trace = vit.trace(pixels_for(vit.image_size, 2), preprocessed=True)
    for words in ({}, {"site": "attn_out", "head": 1}):
        reading = vl.LogitLens(vit).read(trace, **words)
        twin = vit.prompted({**vit.prompts, "dog": [texts.PROMPTS[1]]})
        found, expected = reading.answered_by(twin), vl.LogitLens(twin).read(trace, **words)
        assert list(found.labels) == ["animal", "car", "dog"]
        assert found.lens_name == expected.lens_name
        assert list(reading.labels) == ["animal", "car"]
        for k in range(found.n_states):
            torch.testing.assert_close(found.logits(k), expected.logits(k), rtol=0, atol=0)
            torch.testing.assert_close(
                found.readout.logits(k), expected.readout.logits(k), rtol=0, atol=0
            )
    with refused(vl.UsageError):
        reading.answered_by(vl.load(timm_model("CLS")))


def test_what_prompts_are_compared_with_is_computed_once(tmp_path):
    """As by each token's own way, and with no norm or pooling for the second prompts."""
    texts.saved("Siglip", tmp_path)
    vit = vl.load(tmp_path)
    trace = vit.trace(pixels_for(vit.image_size, 3), preprocessed=True)
    ran = []
    pooling = vit.model.vision_model.head
    hook = pooling.register_forward_hook(lambda *_: ran.append(1))
    runs = []
    for prompts in (texts.PROMPTS[:2], texts.PROMPTS[1:]):
        twin = vit.prompted(prompts)
        ran.clear()
        reading = vl.LogitLens(twin).read(trace)
        assert reading.top(2).index.shape == (3, 3, 16, 2)
        found = [(reading.logits(k), reading.readout.logits(k)) for k in range(3)]
        runs.append(len(ran))
        for state, of_state in zip(trace.states, found, strict=True):
            with torch.no_grad():
                own = twin.adapter.token_logits(state), twin.adapter.readout_logits(state)
            torch.testing.assert_close(of_state, own)
    assert runs[0] > 6
    assert runs[1] == 1  # the answer of the trace itself
    hook.remove()
    edited = trace.rerun([vl.edits.Zero("z", 1, head=2)])
    assert not edited.of_twins

    class Doubled(vl.LogitLens):
        def transform(self, states, first, final):  # noqa: ARG002
            return states * torch.linspace(1, 2, states.shape[-1])

    other = Doubled(twin).read(trace).logits(0)
    assert (other - reading.logits(0)).abs().max() > 1e-3


def test_without_prompts_it_traces_and_asks_for_them(folder):
    vit = vl.load(folder)
    assert vit.trace(pixels_for(vit.image_size), preprocessed=True).logits is None
    with refused(vl.UsageError):
        vl.LogitLens(vit)


def test_several_texts_of_one_class_are_averaged_as_directions(folder):
    cat, dog, car = texts.PROMPTS
    vit = vl.load(folder, prompts={"animal": [cat, dog], "car": car})
    apart = vl.load(folder, prompts=texts.PROMPTS).adapter.classifier.directions
    mean = nn.functional.normalize(apart[:2].mean(0), dim=0)
    torch.testing.assert_close(vit.adapter.classifier.directions[0], mean)
    torch.testing.assert_close(vit.adapter.classifier.directions[1], apart[2])
    assert list(vit.labels) == ["animal", "car"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: timm_model("CLS"), {"prompts": ["a", "b"]}),
        (lambda: timm_model("CLS"), {"prompts": "a cat"}),
        (lambda: timm_model("CLS"), {"prompts": []}),
        (lambda: small_hf.small("CLIPVisionModel"), {"prompts": ["a"]}),
        (lambda: timm_model("CLS"), {"prompts": ["a"], "classifier": fitted()}),
    ],
)
def test_prompts_that_cannot_be_used_are_refused(make, words):
    with refused(vl.UsageError):
        vl.load(make(), **words)


def test_a_prompt_given_twice_is_refused(folder):
    with refused(vl.UsageError):
        vl.load(folder, prompts=["a cat", "a dog", "a cat"])


def test_a_prompt_of_which_only_the_beginning_would_be_read_is_refused(folder):
    vit = vl.load(folder)
    fits = "a photo of a cat on the"  # with its ends as many tokens as the model reads
    assert list(vit.prompted([fits]).labels) == [fits]
    with refused(vl.UsageError):
        vit.prompted(["a cat", f"{fits} road"])


@needs_open_clip
def test_a_prompt_that_open_clip_would_cut_is_refused():
    vit = vl.load("open_clip:ViT-S-32-alt", pretrained=False, prompts=["a cat " * 37])
    with refused(vl.UsageError):
        vit.prompted(["a cat " * 38])


def test_the_tokenizer_is_read_once(folder, monkeypatch):
    import transformers

    twin = vl.load(folder).prompted(texts.PROMPTS)
    monkeypatch.setattr(transformers, "AutoTokenizer", None)
    assert list(twin.prompted(texts.PROMPTS[:1]).labels) == [texts.PROMPTS[0]]


def test_prompts_need_the_tokenizer_that_was_saved_with_the_model(folder, tmp_path):
    model = vl.load(folder).model
    model.config._name_or_path = str(tmp_path)
    with refused(vl.UsageError):
        vl.load(model, prompts=texts.PROMPTS)


def test_a_model_saved_without_its_tokenizer_answers_no_prompts(folder, tmp_path):
    vl.load(folder).model.save_pretrained(tmp_path)
    with refused(vl.UsageError):
        vl.load(tmp_path, prompts=texts.PROMPTS)


def test_labels_need_a_classifier(folder):
    with refused(vl.UsageError):
        vl.load(folder, labels=["cat", "dog"])


def test_open_clip_that_is_not_installed_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with refused(vl.UsageError):
        vl.load("open_clip:ViT-B-32/openai")


@needs_open_clip
@pytest.mark.parametrize(
    "source",
    [
        "open_clip:ViT-B-33/openai",
        "open_clip:ViT-B-32",
    ],
)
def test_an_unknown_open_clip_model_is_refused_with_what_there_is(source):
    with refused(vl.UsageError):
        vl.load(source)


@needs_open_clip
def test_an_open_clip_model_by_name_and_its_own_preprocessing():
    import open_clip

    vit = vl.load("open_clip:ViT-S-32-alt", pretrained=False, prompts=texts.PROMPTS)
    y, x = np.mgrid[:130, :90]
    image = Image.fromarray(np.stack([x * 2, y, (x * y) % 251], -1).astype(np.uint8))
    config = open_clip.transform.PreprocessCfg(**vit.model.visual.preprocess_cfg)
    own = open_clip.transform.image_transform_v2(config, is_train=False)(image)
    found = vit.preprocessing.pixels([vit.preprocessing.picture(image)])[0]
    torch.testing.assert_close(found, own, rtol=0, atol=1e-6)
    trace = vit.trace(image)
    expected = small_open_clip.forward(vit.model, own[None])
    torch.testing.assert_close(trace.logits, expected, rtol=1e-4, atol=1e-4)
    assert vit.name == "open_clip:ViT-S-32-alt"
    assert vit.adapter.own_size == vit.image_size == (224, 224)


def test_a_linear_head_reads_the_mean_of_both_tokens_of_a_deit_with_teacher():
    weight, bias = fitted()
    vit = vl.load(hf_model("DeiTForImageClassificationWithTeacher"), classifier=(weight, bias))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with torch.no_grad():
        normed = vit.model.deit.layernorm(trace.states[-1])
    torch.testing.assert_close(trace.logits, normed[:, :2].mean(1) @ weight.T + bias)
    tokens = vl.LogitLens(vit).read(trace).logits(vit.n_layers)
    torch.testing.assert_close(tokens, normed @ weight.T + bias)
