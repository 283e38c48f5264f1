"""AttentionMaps of real traces: what the browser is sent is the model's own attention."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.widgets.attention_maps.codes import MINUS_INFINITY

SPECIALS = ["CLS", "mean of patches", "distillation", "four registers and layer scale"]


@pytest.mark.parametrize("special", SPECIALS)
def test_exact_numbers_are_the_traces_own(special):
    vit = vl.load(timm_model(special))
    rng = np.random.default_rng(4)
    trace = vit.trace([rng.integers(0, 256, (90, 130, 3), dtype=np.uint8) for _ in range(2)])
    reading = vl.LogitLens(vit).read(trace)
    widget = vl.AttentionMaps(trace, image=1, reading=reading, layer=1, head=1)
    n = len(trace.tokens)
    pattern, scores = np.frombuffer(widget._first_exact, "<f4").reshape(2, n, n)
    np.testing.assert_allclose(pattern, trace.attention(1, 1)[1].numpy(), atol=1e-6)
    np.testing.assert_allclose(scores, trace.attention(1, 1, "scores")[1].numpy(), atol=1e-5)
    top = reading.top(1)
    name = widget._labels[np.frombuffer(widget._answer, "<i4").reshape(-1, n)[1, 3]][0]
    assert name == vit.labels[int(top.index[1, 1, 3, 0])]
    assert [words["name"] for words in widget._statistic_words][:2] == ["entropy", "distance"]


def test_dropped_tokens_are_not_in_the_maps():
    vit = vl.load(timm_model("CLS"))
    edits = [vl.edits.DropTokens([3, 4])]
    trace = vit.trace(pixels_for((48, 80)), edits=edits, preprocessed=True)
    widget = vl.AttentionMaps(trace)
    assert widget._meta["tokens"] == [0, 1, 2, *range(5, 16)]
    assert len(widget._codes) == 3 * 4 * 14**2
    with refused(vl.UsageError):
        widget.token = 3


def test_the_scores_of_knocked_out_keys_are_minus_infinity():
    vit = vl.load(timm_model("CLS"))
    edits = [vl.edits.KnockOut(1, head=2, key=[5, 7])]
    trace = vit.trace(pixels_for((48, 80)), edits=edits, preprocessed=True)
    codes = np.frombuffer(vl.AttentionMaps(trace, kind="scores")._codes, "u1")
    knocked_out = codes.reshape(3, 4, 16, 16) == MINUS_INFINITY
    assert knocked_out[1, 2, :, [5, 7]].all()
    assert knocked_out.sum() == 2 * 16


def test_a_reading_of_sub_block_outputs_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    with refused(vl.UsageError):
        vl.AttentionMaps(trace, reading=vl.LogitLens(vit).read(trace, site="mlp_out"))


def test_the_mean_over_images_knows_how_alike_they_are():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for((48, 80), 3), preprocessed=True)
    widget = vl.AttentionMaps(trace, image=None, sort="agreement")
    widget.image = 2
    assert widget.sort == "layer"
    assert "agreement" not in [words["name"] for words in widget._statistic_words]
