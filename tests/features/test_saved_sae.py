"""An SAE in the package's own file is the same again, and knows its model."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
import torch

import vitlens_widgets as vl
from tests.features.test_sae import ACTIVATIONS, SCALINGS, random_sae, tokens
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.features import SAE


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_saved_sae_is_the_same_again(activation, scaling, tmp_path):
    sae = random_sae(
        activation=ACTIVATIONS[activation][0],
        scaling=SCALINGS[scaling][0],
        subtracts_bias=True,
        nested=(5, 23),
        card={"trained on": "scenes", "l0": 3.5},
        name="mine",
        tokens="patches",
    )
    sae.save(tmp_path / "sae.safetensors")
    again, x = SAE.load(tmp_path / "sae.safetensors"), tokens()
    assert torch.equal(again.encode(x), sae.encode(x))
    assert torch.equal(again.reconstruct(x), sae.reconstruct(x))
    for name in ("site", "layer", "tokens", "nested", "card", "name", "model", "seen"):
        assert getattr(again, name) == getattr(sae, name)
    for twin in (copy.deepcopy(sae), pickle.loads(pickle.dumps(sae))):
        assert torch.equal(twin.encode(x), sae.encode(x))


def test_half_the_bytes_are_half_the_precision(tmp_path):
    sae, x = random_sae(), tokens()
    sae.save(tmp_path / "full.safetensors")
    sae.save(tmp_path / "half.safetensors", half=True)
    again = SAE.load(tmp_path / "half.safetensors")
    assert again.encoder.dtype == torch.float32
    torch.testing.assert_close(again.encode(x), sae.encode(x), atol=0.05, rtol=0.01)
    sizes = [(tmp_path / name).stat().st_size for name in ("full.safetensors", "half.safetensors")]
    assert sizes[1] < 0.8 * sizes[0]


@pytest.mark.parametrize("site", ["resid_pre", "mlp_out", "mlp_post"])
def test_an_sae_knows_its_model_again(site, tmp_path):
    vit = vl.load(timm_model("four registers and layer scale"))
    width = vit.trace(torch.zeros(1, 3, 56, 84), preprocessed=True)[site, 1].shape[-1]
    sae = random_sae(width=width, site=site).made_for(vit)
    sae.save(tmp_path / "sae.safetensors")
    again = SAE.load(tmp_path / "sae.safetensors")
    again.check(vit)
    assert again.model == vit.name
    with torch.no_grad():
        vit.model.head.weight.add_(1)  # what comes after the site does not count
    again.check(vit)
    with torch.no_grad():
        vit.model.blocks[0].mlp.fc2.bias.add_(1)
    again = SAE.load(tmp_path / "sae.safetensors")
    with refused(vl.UsageError):
        again.check(vit)
    replace(again, seen={}).check(vit)


def test_what_is_no_file_of_an_sae_is_refused(tmp_path):
    path = tmp_path / "sae.safetensors"
    with refused(vl.UsageError):
        SAE.load(path)
    with refused(vl.UsageError):
        random_sae(card={"tensor": torch.zeros(2)}).save(path)
    random_sae().save(path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with refused(vl.UsageError):
        SAE.load(path)
    vit = vl.load(timm_model("CLS"))
    with refused(vl.UsageError):
        random_sae(width=48, site="mlp_post").check(vit)
