"""Public calls with what cannot be meant for one of their arguments: a sentence, or none is needed.

What is only Python's own business, a missing or misspelt argument, is a TypeError and stays one.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused

GARBAGE = {
    "None": None,
    "-1": -1,
    "2.5": 2.5,
    "NaN": float("nan"),
    "object": object(),
    "tensor": torch.zeros(2, 2),
    "array": np.zeros(3),
    "set": {"x"},
}


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/attn-mlp-1l")


@pytest.fixture(scope="module")
def image(vit):
    return vl.world.scene(7, size=vit.image_size).image


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
