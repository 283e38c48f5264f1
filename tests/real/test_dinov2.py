"""The real DINOv2-S on photographs: what is said of it in README and tutorial 12.

`pytest -m real` runs it where it can be fetched; DINOV2=folder in the environment says where it is
saved, if not on the hub.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import vitlens_widgets as vl

pytestmark = pytest.mark.real
PHOTOGRAPHS = (data.astronaut, data.chelsea, data.coffee)


@pytest.fixture(scope="module")
def vit():
    return vl.load(os.environ.get("DINOV2", "facebook/dinov2-small"), image_size=448)


@pytest.fixture(scope="module")
def trace(vit):
    return vit.trace([photograph() for photograph in PHOTOGRAPHS])


def test_the_last_state_is_the_models_own_output(vit, trace):
    images = [Image.fromarray(photograph()) for photograph in PHOTOGRAPHS]
    pixels = torch.stack([vit.preprocessing.of(image) for image in images])
    own = {}
    hook = vit.model.get_submodule("layernorm").register_forward_hook(
        lambda _module, given, _out: own.update(final=given[0].detach())
    )
    try:
        with torch.no_grad():
            vit.model(pixels)
    finally:
        hook.remove()
    torch.testing.assert_close(trace.states[-1], own["final"], rtol=1e-5, atol=1e-4)


def test_attention_is_a_share_of_each_querys_attention(vit, trace):
    assert (vit.n_layers, vit.n_heads, vit.layout.grid) == (12, 6, (32, 32))
    sums = trace.attention(10, 0).sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=1e-4, atol=1e-4)


def test_a_face_is_more_like_itself_than_like_the_wall(vit, trace):
    token = vit.layout.token(7, 13)  # of the astronaut's face
    found = np.asarray(vl.read_features(trace).similarity(0, token).patches)[-1, 0]
    assert found[6:9, 12:15].min() > 0.5 > found[2:6, 28:31].max()


def test_three_clicks_tell_face_suit_and_wall_apart(vit):
    photograph = data.astronaut()
    taught = vl.teach(vit, photograph)
    for name, places in {"face": (7, 13), "suit": (24, 12), "wall": (3, 22)}.items():
        taught.add(name, 0, places)
    twin = taught.vit
    reading = vl.LogitLens(twin).read(twin.trace(photograph))
    answers = np.asarray(reading.top(1).index)[-1, 0, vit.layout.n_prefix :, 0].reshape(32, 32)
    names = list(twin.labels)
    assert (answers[6:9, 12:15] == names.index("face")).all()
    assert (answers[22:27, 9:14] == names.index("suit")).mean() > 0.9


def test_every_widget_of_a_model_without_a_classifier_is_drawn(trace):
    for widget in (
        vl.PatchFeatures(trace),
        vl.AttentionMaps(trace, layer=10),
        vl.RelevanceMaps(trace, image=1),
    ):
        assert len(widget.still()) > 10_000
