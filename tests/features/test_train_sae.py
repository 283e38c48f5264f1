"""`vl.train_sae`: from images to a file, in one go or in several, with the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.features import SAE
from vitlens_widgets.features.measured import measured
from vitlens_widgets.features.training import checks, fit, learning
from vitlens_widgets.features.training.plan import SAEPlan
from vitlens_widgets.features.training.train import in_numbers
from vitlens_widgets.trace.batch import as_batch

SMALL = {
    "n_latents": 64,
    "k": 4,
    "n_images": 40,
    "held_out": 8,
    "steps": 30,
    "batch_size": 64,
    "buffer": 500,
    "dead_after": 600,
}
TENSORS = ("encoder", "encoder_bias", "decoder", "decoder_bias")


@pytest.fixture(scope="module")
def vit():
    return vl.load("toy/attn-mlp-2l")


def images(n=40, size=(48, 80)):
    draw = np.random.default_rng(2)
    pictures = draw.integers(0, 255, (n, *size, 3), dtype=np.uint8)
    return vl.data.Examples([(one, None) for one in pictures])


def same(one, other):
    assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in TENSORS)
    assert one.card == other.card


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "relu", "matryoshka"])
def test_an_sae_of_the_world_says_what_it_is_worth(vit, kind, tmp_path):
    path = tmp_path / "sae.safetensors"
    sae = vl.train_sae(vit, vl.world.Scenes(), 1, kind=kind, **SMALL, save_to=path)
    again = vl.train_sae(vit, vl.world.Scenes(), 1, kind=kind, **SMALL, save_to=path)
    same(sae, again)
    assert not path.with_name("sae.safetensors.fit").exists()
    assert sae.activation.kind == {"matryoshka": "batchtopk"}.get(kind, kind)
    assert sae.nested == ((4, 8, 16, 32, 64) if kind == "matryoshka" else ())
    torch.testing.assert_close(sae.decoder.norm(dim=1), torch.ones(64))
    told = sae.card["held_out"]
    assert told["images"] == 8
    assert 0 < told["explained"] < 1
    assert 0 < told["recovered"] < 1
    if kind == "topk":
        assert told["l0"] <= 4
    elif kind != "relu":
        assert 1 < told["l0"] < 12


def test_the_card_has_what_is_measured_on_the_images_held_out(vit):
    data = vl.world.Scenes()
    sae = vl.train_sae(vit, data, 0, site="mlp_out", tokens="patches", **SMALL)
    of = sae.card["of"]
    assert (of["site"], of["tokens"]) == ("mlp_out", "patches")
    assert (of["n_images"], of["held_out"]) == (40, 8)
    draw = np.random.default_rng(np.random.SeedSequence((0, 0)))
    held_out = sorted(draw.permutation(40)[:8].tolist())
    pixels, _ = as_batch(vit, [data[number].image for number in held_out], False)
    found = in_numbers(measured(sae, vit, lambda: [pixels]))
    assert found == pytest.approx(sae.card["held_out"], rel=1e-4)


@pytest.mark.parametrize("after", [0, 3, 17])
def test_what_was_interrupted_ends_with_the_same_numbers(after, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "EVERY", 8)
    vit, data = vl.load(timm_model("CLS")), images()
    whole = vl.train_sae(vit, data, 1, **SMALL)
    assert whole.card["checks"]["step"] == [8, 16, 24, 30]
    path, stepped = tmp_path / "sae.safetensors", fit.stepped

    def stopping(now, x, step, plan):
        if step == after:
            raise KeyboardInterrupt
        return stepped(now, x, step, plan)

    monkeypatch.setattr(fit, "stepped", stopping)
    with pytest.raises(KeyboardInterrupt, match=f"Stopped after {after} of 30 steps, kept in"):
        vl.train_sae(vit, data, 1, **SMALL, save_to=path)
    monkeypatch.setattr(fit, "stepped", stepped)
    same(vl.train_sae(vit, data, 1, **SMALL, save_to=path), whole)
    same(SAE.load(path), whole)


@pytest.mark.parametrize("tokens", ["all", "patches", "readout"])
@pytest.mark.parametrize("model", ["CLS", "four registers and layer scale"])
def test_a_check_finds_what_is_measured_on_those_images(model, tokens):
    vit, data = vl.load(timm_model(model)), images()
    sae = vl.train_sae(vit, data, 1, tokens=tokens, **SMALL)  # held out are as many as are checked
    told = sae.card["checks"]
    assert (told["images"], told["step"]) == (8, [30])
    assert told["recovered"] == pytest.approx([sae.card["held_out"]["recovered"]], abs=1e-3)


def test_checks_are_rare_and_none_are_made_of_a_model_without_a_classifier():
    plan = SAEPlan(**(dict.fromkeys(SAEPlan.__dataclass_fields__, 0) | {"steps": 4000}))
    due = [step for step in range(1, 4001) if checks.Checks(None, None, plan).is_due(step)]
    assert due == list(range(200, 4001, 200))
    few = checks.Checks(None, None, replace(plan, steps=250))
    assert [step for step in range(1, 251) if few.is_due(step)] == [100, 200, 250]
    sae = vl.train_sae(vl.load(timm_model("CLS", num_classes=0)), images(), 1, **SMALL)
    assert "checks" not in sae.card
    now = fit.Training(200, curve=(learning.Told(0.5, 0.9, 16.0, 0.01),))
    assert fit.said(now) == "explains 90.0%, L0 16.0, dead 1.0%"
    now = replace(now, checks=(checks.Checked(100, 0.5), checks.Checked(200, 0.75)))
    assert fit.said(now).endswith("dead 1.0%, recovers 75.0%")


def test_another_training_is_not_taken_for_this_one(tmp_path):
    vit, data, path = vl.load(timm_model("CLS")), images(), tmp_path / "sae.safetensors"
    vl.train_sae(vit, data, 1, **SMALL, save_to=path)
    with refused(vl.UsageError):
        vl.train_sae(vit, data, 1, **SMALL | {"k": 5}, save_to=path)
    with refused(vl.UsageError):
        vl.train_sae(vl.load(timm_model("deit3")), images(size=(48, 96)), 1, **SMALL, save_to=path)


@pytest.mark.parametrize("model", ["CLS", "mean of patches", "four registers and layer scale"])
@pytest.mark.parametrize("tokens", ["all", "patches"])
def test_tokens_are_those_of_the_layout(model, tokens):
    vit = vl.load(timm_model(model))
    seen = []

    class Kept(fit.Pools):
        def batch(self, step):
            seen.append(super().batch(step))
            return seen[-1]

    data = images(12, vit.image_size)
    words = {**SMALL, "n_images": 12, "held_out": 2, "steps": 5, "batch_size": 16}
    from vitlens_widgets.features.training import train

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "Pools", Kept)
        sae = vl.train_sae(vit, data, 1, tokens=tokens, **words)
    trace = vit.trace([data[number].image for number in range(12)])
    own = trace["resid_post", 1][:, sae.where(vit)].flatten(0, 1)
    rows = torch.cat(seen)
    nearest = torch.cdist(rows.double(), own.double()).min(1).values
    assert nearest.max() < 1e-3 * rows.norm(dim=1).mean()
    assert len(torch.unique(rows, dim=0)) == len(rows)  # none twice in a pass


@pytest.mark.parametrize(
    "words",
    [
        {"layer": 9},
        {"site": "pattern"},
        {"site": "z"},
        {"tokens": "registers"},
        {"kind": "sparse"},
        {"k": 0},
        {"k": 65},
        {"l1": -1},
        {"nested": [4, 64]},
        {"kind": "matryoshka", "nested": [64, 4]},
        {"kind": "matryoshka", "nested": [4, 8]},
        {"steps": 0},
        {"rate": 0},
        {"center": "mode"},
        {"auxiliary": float("nan")},
        {"n_images": 2},
        {"n_images": None},
        {"seed": -1},
        {"rate": 1e30},
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(vit, words):
    words = {"layer": 1, **SMALL, **words}
    if words["n_images"] is None or words["n_images"] < 3:
        words.pop("held_out")
    with refused(vl.UsageError):
        vl.train_sae(vit, vl.world.Scenes(), **words)


def test_no_data_no_model_and_a_site_that_says_nothing_are_refused(vit):
    with refused(vl.UsageError):
        vl.train_sae(vit, ["cat.jpg"], 1)
    with refused(vl.UsageError):
        vl.train_sae(vit.model, vl.world.Scenes(), 1, n_images=10)
    with torch.no_grad():
        silent = vl.load(timm_model("CLS"))
        silent.model.blocks[1].mlp.fc2.weight.zero_()
    with refused(vl.UsageError):
        vl.train_sae(silent, images(), 1, site="mlp_out", **SMALL)
