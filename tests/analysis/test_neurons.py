"""Products of queries and keys, channel by channel, sum to the score, whatever the architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from tests.zoo_sweep import small_hf
from tests.zoo_sweep.measure import random_pixels
from tests.zoo_sweep.small_timm import small
from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis.maps import Maps

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

TIMM = {
    "vit_tiny_patch16_224": "plain",
    "vit_base_patch16_xp_224": "plain",  # qk-norm: queries and keys are shown normed
    "vit_small_patch16_18x2_224": "plain",
    "vit_huge_patch16_sapiens2": "rotated",
    "eva02_tiny_patch14_224": "rotated",
    "vit_small_patch16_dinov3": "rotated",
    "vit_base_patch16_rope_mixed_ape_224": "rotated",
    "beit_base_patch16_224": "biased",
    "vit_relpos_small_patch16_224": "biased",
    "vit_srelpos_small_patch16_224": "biased",
}
"""Name: what its scores are made of."""

PAIRS = [(0, 0), (1, 7), (9, 2), (12, 12), (5, 14)]


@pytest.mark.parametrize(("name", "kind"), TIMM.items())
def test_the_parts_sum_to_the_score(name, kind):
    vit = vl.load(shaken(small(name)))
    trace = vit.trace(random_pixels(vit.image_size), preprocessed=True)
    maps = Maps(trace)
    rests, turned = [], []
    for layer in range(vit.n_layers):
        own_q = trace["q", layer].numpy()
        for image, head, (query, key) in zip((0, 1, 0, 1, 1), (0, 1, 2, 3, 1), PAIRS, strict=True):
            found = maps.neurons(layer, head, query, key, image)
            total = found.scale * found.product.astype(np.float64).sum() + found.rest
            assert total == pytest.approx(found.score, abs=1e-4)
            score = maps.of_head(layer, head, "scores", image)[query, key]
            assert found.score == pytest.approx(float(score), abs=1e-5)
            np.testing.assert_allclose(found.product, found.query * found.key)
            assert found.query.shape == (own_q.shape[-1],)
            rests.append(found.rest)
            turned.append(np.abs(found.query - own_q[image, query, head]).max())
            # a rotation keeps the length
            length = np.linalg.norm(own_q[image, query, head])
            assert np.linalg.norm(found.query) == pytest.approx(length, rel=1e-4)
    assert any(rests) == (kind == "biased")
    assert (max(turned) > 1e-3) == (kind == "rotated")


@pytest.mark.parametrize("kind", ["BeitForImageClassification", "Dinov2Model", "SiglipVisionModel"])
def test_transformers_parts_sum_to_the_score(kind):
    vit = vl.load(shaken(small_hf.small(kind)), image_size=small_hf.run_at(kind))
    trace = vit.trace(random_pixels(vit.image_size), preprocessed=True)
    found = heads.neurons(trace, 1, 2, 3, 11, 1)
    assert found.scale == pytest.approx(12**-0.5)
    expected = trace.attention(1, 2, "scores")[1, 3, 11]
    total = found.scale * found.product.sum() + found.rest
    assert total == pytest.approx(float(expected), abs=1e-5)


def test_plain_queries_and_keys_are_the_traces_sites():
    vit = vl.load(hf_model())
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    found = heads.neurons(trace, 2, 1, query=4, key=9, image=1)
    np.testing.assert_allclose(found.query, trace["q", 2][1, 4, 1].numpy(), atol=1e-6)
    np.testing.assert_allclose(found.key, trace["k", 2][1, 9, 1].numpy(), atol=1e-6)
    assert found.rest == 0.0


def test_half_precision_sums_as_well():
    vit = vl.load(shaken(small("beit_base_patch16_224")).to(torch.bfloat16))
    trace = vit.trace(random_pixels(vit.image_size), preprocessed=True)
    found = heads.neurons(trace, 1, 1, 3, 7)
    assert found.scale * found.product.sum() + found.rest == pytest.approx(found.score, abs=1e-4)


def test_dropped_tokens_leave_positions_in_the_sequence():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80))
    trace = vit.trace(pixels, edits=[vl.edits.DropTokens([2, 5])], preprocessed=True)
    found = heads.neurons(trace, 0, 0, query=13, key=2)
    np.testing.assert_allclose(found.query, trace["q", 0][0, 13, 0].numpy(), atol=1e-6)
    with refused(vl.UsageError):
        heads.neurons(trace, 0, 0, query=14, key=2)


def test_a_score_that_was_edited_is_not_explained():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80))
    edits = [
        vl.edits.KnockOut(1, query=3, key=4),
        vl.edits.Add("attn_scores", 2, 5.0, query=1, key=1),
    ]
    trace = vit.trace(pixels, edits=edits, preprocessed=True)
    for layer, query, key in ((1, 3, 4), (2, 1, 1)):
        with refused(vl.UsageError):
            heads.neurons(trace, layer, 0, query, key)
    other = heads.neurons(trace, 1, 0, 3, 5)
    assert other.scale * other.product.sum() == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "beit_base_patch16_224"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_score_may_be_a_thousandth_of_its_terms_from_their_sum(name, sign):
    vit = vl.load(shaken(small(name)))
    pixels = random_pixels(vit.image_size)
    at = {"query": 3, "key": 7}
    clean = heads.neurons(vit.trace(pixels, preprocessed=True), 1, 1, **at)
    size = clean.scale * np.abs(clean.product).sum() + abs(clean.rest)
    for share, is_refused in ((0.0008, False), (0.0012, True)):
        edit = vl.edits.Add("attn_scores", 1, sign * share * float(size), head=1, **at)
        trace = vit.trace(pixels, edits=[edit], preprocessed=True)
        if is_refused:
            with refused(vl.UsageError):
                heads.neurons(trace, 1, 1, **at)
        else:
            found = heads.neurons(trace, 1, 1, **at).score
            assert found == pytest.approx(clean.score + sign * share * size, rel=1e-5, abs=1e-6)
