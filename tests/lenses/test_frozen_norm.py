"""The frozen-norm lens against Prisma's arithmetic, written again from its definition."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, shaken, timm_model


def traced(special):
    vit = vl.load(timm_model(special))
    return vit, vit.trace(pixels_for(vit.image_size), preprocessed=True)


def written_again(vit, states, bias, center):
    """`[state, image, token, class]` in NumPy, float64: Prisma's, or centred over the classes."""
    norm = vit.model.norm if isinstance(vit.model.norm, nn.LayerNorm) else vit.model.fc_norm
    weight, shift, classes, offset = (
        of.detach().double().numpy()
        for of in (norm.weight, norm.bias, vit.model.head.weight, vit.model.head.bias)
    )
    states = states.double().numpy()
    scale = np.sqrt(states[-1].var(-1, keepdims=True) + norm.eps)
    folded = classes * weight
    folded_bias = offset + classes @ shift
    if center:
        folded = folded - folded.mean(0, keepdims=True)
        folded_bias = folded_bias - folded_bias.mean()
    logits = (states - states.mean(-1, keepdims=True)) / scale @ folded.T
    return logits + folded_bias if bias else logits


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("special", ["CLS", "four registers and layer scale", "mean of patches"])
def test_it_is_its_definition(special, bias, center):
    vit, trace = traced(special)
    reading = vl.FrozenNormLens(vit, bias=bias, center=center).read(trace)
    expected = written_again(vit, trace.states, bias, center)
    for k in range(4):
        np.testing.assert_allclose(reading.logits(k), expected[k], rtol=0, atol=2e-5)


def test_prismas_is_the_default_and_its_logits_keep_their_mean_over_the_classes():
    vit, trace = traced("CLS")
    prisma, centred = (vl.FrozenNormLens(vit, center=c).read(trace) for c in (False, True))
    torch.testing.assert_close(
        vl.FrozenNormLens(vit).read(trace).logits(2), prisma.logits(2), rtol=0, atol=0
    )
    shared = prisma.logits(2).mean(-1)
    assert shared.abs().min() > 1e-4
    torch.testing.assert_close(
        prisma.logits(2) - centred.logits(2), shared[..., None].expand_as(centred.logits(2))
    )
    torch.testing.assert_close(prisma.probability(3), centred.probability(3))


@pytest.mark.parametrize("special", ["CLS", "distillation", "mean of patches", "qk-norm"])
def test_with_biases_the_final_readout_is_the_models_own_answer(special):
    vit, trace = traced(special)
    reading = vl.FrozenNormLens(vit, bias=True).read(trace)
    found = reading.readout.logits(3)
    assert (found - trace.logits).abs().max() <= 1e-5 * trace.logits.abs().max()


def test_states_add_up_in_logit_space():
    vit, trace = traced("four registers and layer scale")
    lens = vl.FrozenNormLens(vit)
    states = lens.read(trace)
    parts = [lens.read(trace, site=site).logits(1) for site in ("attn_out", "mlp_out")]
    torch.testing.assert_close(states.logits(1) + sum(parts), states.logits(2), rtol=0, atol=5e-5)


def test_only_the_scale_differs_from_the_logit_lens():
    vit, trace = traced("CLS")
    frozen = vl.FrozenNormLens(vit, bias=True).read(trace)
    plain = vl.LogitLens(vit).read(trace)
    torch.testing.assert_close(frozen.logits(3), plain.logits(3), rtol=0, atol=1e-4)
    assert (frozen.logits(0) - plain.logits(0)).abs().max() > 0.1


def test_reading_leaves_no_hook():
    vit, trace = traced("CLS")
    vl.FrozenNormLens(vit).read(trace).top(2)
    assert not any(module._forward_hooks for module in vit.model.modules())


def test_what_has_no_such_norm_or_classifier_is_refused():
    rms = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, depth=1, norm_layer="rmsnorm", num_classes=5
    )
    with refused(vl.UsageError):
        vl.FrozenNormLens(vl.load(shaken(rms)))
    bent = timm_model("CLS")
    bent.head = nn.Sequential(nn.Linear(48, 20), nn.GELU(), nn.Linear(20, 11))
    with refused(vl.UsageError):
        vl.FrozenNormLens(vl.load(bent))
    with refused(vl.UsageError):
        vl.FrozenNormLens(vl.load(timm_model("CLS", num_classes=0)))
