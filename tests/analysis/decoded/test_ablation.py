"""Heads switched off, against a plain loop of edited runs and the model's own code under a hook."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.analysis import ablation_effects
from vitlens_widgets.analysis.decoded.ablation import Ablated, Ablation

KINDS = (
    "CLS",
    "mean of patches",
    "distillation",
    "four registers and layer scale",
    "scaled attention and MLP norms",
)


def cosines(found, intact):
    return torch.cosine_similarity(found.double(), intact.double(), dim=-1).detach().numpy()


def in_a_loop(trace):
    """One edited run after the other, `[layer, head, image]`."""
    vit = trace.vit
    read = vit.adapter.readout_features
    intact = read(trace.states[-1])
    return np.array(
        [
            [
                1 - cosines(read(trace.rerun([vl.edits.Zero("z", k, head=h)]).states[-1]), intact)
                for h in range(vit.n_heads)
            ]
            for k in range(vit.n_layers)
        ]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_loop_of_edited_runs(kind):
    vit = vl.load(timm_model(kind))
    trace = vit.trace(pixels_for(vit.image_size, n_images=3), preprocessed=True)
    expected = in_a_loop(trace)
    assert expected.min() > 1e-5
    found = ablation_effects(trace)
    assert found.shape == (vit.n_layers, vit.n_heads, 3)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-6)


def test_it_is_the_model_itself_with_a_hook_on_its_projection():
    model = timm_model("CLS").double()
    vit, pixels = vl.load(model), pixels_for((48, 80)).double()
    found = ablation_effects(vit.trace(pixels, preprocessed=True))
    own = model.forward_head(model.forward_features(pixels), pre_logits=True)
    width = vit.width // vit.n_heads
    for layer, head in ((0, 1), (1, 0), (2, 2)):

        def off(_module, given, head=head):
            z = given[0].clone()
            z[..., head * width : (head + 1) * width] = 0
            return (z,)

        handle = model.blocks[layer].attn.proj.register_forward_pre_hook(off)
        without = model.forward_head(model.forward_features(pixels), pre_logits=True)
        handle.remove()
        np.testing.assert_allclose(found[layer, head], 1 - cosines(without, own), rtol=1e-8)


def test_no_classifier_is_needed_and_prompts_change_nothing(tmp_path):
    texts.saved("CLIP", tmp_path)
    pixels = pixels_for((32, 32))
    without, asked = (vl.load(str(tmp_path), prompts=one) for one in (None, texts.PROMPTS))
    pixels = pixels_for(asked.image_size)
    with_prompts = asked.trace(pixels, preprocessed=True)
    projected = asked.adapter.readout_features(with_prompts.states[-1])
    assert projected.shape[-1] == asked.model.visual_projection.out_features
    found = ablation_effects(with_prompts)
    np.testing.assert_allclose(found, in_a_loop(with_prompts), rtol=2e-3, atol=1e-6)
    alone = without.trace(pixels, preprocessed=True)
    np.testing.assert_allclose(ablation_effects(alone), found, rtol=1e-5, atol=1e-7)


def test_any_heads_of_any_image_are_switched_off_together():
    vit = vl.load(hf_model())
    trace = vit.trace(pixels_for(vit.image_size, n_images=3), preprocessed=True)
    ablation = Ablation(trace)
    runs = [
        Ablated(2, ((0, 1), (2, 0), (2, 1))),
        Ablated(0, ()),
        Ablated(1, tuple(np.ndindex(vit.n_layers, vit.n_heads))),
        Ablated(0, ((1, 0),)),
    ]
    read = vit.adapter.readout_features
    expected = []
    for image, heads in runs:
        run = trace.rerun([vl.edits.Zero("z", k, head=h) for k, h in heads]) if heads else trace
        both = (read(one.states[-1])[image] for one in (run, trace))
        expected.append(float(cosines(*both)))
    np.testing.assert_allclose(ablation.of(runs, "heads"), expected, rtol=1e-5)
    assert dict(ablation.similarities(runs, order=[3, 1])).keys() == {1, 3}
    assert dict(ablation.similarities(runs, order=[1])) == {1: 1.0}


def test_a_run_of_fewer_tokens_is_asked_as_it_was():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True, edits=[vl.edits.DropTokens([3, 5])])
    np.testing.assert_allclose(ablation_effects(trace), in_a_loop(trace), rtol=2e-3, atol=1e-6)


def test_what_cannot_be_asked_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    ablation = Ablation(trace)
    for wrong in (
        lambda: ablation_effects(vit),
        lambda: ablation_effects(trace.rerun([vl.edits.Zero("z", 1, head=0)])),
        lambda: ablation.of([Ablated(5, ((0, 0),))], "heads"),
        lambda: ablation.of([Ablated(0, ((0, 9),))], "heads"),
    ):
        with refused(vl.UsageError):
            wrong()
