"""Rollouts against NumPy, and the readout's row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.head_oracle import random_patterns, trace_with
from tests.sentences import refused
from tests.small_models import pixels_for, shaken, timm_model
from tests.zoo_sweep.small_timm import small
from vitlens_widgets.analysis import heads


def by_hand(patterns):
    """Equation 1 of Abnar & Zuidema for `[layer, head, query, key]`, entry by entry."""
    n = patterns.shape[-1]
    so_far, found = np.eye(n), []
    for layer in patterns.astype(np.float64):
        new = np.zeros((n, n))
        for query in range(n):
            row = [0.5 * np.mean(layer[:, query, key]) + 0.5 * (query == key) for key in range(n)]
            row = np.array(row) / np.sum(row)
            for key in range(n):
                new[query, key] = sum(row[via] * so_far[via, key] for via in range(n))
        so_far = new
        found.append(so_far)
    return np.stack(found)


@pytest.mark.parametrize(("special", "n"), [("CLS", 16), ("mean of patches", 15)])
def test_a_rollout_is_equation_1(special, n):
    patterns = random_patterns(3, 2, 4, n, n)
    trace = trace_with(special, patterns)
    expected = [by_hand(patterns[:, image]) for image in range(2)]
    for image in range(2):
        found = heads.rollout(trace, image)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[image], rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.sum(-1), 1, rtol=0, atol=1e-5)
    np.testing.assert_allclose(heads.rollout(trace, None), np.mean(expected, 0), atol=1e-6)


def test_weights_knocked_out_after_the_softmax_are_made_up_for():
    vit = vl.load(timm_model("CLS"))
    edit = vl.edits.KnockOut(1, key=[3, 5, 8], when="pattern")
    trace = vit.trace(pixels_for((48, 80)), edits=[edit], preprocessed=True)
    patterns = np.stack([trace.attention(layer)[0].numpy() for layer in range(3)])
    assert patterns[1].sum(-1).max() < 0.99
    np.testing.assert_allclose(heads.rollout(trace), by_hand(patterns), rtol=0, atol=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_heads_that_read_only_themselves_move_nothing(seed):
    eye = np.broadcast_to(np.eye(16, dtype=np.float32), (3, 1, 4, 16, 16))
    patterns = eye.copy()
    layer = seed % 3
    patterns[layer] = random_patterns(1, 4, 16, 16, seed=seed)
    found = heads.rollout(trace_with("CLS", patterns))
    np.testing.assert_allclose(found[:layer], eye[:layer, 0, 0], atol=1e-7)
    once = 0.5 * patterns[layer, 0].mean(0) + 0.5 * np.eye(16)
    np.testing.assert_allclose(found[layer:], np.broadcast_to(once, found[layer:].shape), atol=1e-6)


def traced(special):
    vit = vl.load(timm_model(special))
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def test_the_readouts_row_is_that_of_cls():
    trace = traced("CLS")
    maps = heads.rollout(trace)
    np.testing.assert_allclose(heads.readout_row(trace, maps), maps[:, 0], rtol=1e-6)


def test_the_readouts_row_is_the_mean_of_what_it_averages():
    trace = traced("mean of patches")
    np.testing.assert_allclose(
        heads.readout_row(trace, heads.rollout(trace)), heads.rollout(trace).mean(1), rtol=1e-5
    )
    trace = traced("distillation")
    pattern = trace.attention(1)[0].numpy()
    found = heads.readout_row(trace, pattern)
    assert found.shape == (4, 14)
    np.testing.assert_allclose(found, pattern[:, :2].mean(1), rtol=1e-5)


def test_attention_pooling_weighs_each_image_in_its_own_way():
    model = shaken(small("vit_base_patch16_siglip_224"))
    vit = vl.load(model, classifier=(torch.eye(model.num_features), None))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    pooled = vit.readout.attention(trace.states[-1]).mean(1).detach().numpy()
    for image in range(2):
        maps = heads.rollout(trace, image)[-1]
        found = heads.readout_row(trace, maps, image)
        np.testing.assert_allclose(found, pooled[image] @ maps, rtol=1e-5)
        assert found.sum() == pytest.approx(1, rel=1e-5)


def test_what_does_not_fit_is_refused_in_a_sentence():
    trace = traced("CLS")
    with refused(vl.UsageError):
        heads.readout_row(trace, np.zeros((4, 15, 15)))
    with refused(vl.UsageError):
        heads.readout_row(trace, np.zeros((16, 16)), image=2)
    with refused(vl.UsageError):
        heads.rollout(trace, 5)
