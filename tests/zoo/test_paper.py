"""The paper's seven models: pinned weights, their preprocessing, and files of weights."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.models import get_pretrained_cfg

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import shaken
from vitlens_widgets.models import hub
from vitlens_widgets.models.preprocessing import from_timm_config
from vitlens_widgets.zoo.checkpoint_file import module_from_file

TINY = "vit_tiny_patch16_224"


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """Nothing fetched before, and no way to fetch anything."""
    monkeypatch.setattr(hub, "hub_is_unreachable", lambda: True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


def test_the_seven_are_listed_with_pinned_weights():
    models = vl.paper_models()
    assert list(models) == [
        "ViT-B/32",
        "ViT-B/16",
        "ViT-L/16",
        "MIIL",
        "CIFAR100",
        "Refinement",
        "GAP",
    ]
    for model in models.values():
        if not model.from_file:
            assert get_pretrained_cfg(model.architecture).url.endswith("/" + model.weights)
            assert get_pretrained_cfg(model.architecture).num_classes == model.n_classes
    assert "augreg_in21k_ft_in1k" in repr(models)
    assert models.table()["labels"].tolist().count("imagenet-1k") == 6
    with pytest.raises(KeyError, match=r'no model "ViT-B/8"'):
        models["ViT-B/8"]


@pytest.mark.usefixtures("no_hub")
def test_without_a_hub_one_sentence_says_what_to_do():
    with refused(vl.UsageError):
        vl.paper_models()["ViT-B/32"].load()
    with refused(vl.UsageError):
        vl.paper_models()["CIFAR100"].load()


@pytest.fixture(scope="module")
def photograph():
    noise = np.random.default_rng(0).integers(0, 256, (300, 431, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("name", vl.paper_models())
def test_images_become_pixels_as_in_the_paper(name, photograph):
    made = from_timm_config(vl.paper_models()[name].preprocessing, (224, 224))
    found = made.pixels([made.picture(photograph)])[0].permute(1, 2, 0).numpy()
    mean, std = np.array(0.5), np.array(0.5)
    if name == "MIIL":  # timm's own: the shorter side to 256, and the middle of it
        seen = photograph.resize((int(256 * 431 / 300), 256), Image.Resampling.BILINEAR)
        left = round((seen.width - 224) / 2)
        seen = seen.crop((left, 16, left + 224, 240))
        mean, std = np.array(0.0), np.array(1.0)
    elif name == "Refinement":  # DeiT's image processor: squashed, and the middle of it
        seen = photograph.resize((256, 256), Image.Resampling.BICUBIC).crop((16, 16, 240, 240))
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    else:  # ViT's image processor: squashed
        seen = photograph.resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(found, (np.array(seen) / 255 - mean) / std, atol=1e-6)


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(1)
    return shaken(timm.create_model(TINY, num_classes=10))


def google_arrays(model):
    """The weights as Google published theirs, from Dosovitskiy et al.'s own names and axes."""
    state, heads = model.state_dict(), model.blocks[0].attn.num_heads
    state = {name: weight.numpy() for name, weight in state.items()}
    width = state["cls_token"].shape[-1]
    arrays = {
        "cls": state["cls_token"],
        "embedding/kernel": state["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": state["patch_embed.proj.bias"],
        "Transformer/posembed_input/pos_embedding": state["pos_embed"],
        "Transformer/encoder_norm/scale": state["norm.weight"],
        "Transformer/encoder_norm/bias": state["norm.bias"],
        "head/kernel": state["head.weight"].T,
        "head/bias": state["head.bias"],
    }
    for i in range(len(model.blocks)):
        there, here = f"Transformer/encoderblock_{i}/", f"blocks.{i}."
        for theirs, ours in (("LayerNorm_0", "norm1"), ("LayerNorm_2", "norm2")):
            arrays[f"{there}{theirs}/scale"] = state[f"{here}{ours}.weight"]
            arrays[f"{there}{theirs}/bias"] = state[f"{here}{ours}.bias"]
        for theirs, ours in (("Dense_0", "fc1"), ("Dense_1", "fc2")):
            arrays[f"{there}MlpBlock_3/{theirs}/kernel"] = state[f"{here}mlp.{ours}.weight"].T
            arrays[f"{there}MlpBlock_3/{theirs}/bias"] = state[f"{here}mlp.{ours}.bias"]
        attn = there + "MultiHeadDotProductAttention_1/"
        kernels = np.split(state[f"{here}attn.qkv.weight"], 3)
        biases = np.split(state[f"{here}attn.qkv.bias"], 3)
        for name, kernel, bias in zip(("query", "key", "value"), kernels, biases, strict=True):
            arrays[f"{attn}{name}/kernel"] = kernel.T.reshape(width, heads, -1)
            arrays[f"{attn}{name}/bias"] = bias.reshape(heads, -1)
        out = state[f"{here}attn.proj.weight"].T.reshape(heads, -1, width)
        arrays[f"{attn}out/kernel"] = out
        arrays[f"{attn}out/bias"] = state[f"{here}attn.proj.bias"]
    return arrays


def test_weights_are_read_from_every_kind_of_file(tiny, tmp_path):
    state = {name: weight.contiguous() for name, weight in tiny.state_dict().items()}
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "under.pth")
    torch.save({f"model.{name}": weight for name, weight in state.items()}, tmp_path / "before.pt")
    more = {"transformerheads.0.conv.weight": torch.zeros(3)}
    torch.save({"state_dict": {**state, **more}}, tmp_path / "more.pth")
    save_file(state, tmp_path / "safe.safetensors")
    np.savez(tmp_path / "google.npz", **google_arrays(tiny))
    for path in tmp_path.iterdir():
        model = module_from_file(path, TINY, num_classes=10, ignore=("transformerheads.",))
        assert not model.training
        for name, weight in model.state_dict().items():
            assert torch.equal(weight, state[name]), (path.name, name)


