"""Public calls with what cannot be meant for one of their arguments: a sentence, or none is needed.

What is only Python's own business, a missing or misspelt argument, is a TypeError and stays one.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.models.prompts import from_prompts

GARBAGE = {
    "None": None,
    "-1": -1,
    "2.5": 2.5,
    "NaN": float("nan"),
    "object": object(),
    "tensor": torch.zeros(2, 2),
    "array": np.zeros(3),
    "set": {"x"},
    "huge": 10**30,
    "objects": [object()],
    "nested": [[1]],
}


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/attn-mlp-1l")


@pytest.fixture(scope="module")
def image(vit):
    return vl.world.scene(7, size=vit.image_size).image


@pytest.fixture(scope="module")
def infilling():
    mae = vl.load("toy/mae")
    return vl.InfillLens(mae).read(vl.world.scene(7, size=mae.image_size).image)


@pytest.fixture(scope="module")
def reading(vit, image):
    return vl.LogitLens(vit).read(vit.trace(image))


CALLS = {
    "edits": (lambda vit, image, _, x: vit.trace(image, edits=x), ["-1", "2.5", "None", "object"]),
    "keep": (lambda vit, image, _, x: vit.trace(image, keep=x), ["-1", "2.5", "None", "object"]),
    "site": (lambda vit, image, _, x: vl.LogitLens(vit).read(vit.trace(image), site=x), GARBAGE),
    "token": (lambda vit, _, __, x: vit.layout.describe(x), GARBAGE),
    "tokens": (lambda _, __, reading, x: reading.table(tokens=x), ["-1", "2.5", "None", "object"]),
    "target": (lambda _, __, reading, x: reading.table(target=x), ["2.5", "None", "object"]),
    "over states": (
        lambda _, __, reading, x: vl.analysis.over_states.rank(reading, x),
        ["2.5", "None", "object"],
    ),
    "device": (lambda *given: vl.load("toy/p32", device=given[-1]), ["-1", "2.5", "NaN", "object"]),
    "preprocessing": (
        lambda *given: vl.load("toy/p32", preprocessing=given[-1]),
        ["-1", "2.5", "object", "set"],
    ),
    "probabilities": (
        lambda *given: vl.load("toy/p32", probabilities=given[-1]),
        ["-1", "object", "array", "tensor"],
    ),
    "labels": (lambda *given: vl.LabelSet.of(given[-1]), ["None", "-1", "2.5", "object"]),
    "known": (lambda *given: vl.LabelSet.known(given[-1]), GARBAGE),
    "numbered": (lambda *given: vl.LabelSet.numbered(given[-1]), GARBAGE),
    "check": (lambda *given: vl.check_adapter(given[-1]), GARBAGE),
    "classes": (lambda *given: vl.world.Scenes(classes=given[-1]), ["-1", "2.5", "object", "set"]),
    "link": (
        lambda *given: vl.link(vl.PatchGrid(given[2]), vl.PatchGrid(given[2]), names=given[-1]),
        ["-1", "2.5", "object", "set"],
    ),
    "links": (
        lambda *given: vl.link(vl.PatchGrid(given[2]), vl.PatchGrid(given[2]), names=(given[-1],)),
        ["None", "array", "nested"],
    ),
    "seed": (lambda vit, *given: vl.untrained(vit, seed=given[-1]), GARBAGE),
    "weights_ignore": (
        lambda *given: vl.load("vit_tiny_patch16_224", weights="a.pth", weights_ignore=given[-1]),
        ["None", "2.5", "array", "tensor", "objects"],
    ),
    "grad": (lambda vit, image, _, x: vit.trace(image, grad=x), GARBAGE),
    "preprocessed": (lambda vit, image, _, x: vit.trace(image, preprocessed=x), GARBAGE),
    "value_bias": (
        lambda vit, image, _, x: vl.LogitLens(vit).read(vit.trace(image), "attn_out", value_bias=x),
        ["None", "array", "tensor"],
    ),
    "grad again": (lambda vit, image, _, x: vit.trace(image).rerun([], grad=x), ["None", "array"]),
    "emoji": (lambda *given: vl.data.emoji_for(given[-1]), GARBAGE),
    "matches": (lambda vit, *given: vit.labels.matches(given[-1]), GARBAGE),
    "frame": (lambda *given: vl.data.frame(given[-1]), GARBAGE),
    "columns": (
        lambda *given: vl.data.frame({"a": [1, 2], "b": given[-1]}),
        ["set", "objects", "array"],
    ),
    "card": (lambda *given: vl.world.card(given[-1]), GARBAGE),
    "embedded": (lambda *given: vl.world.build(given[-1]), GARBAGE),
    "things": (lambda *given: vl.world.Scenes(classes=[given[-1]]), ["None", "array", "nested"]),
    "CIFAR-100": (lambda *given: vl.data.CIFAR100(given[-1]), GARBAGE),
    "kinship": (
        lambda _, __, reading, x: vl.analysis.convergence(reading, kinship=x),
        ["-1", "2.5", "tensor", "set"],
    ),
    "kinds": (
        lambda vit, *given: vl.analysis.attention_perturbation(
            vit, [vl.world.scene(7, size=vit.image_size)], kinds=given[-1]
        ),
        ["-1", "object", "array", "nested"],
    ),
    "remove": (
        lambda vit, *given: vl.analysis.class_and_context(
            vit, [vl.world.scene(7, size=vit.image_size)], remove=given[-1]
        ),
        ["None", "array", "tensor"],
    ),
    "n_random": (
        lambda vit, *given: vl.analysis.perturbation_test(
            vit, [vl.world.scene(7, size=vit.image_size)], n_random=given[-1]
        ),
        ["-1", "2.5", "huge", "array"],
    ),
    "orders": (
        lambda _, __, reading, x: vl.analysis.removal_curves(
            reading.trace, vl.analysis.relevance(reading.trace, "cat"), n_random=x
        ),
        ["-1", "huge"],
    ),
    "estimate": (
        lambda *given: vl.analysis.estimate(given[-1]),
        ["None", "-1", "object", "set", "objects"],
    ),
    "place": (
        lambda *given: vl.analysis.estimate(np.array([[0.1, 0.4], [0.2, 0.3]]), place=given[-1]),
        ["2.5", "object", "set", "huge"],
    ),
    "compared": (lambda *given: vl.analysis.Segmentation.compared(given[-1]), GARBAGE),
    "by states": (lambda *given: vl.analysis.Convergence.compared(given[-1]), ["None", "array"]),
    "entropy": (lambda *given: vl.analysis.heads.entropy(given[-1]), GARBAGE),
    "largest weight": (lambda *given: vl.analysis.heads.largest_weight(given[-1]), GARBAGE),
    "received": (lambda *given: vl.analysis.heads.received(given[-1]), GARBAGE),
    "sink": (lambda *given: vl.analysis.heads.sink(given[-1]), ["None", "tensor", "array"]),
    "radius": (
        lambda vit, image, _, x: vl.analysis.heads.neighbourhood(vit.trace(image), x),
        ["None", "huge"],
    ),
    "score": (lambda *given: vl.analysis.infilling.score(given[-1]), GARBAGE),
    "grid": (lambda vit, *given: vit.layout.to_grid(given[-1]), GARBAGE),
    "row": (lambda vit, *given: vit.layout.token(given[-1], 0), ["None", "-1", "2.5", "set"]),
    "title": (
        lambda *given: vl.save_html(vl.PatchGrid(given[2]), "a.html", title=given[-1]),
        ["-1", "2.5", "object", "set"],
    ),
}


@pytest.mark.parametrize(
    ("call", "given"), [(call, given) for call, (_, words) in CALLS.items() for given in words]
)
def test_what_cannot_be_meant_is_said(call, given, vit, image, reading, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused(vl.UsageError):
        CALLS[call][0](vit, image, reading, GARBAGE[given])


@pytest.mark.parametrize("name", ["a" * 5000, "~nobody-of-this-name/a.png"], ids=["long", "user"])
def test_names_that_no_file_can_have_are_said(name):
    for call in (vl.load, vl.read_image, vl.data.ImageFolder, vl.data.CIFAR100):
        with refused(vl.UsageError):
            call(name)


@pytest.mark.parametrize("given", [*GARBAGE])
def test_a_part_of_an_infilling_is_a_slice(given, infilling):
    with refused(vl.UsageError):
        infilling.part(GARBAGE[given])


def test_a_class_has_one_text_or_several():
    for prompts in (np.zeros(3), object(), [["cat"]], {"cat": []}, {"cat": 3}, {"cat": [None]}):
        with refused(vl.UsageError):
            from_prompts(None, prompts)


def test_classes_are_counted_where_they_can_be_named():
    assert vl.LabelSet.numbered(21843)[-1] == "class 21842"
    for n in (0, 10**6 + 1, 2**31 - 1, 2**31):
        with refused(vl.UsageError):
            vl.LabelSet.numbered(n)
