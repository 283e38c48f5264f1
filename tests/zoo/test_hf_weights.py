"""A configuration of transformers filled from a file; no block of a checkpoint is left over."""

from __future__ import annotations

import json

import pytest
import timm
import torch
from transformers import ViTImageProcessor

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, mae_model, pixels_for, shaken


@pytest.fixture
def folder(tmp_path):
    hf_model().save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "model.safetensors").unlink()
    return tmp_path / "saved"


def test_a_folder_is_filled_from_a_trainers_checkpoint(folder, tmp_path):
    model = hf_model(id2label={i: f"kind {i}" for i in range(4)})
    state = {f"model.{name}": weight for name, weight in model.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "last.ckpt")
    processor = ViTImageProcessor(size={"height": 48, "width": 80}, image_mean=[0.1, 0.2, 0.3])
    processor.save_pretrained(folder)
    vit = vl.load(folder, weights=tmp_path / "last.ckpt", labels=list("abcd"))
    assert vit.preprocessing.mean == (0.1, 0.2, 0.3)
    pixels = pixels_for((48, 80))
    with torch.no_grad():
        own = model(pixels).logits
    torch.testing.assert_close(vit.trace(pixels, preprocessed=True).logits, own)


def test_a_file_that_does_not_fit_the_folder_is_refused_with_the_names(folder, tmp_path):
    state = hf_model().state_dict()
    del state["vit.layernorm.bias"]
    state["vit.embeddings.cls_token"] = torch.zeros(1, 1, 47)
    torch.save({**state, "criterion.weight": torch.ones(2)}, tmp_path / "last.pth")
    with refused(vl.UsageError):
        vl.load(folder, weights=tmp_path / "last.pth")


def test_a_masked_autoencoder_of_transformers_from_a_file(tmp_path):
    model = mae_model()
    model.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "mine.pth")
    mae = vl.load(tmp_path, weights=tmp_path / "mine.pth")
    for name, weight in model.state_dict().items():
        assert torch.equal(mae.model.state_dict()[name], weight), name


def test_blocks_that_a_configuration_leaves_out_are_not_passed_over(tmp_path):
    hf_model().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    with refused(vl.UnsupportedModelError):
        vl.load(tmp_path)


def test_a_folder_of_timm_is_filled_from_a_file(tmp_path):
    words = {"img_size": 64, "depth": 2}
    model = shaken(timm.create_model("vit_tiny_patch16_224", num_classes=5, **words))
    timm.models.save_for_hf(model, tmp_path / "mine", model_args=words, safe_serialization=True)
    shaken(model, seed=3)
    torch.save({"model": model.state_dict()}, tmp_path / "later.pth")
    vit = vl.load(tmp_path / "mine", weights=tmp_path / "later.pth")
    pixels = pixels_for((64, 64))
    with torch.no_grad():
        torch.testing.assert_close(vit.trace(pixels, preprocessed=True).logits, model(pixels))
