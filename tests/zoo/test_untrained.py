"""The twin with random weights: the same architecture and words, another mind."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, shaken, timm_model
from vitlens_widgets.zoo import untrained


@pytest.mark.parametrize("special", ["four registers and layer scale", "distillation"])
def test_a_twin_is_drawn_as_vits_are_initialised(special):
    vit = vl.load(shaken(timm_model(special)))
    before = {name: weight.clone() for name, weight in vit.model.named_parameters()}
    twin = untrained(vit, seed=3)
    for name, weight in twin.model.named_parameters():
        assert (vit.model.get_parameter(name) == before[name]).all()  # the original is as it was
        if weight.ndim > 1:
            assert not torch.equal(weight, before[name])
            assert weight.std() < 0.03
        else:
            assert (weight == (0 if name.endswith("bias") else 1)).all()
    again, other = (untrained(vit, seed=seed).model.state_dict() for seed in (3, 4))
    head = "head.weight"
    assert torch.equal(again[head], twin.model.get_parameter(head))
    assert not torch.equal(other[head], again[head])


def test_its_blocks_do_something():
    vit = vl.load(timm_model("four registers and layer scale"))
    states = untrained(vit).trace(pixels_for(vit.image_size), preprocessed=True).states
    assert ((states[1:-1] - states[:-2]).flatten(1).norm(dim=1) > 0).all()


def test_labels_size_preprocessing_and_a_given_classifier_are_the_originals():
    head = torch.nn.Linear(48, 5)
    module = timm_model("dynamic image size")
    vit = vl.load(module, image_size=(64, 48), classifier=head, labels=list("abcde"))
    twin = untrained(vit)
    assert twin.labels == vit.labels
    assert str(twin.layout) == str(vit.layout)
    assert twin.preprocessing is vit.preprocessing
    assert twin.name.endswith(" (random weights)")
    pixels = pixels_for((64, 48))
    reading = vl.LogitLens(twin).read(twin.trace(pixels, preprocessed=True))
    assert reading.readout.logits(3).shape == (2, 5)


def test_a_name_is_no_model():
    with refused(vl.UsageError):
        vl.untrained("toy/p32")
