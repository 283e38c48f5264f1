"""What needs gradients asks for them itself; where torch has none at all it says so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model

A = vl.analysis
METRIC = (2, 4)


@pytest.fixture(scope="module")
def runs():
    vit = vl.load(timm_model("CLS"))
    return [vit.trace(pixels_for(vit.image_size, 2, seed=k), preprocessed=True) for k in (0, 1)]


def of_attribution(clean, _corrupted):
    parts = A.attribution(clean, 3, sources=True, neurons=True).parts
    names = [field.name for field in dataclasses.fields(parts)]
    return [one for name in names if isinstance(one := getattr(parts, name), np.ndarray)]


ASKED = {
    "attribution": of_attribution,
    "attribution patching": lambda *pair: [A.attribution_patching(*pair, METRIC).metric],
    "AtP*": lambda *pair: [
        A.attribution_patching(*pair, METRIC, site="q", mends=["softmax", "grad_drop"]).metric
    ],
    "integrated": lambda *pair: [
        A.attribution_patching(*pair, METRIC, integrate="activations", steps=1).metric
    ],
    "edges": lambda *pair: [A.edge_attribution_patching(*pair, METRIC).effects],
}


@pytest.mark.parametrize("what", ASKED)
def test_switched_off_by_the_user_they_are_there(runs, what):
    expected = ASKED[what](*runs)
    with torch.no_grad():
        found = ASKED[what](*runs)
        assert not torch.is_grad_enabled()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("what", ASKED)
def test_in_inference_mode_it_is_said(runs, what):
    with torch.inference_mode(), refused(vl.UsageError):
        ASKED[what](*runs)


def test_causes_opens_with_gradients_switched_off():
    vit = vl.load("toy/p32")
    pair = [vit.trace(vl.world.scene(k, size=vit.image_size).image) for k in (1, 2)]
    with torch.no_grad():
        assert vl.Causes(*pair)._writes_refused == ""
    with torch.inference_mode(), refused(vl.UsageError):
        vl.Causes(*pair)
