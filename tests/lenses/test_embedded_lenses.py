"""The tuned lenses that come with the package fit their models and do what their cards say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.lenses.fitted.embedded import FOLDER

MODELS = ["toy/p32", "toy/p32-cls", "toy/p32-taught"]
SCENES = 60


@pytest.fixture(scope="module", params=MODELS)
def lens(request):
    return vl.TunedLens.load(request.param, vl.load(request.param))


def test_files_are_small_and_are_those():
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*-tuned.safetensors")}
    assert set(files) == {f"{name.replace('/', '-')}-tuned.safetensors" for name in MODELS}
    assert max(files.values()) < 1_000_000


def test_they_are_whole_and_in_half_precision(lens):
    assert lens.weight.dtype == lens.bias.dtype == torch.float16
    assert lens.weight.shape == (6, 2, 192, 192)
    assert lens.kinds == ("readout", "patch")


def test_on_other_scenes_they_are_worth_what_is_said(lens):
    """The divergence of scenes that nobody has seen, within four standard errors and rounding."""
    vit = lens.vit
    trace = vit.trace([vl.world.scene(900_000 + i).image for i in range(SCENES)])
    reading, said = lens.read(trace), lens.table().set_index(["place", "state"])
    found = {
        "readout": reading.readout.kl_to_final()[:6].numpy(),
        "patch": reading.kl_to_final()[:6, :, 1:].mean(-1).numpy(),
    }
    for place, values in found.items():
        of = said.loc[place]
        error = of["KL deviation (nats)"] * np.sqrt(1 / SCENES + 1 / 300)
        off = np.abs(values.mean(1) - of["KL (nats)"])
        assert (off <= 4 * error + 0.02).all(), (place, off, error)
        assert (of["KL (nats)"] < of["logit lens KL (nats)"]).all()


def test_their_cards_say_how_they_were_fitted(lens):
    card = lens.card()
    assert card.startswith(f"Tuned lens of {lens.vit.name}\nFitted by vl.TunedLens.fit(vit, data, ")
    assert "n_images=2300, held_out=300" in card
    assert f"5_pre {lens.table()['KL (nats)'][5]:.2f}" in card


def test_others_have_none():
    vit = vl.load("toy/attn-only-1l")
    with refused(vl.UsageError):
        vl.TunedLens.load("toy/attn-only-1l", vit)
    with refused(vl.UsageError):
        vl.TunedLens.load("toy/p32", vit)
    with refused(vl.UsageError):
        vl.TunedLens.load("toy/p32")