def test_files_of_other_models_are_refused(tiny, tmp_path):
    state = dict(tiny.state_dict())
    path = tmp_path / "weights.pth"

    def is_refused(weights, architecture=TINY, n_classes=10):
        torch.save(weights, path)
        with refused(vl.UsageError):
            module_from_file(path, architecture, num_classes=n_classes)

    is_refused(state, n_classes=7)
    is_refused({k: v for k, v in state.items() if k != "norm.bias"})
    is_refused({**state, "head_dist.bias": state["head.bias"]})
    is_refused({"model": Image.new("RGB", (2, 2))})
    path.write_text("not weights")
    with refused(vl.UsageError):
        module_from_file(path, TINY, num_classes=10)
    np.savez(tmp_path / "google.npz", **google_arrays(tiny))
    with refused(vl.UsageError):
        module_from_file(tmp_path / "google.npz", TINY, num_classes=1000)
    with refused(vl.UsageError):
        module_from_file(tmp_path / "none.pth", TINY, num_classes=10)
    with refused(vl.UsageError):
        vl.paper_models()["CIFAR100"].load(5)


@pytest.mark.parametrize("name", ["CIFAR100", "Refinement"])
def test_a_checkpoint_becomes_a_model_of_the_paper(name, tmp_path):
    """Random weights under the names and around the shapes that the authors' files have."""
    paper, path = vl.paper_models()[name], tmp_path / "checkpoint.pth"
    with torch.device("meta"):
        blank = timm.create_model(paper.architecture, num_classes=paper.n_classes)
    state = {key: _random(key, weight) for key, weight in blank.state_dict().items()}
    if name == "CIFAR100":
        torch.save({f"model.{key}": weight for key, weight in state.items()}, path)
    else:
        heads = {"transformerheads.3.conv.weight": torch.zeros(2, 2)}
        torch.save({"state_dict": state | heads}, path)
    vit = paper.load(path)
    assert (vit.name, vit.paper) == (name, name)
    assert vit.labels == vl.LabelSet.known(paper.labels)
    assert torch.equal(vit.model.blocks[5].mlp.fc1.bias, state["blocks.5.mlp.fc1.bias"].float())
    assert vit.layout.n_tokens == 197
    assert "squash" in str(vit.preprocessing)


def _random(name, weight):
    """A few numbers, repeated: enough to know a weight by, and quickly made."""
    numbers = torch.randn(7, generator=torch.Generator().manual_seed(len(name))).half()
    return numbers[torch.arange(weight.numel()) % 7].view(weight.shape)
