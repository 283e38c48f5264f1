"""One pass over a layer's rows against the whole patterns: pictures, scales, statistics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis.heads.overviews import LayerOverview
from vitlens_widgets.analysis.maps import Maps
from vitlens_widgets.models.score_parts import ScoreParts
from vitlens_widgets.trace import chunks as chunks_file
from vitlens_widgets.trace.attention import Claim
from vitlens_widgets.trace.chunks import WeighedErrors, blocks, chunks
from vitlens_widgets.trace.rows import rows_of
from vitlens_widgets.widgets.attention_maps.codes import pooled, ranges_of

KINDS = ("mean of patches", "CLS", "distillation", "four registers and layer scale")


@pytest.fixture(params=[200, 3000, 2**21], ids=str)
def _few_rows(request, monkeypatch):
    """Chunks of one row, of some, of all."""
    monkeypatch.setattr(chunks_file, "CHUNK_BYTES", request.param)


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
    for rows in rows_of(whole):
        found.see(rows)
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


@pytest.mark.usefixtures("_few_rows")
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_computed_once_though_nothing_is_known_of_the_model(kind, monkeypatch):
    vit = vl.load(timm_model(kind))
    maps = Maps(vit.trace(pixels_for(vit.adapter.image_size)[:1], preprocessed=True))
    computed, settled = [], []
    own, settle = ScoreParts.scores, Claim.settle
    monkeypatch.setattr(
        ScoreParts,
        "scores",
        lambda *given, **words: computed.append(own(*given, **words)) or computed[-1],
    )
    monkeypatch.setattr(Claim, "settle", lambda *given: settled.append(1) or settle(*given))
    for turn in (1, 2):
        maps.layer_overview(1, 5)
        assert sum(map(torch.numel, computed)) == turn * vit.n_heads * len(maps.tokens) ** 2
        assert settled == [1]


@pytest.mark.parametrize(("heads", "n", "bytes_of_one"), [(5, 29, 7), (12, 4, 10**7), (3, 50, 99)])
def test_blocks_hold_every_row_of_every_head_once(heads, n, bytes_of_one, monkeypatch):
    monkeypatch.setattr(chunks_file, "CHUNK_BYTES", 2000)
    seen = np.zeros((heads, n), int)
    for some_heads, rows in blocks(heads, n, bytes_of_one):
        part = seen[some_heads, rows]
        part += 1
        assert part.size == 1 or part.size * bytes_of_one <= 2000
    assert (seen == 1).all()


def errors_of(parts, v, z):
    """Of all chunks."""
    errors = WeighedErrors(v, z)
    for chunk in chunks(parts):
        errors.see(chunk)
    return errors


@pytest.mark.usefixtures("_few_rows")
def test_an_error_of_the_attention_is_found_in_its_head():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 17, 8, generator=generator) for _ in range(3))
    parts = ScoreParts(q, k, 8**-0.5)
    z = parts.scores().softmax(-1) @ v
    errors = errors_of(parts, v, z)
    assert (errors.off < 1e-5).all()
    torch.testing.assert_close(errors.largest, z.abs().amax((0, 2, 3)))
    z[1, 2, 11, 5] += 0.25
    off = errors_of(parts, v, z).off
    assert (off[:2] < 1e-5).all()
    assert float(off[2]) == pytest.approx(0.25, abs=1e-5)


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
