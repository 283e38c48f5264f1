"""Agreement from image to image, and what the keys that a head reads mean."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.analysis.head_oracle import random_patterns, trace_with
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import heads


def test_agreement_is_the_mean_correlation_of_all_pairs_of_images():
    patterns = random_patterns(3, 4, 4, 16, 16)
    patterns[1, :, 2] = 0.7 * patterns[1, :1, 2] + 0.3 * patterns[1, :, 2]
    trace = trace_with("CLS", patterns)
    found = heads.agreement(trace)
    for layer in range(3):
        for head in range(4):
            flat = patterns[layer, :, head].reshape(4, -1)
            pairs = [np.corrcoef(a, b)[0, 1] for a, b in combinations(flat, 2)]
            assert found[layer, head] == pytest.approx(np.mean(pairs), abs=1e-5)
    np.testing.assert_allclose(heads.statistics(trace).values["agreement"], found)
    assert found[1, 2] > found[1, 1] + 0.2


def test_the_same_map_for_every_image_agrees_fully():
    patterns = np.repeat(random_patterns(3, 1, 4, 16, 16), 3, axis=1)
    patterns[2, :, 1] = 1 / 16  # uniform for every image: the same, though it has no correlation
    patterns[2, 0, 3] = 1 / 16  # uniform for one of three
    found = heads.agreement(trace_with("CLS", patterns))
    np.testing.assert_allclose(np.delete(found.ravel(), 11), 1, rtol=1e-5)
    assert found[2, 3] == pytest.approx(1 / 3, abs=1e-5)


def test_one_image_agrees_with_nothing():
    trace = trace_with("CLS", random_patterns(3, 1, 4, 16, 16))
    assert "agreement" not in heads.statistics(trace).names
    with refused(vl.UsageError):
        heads.agreement(trace)
    of_one = heads.statistics(trace_with("CLS", random_patterns(3, 2, 4, 16, 16)), image=0)
    assert "agreement" not in of_one.names


@pytest.fixture(scope="module")
def read():
    vit = vl.load(timm_model("four registers and layer scale"))
    trace = vit.trace(pixels_for((56, 84)), preprocessed=True)
    return trace, vl.LogitLens(vit).read(trace)


def test_the_keys_a_head_reads_are_shown_with_what_they_mean(read):
    trace, reading = read
    table = heads.read_keys(trace, reading, layer=2, head=3, query=7, k=4, image=1)
    row = trace.attention(2, 3)[1, 7].numpy()
    keys = np.argsort(-row)[:4]
    assert table["key"].tolist() == keys.tolist()
    np.testing.assert_allclose(table["weight"], row[keys], rtol=1e-6)
    assert table["token"].tolist() == [trace.layout.describe(int(key)) for key in keys]
    logits = reading.logits(2)[1].double().numpy()  # the state that enters block 2
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    assert table["answer"].tolist() == [trace.vit.labels[int(p[key].argmax())] for key in keys]
    np.testing.assert_allclose(table["probability"], p[keys].max(-1), rtol=1e-4)
    asked = trace.vit.labels[int(p[7].argmax())]
    assert f'L2 H3: row 0, col 2 ("{asked}") reads; logit lens of 2_pre' in table.attrs["title"]


def test_after_dropping_patches_keys_are_positions_and_tokens_are_places():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80))
    trace = vit.trace(pixels, edits=[vl.edits.DropTokens([1, 2])], preprocessed=True)
    table = heads.read_keys(trace, vl.LogitLens(vit).read(trace), 0, 0, query=1, k=14)
    described = dict(zip(table["key"], table["token"], strict=True))
    assert described[0] == "CLS"
    assert described[1] == trace.layout.describe(3)
    assert len(described) == 14


def test_what_does_not_go_together_is_refused(read):
    trace, reading = read
    lens = vl.LogitLens(trace.vit)
    other = lens.read(trace.vit.trace(pixels_for((56, 84)), preprocessed=True))
    cases = {
        "applied to this very trace": (other, {}),
        "not of sub-block outputs": (lens.read(trace, site="attn_out"), {}),
        "k, the number of keys, must be a whole number from 1 to 29, not 0": (reading, {"k": 0}),
        "from 1 to 29, not 30": (reading, {"k": 30}),
        "from 1 to 29, not '2'": (reading, {"k": "2"}),
        "query position 29 is out of range": (reading, {"query": 29}),
        "layer 3 is out of range": (reading, {"layer": 3}),
        "head 4 is out of range": (reading, {"head": 4}),
        "image 2 is out of range": (reading, {"image": 2}),
    }
    for given, words in cases.values():
        with refused(vl.UsageError):
            heads.read_keys(trace, given, **{"layer": 0, "head": 0, "query": 0, **words})
