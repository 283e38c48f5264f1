"""One pass over a layer's rows against the whole patterns: pictures, scales, statistics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis.heads.overviews import LayerOverview
from vitlens_widgets.analysis.maps import Maps
from vitlens_widgets.trace import rows as rows_file
from vitlens_widgets.trace.rows import Rows, slices
from vitlens_widgets.widgets.attention_maps.codes import pooled, ranges_of

KINDS = ("mean of patches", "CLS", "distillation", "four registers and layer scale")


@pytest.fixture(params=[200, 3000, 2**21], ids=str)
def _few_rows(request, monkeypatch):
    """Chunks of one row, of some, of all."""
    monkeypatch.setattr(rows_file, "CHUNK_BYTES", request.param)


def patterns(n_heads, n, seed):
    """Sharp and flat heads, one with a column that takes nearly all, one with equal weights."""
    scores = torch.randn(n_heads, n, n, generator=torch.Generator().manual_seed(seed))
    scores *= torch.logspace(-1, 1, n_heads)[:, None, None]
    scores[0, :, n // 3] += 9
    scores[1] = 0
    return scores.softmax(-1)


@pytest.mark.usefixtures("_few_rows")
@pytest.mark.parametrize(("n", "side"), [(29, 7), (16, 15), (53, 24), (40, 1)])
def test_pictures_and_scales_are_those_of_the_whole_maps(n, side):
    whole = patterns(5, n, n)
    found = LayerOverview(5, n, side)
    for queries in slices(n, 5 * n * 4):
        found.see(Rows(queries.start, whole[:, queries], None))
    np.testing.assert_allclose(found.maps, pooled(whole.numpy(), side), rtol=1e-5)
    np.testing.assert_array_equal(found.ranges, ranges_of(whole.numpy(), "pattern")[:, 1:])


@pytest.mark.usefixtures("_few_rows")
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_seen_once_for_its_overview_and_its_statistics(kind, monkeypatch):
    vit = vl.load(timm_model(kind))
    trace = vit.trace(pixels_for(vit.adapter.image_size), preprocessed=True)
    expected = Maps(trace).statistics(0)
    maps, n = Maps(trace), len(trace.tokens)
    for layer in range(vit.n_layers):
        small, ends = maps.layer_overview(layer, 5)
        whole = trace.attention(layer)[0].numpy()
        np.testing.assert_allclose(small, pooled(whole, 5), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(ends, ranges_of(whole, "pattern")[:, 1:], rtol=1e-5)
    monkeypatch.setattr(type(trace), "sites", None)  # nothing is computed again
    found = maps.statistics(0)
    assert found.names == expected.names
    assert n == len(maps.tokens)
    for name in found.names:
        np.testing.assert_allclose(found.values[name], expected.values[name], rtol=1e-5)


def test_layers_that_are_not_measured_have_no_numbers():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    every, some = Maps(trace).statistics(0), Maps(trace).statistics(0, [1])
    for name in every.names:
        np.testing.assert_array_equal(some.values[name][1], every.values[name][1])
        assert np.isnan(some.values[name][[0, 2]]).all()


@pytest.mark.usefixtures("_few_rows")
def test_knocked_out_keys_take_no_part_in_the_entropy():
    vit = vl.load(timm_model("CLS"))
    edits = [vl.edits.KnockOut(1, query=0, key=[3, 4])]
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True, edits=edits)
    p = trace.attention(1)[0].double().numpy()
    expected = -(p * np.log(np.where(p > 0, p, 1))).sum(-1).mean(-1)
    np.testing.assert_allclose(Maps(trace).statistics(0).values["entropy"][1], expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["pattern", "scores"])
def test_a_head_of_a_large_layer_is_made_without_the_others(kind, monkeypatch):
    vit = vl.load(timm_model("four registers and layer scale"))
    trace = vit.trace(pixels_for((56, 84)), preprocessed=True)
    monkeypatch.setattr("vitlens_widgets.analysis.maps.LAYER_BYTES", 0)
    maps = Maps(trace)
    monkeypatch.setattr(maps, "of_layer", None)
    for head in range(vit.n_heads):
        expected = trace.attention(1, head, kind)[0]
        np.testing.assert_allclose(maps.of_head(1, head, kind), expected, rtol=1e-5, atol=1e-6)
    assert maps.of_head(1, 0, kind) is maps.of_head(1, 0, kind)
