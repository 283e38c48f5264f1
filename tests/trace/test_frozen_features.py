"""What is pooled as an affine map of the last state, against NumPy and against the model itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.trace.frozen_features import FrozenFeatures


def traced(vit):
    return vit.trace(pixels_for(vit.image_size, n_images=3), preprocessed=True)


@pytest.mark.parametrize("kind", ["CLIP", "Siglip"])
def test_components_add_up_among_the_texts(kind, tmp_path):
    texts.saved(kind, tmp_path)
    vit = vl.load(str(tmp_path), prompts=texts.PROMPTS)
    trace = traced(vit)
    frozen = FrozenFeatures(trace)
    total = frozen.constant + frozen.of(trace.states[0])
    for layer in range(vit.n_layers):
        heads = [HeadOutputs(trace, layer).of(head) for head in range(vit.n_heads)]
        bias = trace["attn_out", layer] - sum(heads)
        for vectors in (*heads, bias, trace["mlp_out", layer]):
            total = total + frozen.of(vectors)
    torch.testing.assert_close(total, frozen.features, rtol=1e-5, atol=1e-5)


def test_clip_s_projection_of_a_normed_cls_is_done_by_hand(tmp_path):
    model = texts.saved("CLIP", tmp_path)
    vit = vl.load(str(tmp_path), prompts=texts.PROMPTS)
    trace = traced(vit)
    frozen = FrozenFeatures(trace)
    norm, project = model.vision_model.post_layernorm, model.visual_projection.weight
    gain, shift, matrix = (p.detach().double().numpy() for p in (norm.weight, norm.bias, project))
    x = trace.states[-1][:, 0].double().numpy()
    scale = np.sqrt(x.var(-1, keepdims=True) + norm.eps)
    vector = torch.randn(trace.states[-1].shape, generator=torch.Generator().manual_seed(5))
    v = vector[:, 0].double().numpy()
    expected = ((v - v.mean(-1, keepdims=True)) / scale * gain) @ matrix.T
    np.testing.assert_allclose(frozen.of(vector), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        frozen.constant, np.tile(shift @ matrix.T, (3, 1)), rtol=1e-4, atol=1e-6
    )


def test_it_is_linear_and_read_tokens_alone_count():
    trace = traced(vl.load(timm_model("CLS")))
    frozen = FrozenFeatures(trace)
    a, b = torch.randn(2, *trace.states[-1].shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(frozen.of(2 * a - 3 * b), 2 * frozen.of(a) - 3 * frozen.of(b))
    a[:, 1:] = 0
    torch.testing.assert_close(
        frozen.of(a), frozen.of(a + b - b * (torch.arange(b.shape[1]) == 0)[:, None])
    )


def test_a_trace_with_gradients_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True, grad=True)
    with refused(vl.UsageError):
        FrozenFeatures(trace)
