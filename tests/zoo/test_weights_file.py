"""Architectures filled from files of weights as labs have them: exact, or refused by names."""

from __future__ import annotations

import argparse
import os

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken
from tests.zoo.test_paper import google_arrays

NAME = "vit_tiny_patch16_224"
SMALL = {"depth": 2, "embed_dim": 48, "num_heads": 4, "img_size": 64}
WORDS = {"depth": 2, "embed_dim": 48, "num_heads": 4, "image_size": 64}


def timm_model(name=NAME, **words):
    torch.manual_seed(3)
    return shaken(timm.create_model(name, **{**SMALL, **words}))


def state_of(model):
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}


def same_answer(vit, model, size=(64, 64)):
    pixels = pixels_for(size)
    with torch.no_grad():
        own = model(pixels)
    own = getattr(own, "logits", own)
    torch.testing.assert_close(vit.adapter.forward(pixels), own, rtol=1e-5, atol=1e-5)
    trace = vit.trace(pixels, preprocessed=True)
    if vit.adapter.has_classifier:
        torch.testing.assert_close(trace.logits, own, rtol=1e-5, atol=1e-5)


def prefixed(prefix, state):
    return {f"{prefix}{name}": weight for name, weight in state.items()}


SAVED = {
    "plain.pth": lambda s: s,
    "plain.bin": lambda s: s,
    "state_dict.pt": lambda s: {"state_dict": s, "epoch": 3},
    "model.pth.tar": lambda s: {"model": s, "args": argparse.Namespace(lr=1.0), "epoch": 3},
    "model_state.pt": lambda s: {
        "model_state": s,
        "optimizer": {"state": {0: {"m": s["norm.bias"]}}},
    },
    "teacher.pth": lambda s: {"teacher": prefixed("backbone.", s)},
    "parallel.pth": lambda s: prefixed("module.", s),
    "compiled.pth": lambda s: prefixed("_orig_mod.", s),
    "lightning.ckpt": lambda s: {"state_dict": prefixed("model._orig_mod.", s), "callbacks": {}},
    "deep.pth": lambda s: {"model": {"net": prefixed("module.model.vit.", s)}},
    "compiled_blocks.pth": lambda s: {
        name.replace("blocks.1.", "blocks.1._orig_mod."): weight for name, weight in s.items()
    },
}


@pytest.mark.parametrize("name", SAVED)
def test_a_state_dict_is_found_under_what_trainers_put_around_it(name, tmp_path):
    model = timm_model(num_classes=7)
    torch.save(SAVED[name](state_of(model)), tmp_path / name)
    labels = list("abcdefg")
    vit = vl.load(NAME, weights=tmp_path / name, labels=labels, **WORDS)
    assert list(vit.labels) == labels
    same_answer(vit, model)


def test_safetensors_and_arrays_of_numpy(tmp_path):
    model = timm_model(num_classes=7)
    save_file(state_of(model), tmp_path / "a.safetensors")
    np.savez(tmp_path / "b.npz", **{name: w.numpy() for name, w in state_of(model).items()})
    np.savez(tmp_path / "google.npz", **google_arrays(model))
    for path in sorted(tmp_path.iterdir()):
        same_answer(vl.load(NAME, weights=str(path), **WORDS), model)


def test_without_a_head_in_the_file_there_is_no_classifier(tmp_path):
    model = timm_model(num_classes=0)
    torch.save(state_of(model), tmp_path / "headless.pth")
    vit = vl.load(NAME, weights=tmp_path / "headless.pth", **WORDS)
    assert not vit.adapter.has_classifier
    same_answer(vit, model)


@pytest.mark.parametrize("kind", ["ViT", "DeiT", "Dinov2", "Dinov2WithRegisters"])
@pytest.mark.parametrize("own", [True, False])
def test_transformers_files_fill_timms_architecture(kind, own, tmp_path):
    import transformers

    words = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 64}
    config = getattr(transformers, f"{kind}Config")(
        **words, patch_size=16, intermediate_size=192, layer_norm_eps=1e-6
    )
    model = shaken(getattr(transformers, f"{kind}Model")(config))
    if own:
        torch.save(model.state_dict(), tmp_path / "model.safetensors.pth")
    else:
        model.save_pretrained(tmp_path)
    path = tmp_path / ("model.safetensors.pth" if own else "model.safetensors")
    name = {
        "ViT": NAME,
        "DeiT": "deit_tiny_distilled_patch16_224",
        "Dinov2": "vit_small_patch14_dinov2",
        "Dinov2WithRegisters": "vit_small_patch14_reg4_dinov2",
    }[kind]
    vit = vl.load(name, weights=path, patch_size=16, **WORDS)
    pixels = pixels_for((64, 64))
    with torch.no_grad():
        states = model(pixels, output_hidden_states=True).hidden_states
    found = vit.trace(pixels, preprocessed=True).states
    for state, expected in zip(found, states, strict=True):
        torch.testing.assert_close(state, expected, rtol=1e-5, atol=1e-5)


