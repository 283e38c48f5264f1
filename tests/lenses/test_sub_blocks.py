"""A lens on what attention, MLP and single heads add to the stream."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.lenses.pictures.steered import Writer, WrittenBy
from vitlens_widgets.trace.again import site_if

NEUTRAL = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


@pytest.fixture(params=["CLS", "four registers and layer scale", "qk-norm", "transformers"])
def traced(request):
    model = hf_model() if request.param == "transformers" else timm_model(request.param)
    vit = vl.load(model, preprocessing=NEUTRAL)
    return vit, vit.trace(pixels_for(vit.image_size), preprocessed=True)


@pytest.mark.parametrize("site", ["attn_out", "mlp_out"])
def test_sub_block_outputs_are_read_like_states(traced, site):
    vit, trace = traced
    reading = vl.LogitLens(vit).read(trace, site=site)
    assert reading.n_states == 3
    assert reading.state_names == [f"{k}_{site}" for k in range(3)]
    for layer in range(3):
        with torch.no_grad():
            expected = vit.adapter.token_logits(trace[site, layer])
        torch.testing.assert_close(reading.logits(layer), expected)
    final = vl.LogitLens(vit).read(trace).logits(3).log_softmax(-1)
    kl = (final.exp() * (final - reading.logits(1).log_softmax(-1))).sum(-1)
    torch.testing.assert_close(reading.kl_to_final()[1], kl, rtol=1e-4, atol=1e-5)


def test_heads_and_the_projections_bias_add_up_to_attention(traced):
    _, trace = traced
    for layer in range(3):
        heads = sum(HeadOutputs(trace, layer).of(head) for head in range(4))
        nothing = site_if(trace, "attn_out", layer, [vl.edits.Zero("z", layer)])
        torch.testing.assert_close(heads + nothing, trace["attn_out", layer], rtol=0, atol=1e-5)


def test_one_head_is_its_rows_of_the_projection():
    vit = vl.load(timm_model("four registers and layer scale"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    block = vit.model.blocks[1]
    z, w = trace["z", 1][:, :, 2], block.attn.proj.weight[:, 24:36]
    expected = (z @ w.T * block.ls1.gamma).detach()
    torch.testing.assert_close(HeadOutputs(trace, 1).of(2), expected, rtol=0, atol=1e-5)
    reading = vl.LogitLens(vit).read(trace, site="attn_out", head=2)
    assert reading.state_names == ["L0 H2", "L1 H2", "L2 H2"]
    assert reading.lens_name == "logit lens on attn_out (head 2)"
    with torch.no_grad():
        torch.testing.assert_close(reading.logits(1), vit.adapter.token_logits(expected))


@pytest.mark.parametrize("special", ["CLS", "four registers and layer scale", "mean of patches"])
def test_the_value_bias_stays_in_its_head_or_is_folded_into_the_blocks_bias(special):
    """Against the weights: `fold_ln`, then `fold_value_biases` of TransformerLens and Prisma."""
    vit = vl.load(timm_model(special))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    block = vit.model.blocks[1]
    w = {name: one.detach().double().numpy() for name, one in block.named_parameters()}
    width, d_head = vit.width, vit.width // 4
    scale = w.get("ls1.gamma", np.ones(width))
    value, b_value = w["attn.qkv.weight"][2 * width :], w["attn.qkv.bias"][2 * width :]
    folded = b_value + value @ w["norm1.bias"]
    summed = {True: 0, False: 0}
    for head in range(4):
        rows = slice(head * d_head, (head + 1) * d_head)
        out = w["attn.proj.weight"][:, rows].T * scale
        z = trace["z", 1][:, :, head].double().numpy()
        for value_bias, expected in ((True, z @ out), (False, (z - folded[rows]) @ out)):
            found = HeadOutputs(trace, 1).of(head, value_bias)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
            summed[value_bias] += found.double().numpy()
        assert np.abs(folded[rows] @ out).max() > 1e-3
    bias = w["attn.proj.bias"] * scale
    blocks_bias = bias + folded @ (w["attn.proj.weight"].T * scale)
    for whole in (summed[True] + bias, summed[False] + blocks_bias):
        np.testing.assert_allclose(whole, trace["attn_out", 1], rtol=0, atol=2e-5)


def test_a_lens_reads_a_head_without_its_value_bias(traced):
    vit, trace = traced
    lens = vl.LogitLens(vit)
    reading = lens.read(trace, site="attn_out", head=2, value_bias=False)
    assert reading.lens_name == "logit lens on attn_out (head 2, without value bias)"
    with torch.no_grad():
        expected = vit.adapter.token_logits(HeadOutputs(trace, 1).of(2, value_bias=False))
    torch.testing.assert_close(reading.logits(1), expected)
    with_bias = lens.read(trace, site="attn_out", head=2).logits(1)
    assert (reading.logits(1) - with_bias).abs().max() > 1e-3


def test_heads_that_are_mixed_before_they_are_added_are_refused():
    vit = vl.load(timm_model("scaled attention and MLP norms"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UsageError):
        HeadOutputs(trace, 0).of(1)


@pytest.mark.parametrize(
    "words",
    [
        {"site": "z"},
        {"head": 1},
        {"site": "attn_out", "head": 4},
        {"site": "attn_out", "value_bias": False},
    ],
)
def test_what_cannot_be_read_is_refused(traced, words):
    vit, trace = traced
    with refused(vl.UsageError):
        vl.LogitLens(vit).read(trace, **words)


def test_a_trace_with_dropped_tokens_is_read_for_those_that_are_left():
    vit = vl.load(timm_model("CLS"))
    edits = [vl.edits.DropTokens([3, 4])]
    trace = vit.trace(pixels_for((48, 80)), edits=edits, preprocessed=True)
    reading = vl.LogitLens(vit).read(trace)
    assert reading.entropy().shape == (4, 2, 14)
    assert reading.tokens.tolist() == [0, 1, 2, *range(5, 16)]
    torch.testing.assert_close(reading.readout.logits(3), trace.logits)


@pytest.mark.parametrize("value_bias", [True, False])
def test_what_the_heads_of_a_block_share_is_computed_once(traced, value_bias, monkeypatch):
    """`z`, `attn_out`, none (and the values' bias), then two (three) runs a head; equal numbers."""
    vit, trace = traced
    alone = [HeadOutputs(trace, 1).of(head, value_bias) for head in range(4)]
    runs: list[int] = []
    run_block = vit.adapter.run_block

    def counted(layer, state):
        runs.extend([layer] * torch.equal(state, trace.states[1]))  # not the zeros for shapes
        return run_block(layer, state)

    monkeypatch.setattr(vit.adapter, "run_block", counted)
    outputs = HeadOutputs(trace, 1)
    found = [outputs.of(head, value_bias) for head in range(4)]
    assert len(runs) == (3 + 4 * 2 if value_bias else 4 + 4 * 3)
    assert all(torch.equal(*pair) for pair in zip(alone, found, strict=True))


def test_a_text_span_and_a_steering_lens_look_at_a_block_once(monkeypatch):
    """Not once for each head: `z` and `attn_out` of a block are asked for once."""
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    made: list[int] = []
    init = HeadOutputs.__init__

    def counted(self, trace, layer):
        made.append(layer)
        init(self, trace, layer)

    monkeypatch.setattr(HeadOutputs, "__init__", counted)
    written = WrittenBy(trace)
    for head in range(4):
        expected = HeadOutputs(trace, 2).of(head)
        made.pop()
        assert torch.equal(written.of(Writer(2, head)), expected)
    assert made == [2]
    data = vl.world.Scenes()
    vl.analysis.text_span(vit, data, layers=[0, 2], n_texts=1, rank=2, n_random=1, n_images=1)
    assert made == [2, 0, 2]
