"""What the embedding adds to the answer, split into prefix tokens, patches and positions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.attribution_oracle import frozen_at, traced
from tests.analysis.class_space_oracle import MODELS
from tests.small_models import shaken, timm_model
from tests.zoo_sweep.small_timm import small


def test_the_embedding_is_split_where_no_norm_stands_behind_it():
    model = timm_model("mean of patches")
    trace = traced(model, 3)
    parts = vl.analysis.attribution(trace, 2).parts
    assert list(parts.embedding) == ["patch projection", "position"]
    with torch.no_grad():
        own = model.pos_embed.expand(3, -1, -1)
    expected = frozen_at(model, trace.states[-1], own, 2).numpy()
    np.testing.assert_allclose(parts.embedding["position"][0], expected, rtol=1e-3, atol=1e-5)
    assert list(vl.analysis.attribution(traced(timm_model("CLS"))).parts.embedding) == ["CLS"]
    tower = shaken(small("vit_pe_core_base_patch16_224"))  # a norm before its blocks
    assert list(vl.analysis.attribution(traced(tower)).parts.embedding) == ["CLS", "patches"]


def test_each_prefix_token_that_is_read_is_a_component_by_its_name():
    model = timm_model("distillation")
    trace = traced(model, 3)
    found = vl.analysis.attribution(trace, 4).parts.embedding
    assert list(found) == ["CLS", "distillation"] == list(trace.layout.prefix)
    first, final = (trace.states[k].double() for k in (0, -1))
    for at, head in enumerate((model.head, model.head_dist)):
        scale = (final[:, at].var(-1, unbiased=False, keepdim=True) + model.norm.eps).sqrt()
        normed = (first[:, at] - first[:, at].mean(-1, keepdim=True)) / scale * model.norm.weight
        expected = (normed.double() @ head.weight[4].double() / 2).detach().numpy()
        np.testing.assert_allclose(found[trace.layout.prefix[at]][0], expected, rtol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_components_of_the_embedding_are_named_as_tokens_are(kind):
    trace = traced(MODELS[kind]())
    names = list(vl.analysis.attribution(trace, 1).parts.embedding)
    of_prefix = [name for name in names if name in trace.layout.prefix]
    assert names[: len(of_prefix)] == of_prefix
    assert names[len(of_prefix) :] in ([], ["patches"], ["patch projection", "position"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_in_other_precisions_the_embedding_is_split_alike(dtype):
    model = timm_model("mean of patches")
    expected = vl.analysis.attribution(traced(model), 2).parts.embedding
    found = vl.analysis.attribution(traced(model.to(dtype)), 2).parts.embedding
    assert list(found) == list(expected) == ["patch projection", "position"]
    largest = max(np.abs(one).max() for one in expected.values())
    for name, values in expected.items():
        near = {torch.float64: 1e-5}.get(dtype, 0.02)
        np.testing.assert_allclose(found[name], values, rtol=0, atol=near * largest)


def test_a_norm_behind_the_patches_is_seen_in_half_precision():
    tower = shaken(small("vit_pe_core_base_patch16_224")).to(torch.bfloat16)
    assert list(vl.analysis.attribution(traced(tower), 2).parts.embedding) == ["CLS", "patches"]