def test_a_classifier_of_transformers_comes_along(tmp_path):
    model = hf_model(image_size=64, layer_norm_eps=1e-6)
    model.save_pretrained(tmp_path)
    words = {**WORDS, "depth": 3, "mlp_ratio": 2}
    vit = vl.load(NAME, weights=tmp_path / "model.safetensors", **words)
    same_answer(vit, model)


def test_facebooks_dinov2_with_registers_and_a_gated_mlp(tmp_path):
    words = {"img_size": 56, "embed_dim": 48, "num_heads": 4, "depth": 2}
    model = shaken(timm.create_model("vit_giant_patch14_reg4_dinov2", **words, num_classes=0))
    theirs = {}
    for name, weight in state_of(model).items():
        there = name.replace("reg_token", "register_tokens").replace("blocks.", "blocks.0.")
        theirs[there.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3")] = weight
    place = torch.randn(1, 1, 48)  # theirs gives CLS a position, timm's has added it
    theirs["cls_token"] = theirs["cls_token"] - place
    theirs["pos_embed"] = torch.cat([place, theirs["pos_embed"]], dim=1)
    theirs["mask_token"] = torch.randn(1, 48)
    torch.save(theirs, tmp_path / "dinov2_vitg14_reg4_pretrain.pth")
    vit = vl.load(
        "vit_giant_patch14_reg4_dinov2",
        weights=tmp_path / "dinov2_vitg14_reg4_pretrain.pth",
        **{**WORDS, "image_size": 56},
    )
    same_answer(vit, model, (56, 56))


def test_of_teacher_and_student_one_is_said_and_their_projection_head_is_left_out(tmp_path):
    model, other = timm_model(num_classes=0), timm_model(num_classes=0)
    head = {"head.mlp.0.weight": torch.ones(3, 48), "head.last_layer.weight_v": torch.ones(3)}
    teacher = {**prefixed("backbone.", state_of(model)), **head}
    student = {**prefixed("module.backbone.", state_of(shaken(other))), **prefixed("module.", head)}
    path = tmp_path / "checkpoint.pth"
    torch.save({"teacher": teacher, "student": student}, path)
    with refused(vl.UsageError):
        vl.load(NAME, weights=path, **WORDS)
    for key, module in (("teacher", model), ("student", other)):
        with pytest.warns(UserWarning, match="projection head in checkpoint.pth"):
            vit = vl.load(NAME, weights=path, weights_key=key, **WORDS)
        same_answer(vit, module)
    torch.save(
        {"state_dict": prefixed("a.", state_of(model)) | prefixed("b.", state_of(other))}, path
    )
    same_answer(vl.load(NAME, weights=path, weights_key="state_dict.b", **WORDS), other)
    with refused(vl.UsageError):
        vl.load(NAME, weights=path, weights_key="c", **WORDS)
    torch.save(prefixed("a.", state_of(model)) | prefixed("b.", state_of(other)), path)
    for key, module in (("a", model), ("b", other)):
        same_answer(vl.load(NAME, weights=path, weights_key=key, **WORDS), module)
    torch.save({"b": state_of(other), "a": prefixed("b.", state_of(model))}, path)
    same_answer(vl.load(NAME, weights=path, weights_key="b", **WORDS), other)


def test_what_belongs_to_no_part_is_named_and_can_be_left(tmp_path):
    model = timm_model(num_classes=7)
    path = tmp_path / "last.ckpt"
    more = {"criterion.weight": torch.ones(7)}
    torch.save({"state_dict": prefixed("model.", state_of(model)) | more}, path)
    with refused(vl.UsageError):
        vl.load(NAME, weights=path, **WORDS)
    same_answer(vl.load(NAME, weights=path, weights_ignore="criterion", **WORDS), model)


class Settings:
    """As a trainer saves beside the weights."""

    def __init__(self):
        self.width = 3


class Trap:
    """As an attacker would."""

    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


def test_no_code_in_a_file_is_run_and_settings_are_passed_over(tmp_path):
    model, mark = timm_model(num_classes=7), tmp_path / "ran"
    path = tmp_path / "last.ckpt"
    for more in (Settings(), [Settings()], Trap(eval, f"open({str(mark)!r}, 'w')")):
        torch.save({"state_dict": state_of(model), "hyper_parameters": more}, path)
        same_answer(vl.load(NAME, weights=path, **WORDS), model)
    for whole in (Trap(os.system, f"touch {mark}"), model, {"model": Settings()}):
        torch.save(whole, path)
        with refused(vl.UsageError):
            vl.load(NAME, weights=path, **WORDS)
    assert not mark.exists()


FAULTS = {
    "missing": (lambda s: s.pop("blocks.1.norm1.bias"), r'lacks "blocks\.1\.norm1\.bias"'),
    "more": (
        lambda s: s.update({"blocks.0.ls1.gamma": torch.ones(48)}),
        r'also has "blocks\.0\.ls1',
    ),
    "shape": (
        lambda s: s.update({"norm.weight": torch.ones(47)}),
        r'"norm.weight" is \[47\] in it, and \[48\] in the model',
    ),
    "all of them": (
        lambda s: [s.pop("cls_token"), s.update({"norm.bias": torch.ones(3), "x": torch.ones(1)})],
        r'lacks "cls_token"; it also has "x"; "norm.bias" is \[3\]',
    ),
    "size": (
        lambda s: s.update({"pos_embed": torch.ones(1, 26, 48)}),
        r'"pos_embed" is \[1, 26, 48\] .* image_size= tells',
    ),
    "mean": (
        lambda s: s.update({f"fc_norm.{k}": s.pop(f"norm.{k}") for k in ("weight", "bias")}),
        'takes global_pool="avg"',
    ),
    "integers": (
        lambda s: s.update({"norm.weight": torch.ones(48, dtype=torch.int8)}),
        r'"norm.weight" is torch\.int8 in it, not numbers that the model computes with',
    ),
    "sparse": (
        lambda s: s.update({"norm.weight": s["norm.weight"].to_sparse()}),
        r'"norm.weight" is torch\.float32, torch\.sparse_coo in it',
    ),
    "no values": (
        lambda s: s.update({"norm.weight": s["norm.weight"].to("meta")}),
        r'"norm.weight" is torch\.float32 without values in it',
    ),
    "two of them": (
        lambda s: s.update(prefixed("module.", s)),
        r'holds 2 models, "", "module"; say which: weights_key="module"',
    ),
    "nothing": (lambda s: s.clear() or s.update({"a.b": torch.ones(1)}), "holds no ViT"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_does_not_fit_is_refused_with_the_names(fault, tmp_path):
    change, _sentence = FAULTS[fault]
    state = state_of(timm_model(num_classes=7))
    change(state)
    torch.save(state, tmp_path / "mine.pth")
    with refused(vl.UsageError):
        vl.load(NAME, weights=tmp_path / "mine.pth", **WORDS)


def test_a_model_fine_tuned_to_the_mean_of_its_patches(tmp_path):
    model = timm_model(num_classes=7, global_pool="avg")
    torch.save({"model": state_of(model)}, tmp_path / "mae_finetuned_vit_base.pth")
    path = tmp_path / "mae_finetuned_vit_base.pth"
    vit = vl.load(NAME, weights=path, global_pool="avg", **WORDS)
    assert vit.readout.name == "mean of patches"
    same_answer(vit, model)


def test_an_id_of_timm_with_a_file_needs_no_hub(tmp_path):
    model = timm_model(num_classes=7)
    torch.save(state_of(model), tmp_path / "mine.pth")
    vit = vl.load(f"timm/{NAME}.augreg_in21k_ft_in1k", weights=tmp_path / "mine.pth", **WORDS)
    same_answer(vit, model)


def test_at_another_size_positions_are_resampled_by_timm(tmp_path):
    model = timm_model(num_classes=7, img_size=224)
    torch.save(state_of(model), tmp_path / "mine.pth")
    vit = vl.load(NAME, weights=tmp_path / "mine.pth", **{**WORDS, "image_size": (96, 64)})
    model.set_input_size(img_size=(96, 64))
    same_answer(vit, model, (96, 64))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("toy/p32", {"weights": "a.pth"}),
        (NAME, {"weights_key": "teacher"}),
        (NAME, {"weights": "no/such.pth"}),
        (NAME, {"weights": 7}),
    ],
)
def test_weights_that_cannot_be_meant(source, words):
    with refused(vl.UsageError):
        vl.load(source, **words)
