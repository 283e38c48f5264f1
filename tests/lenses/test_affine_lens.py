"""Affine translators by kind of token: the numbers of NumPy, files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.lenses.fitted_by_hand import (
    KINDS,
    SPECIAL,
    random_translators,
    small,
    token_names,
    translated,
)
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.lenses import decoded
from vitlens_widgets.lenses.fitted.kinds import kinds_of, spans


def traced(vit, n=2, **words):
    return vit.trace(pixels_for(vit.image_size, n), preprocessed=True, **words)


@pytest.mark.parametrize("special", SPECIAL)
def test_kinds_are_told_by_what_the_readout_reads(special):
    vit = small(special)
    assert kinds_of(vit) == KINDS[special]
    names = [None] * vit.layout.n_tokens
    for kind, where in spans(vit, kinds_of(vit)):
        names[where] = [kinds_of(vit)[kind]] * len(names[where])
    assert names == token_names(vit)


@pytest.mark.parametrize("special", [*SPECIAL, "transformers"])
def test_translators_of_zeros_are_the_logit_lens_bitwise(special):
    vit = small(special)
    trace, d = traced(vit), vit.width
    n_kinds = len(kinds_of(vit))
    weight, bias = torch.zeros(3, n_kinds, d, d), torch.zeros(3, n_kinds, d)
    logit = vl.LogitLens(vit).read(trace)
    for lens in (
        vl.AffineLens(vit, weight, bias),
        vl.AffineLens(vit, None, bias),
        vl.AffineLens(vit, None),
        vl.AffineLens(vit, weight[:, :1], None, kinds=["all"]),
    ):
        reading = lens.read(trace)
        for k in range(4):
            assert torch.equal(reading.logits(k), logit.logits(k))
            assert torch.equal(reading.readout.logits(k), logit.readout.logits(k))


@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("special", SPECIAL)
def test_each_kind_has_its_own_translator(special, rank):
    vit = small(special)
    trace = traced(vit)
    for kinds in (kinds_of(vit), ("all",)):
        words = random_translators(vit, 3, len(kinds), rank)
        reading = vl.AffineLens(vit, **words, kinds=kinds).read(trace)
        by_hand = translated(trace.states, token_names(vit), kinds, **words).float()
        for k in range(4):
            with torch.no_grad():
                tokens = vit.adapter.token_logits(by_hand[k])
                readout = vit.adapter.readout_logits(by_hand[k])
            torch.testing.assert_close(reading.logits(k), tokens, rtol=0, atol=2e-5)
            torch.testing.assert_close(reading.readout.logits(k), readout, rtol=0, atol=2e-5)


def test_dropped_patches_leave_the_kinds_where_they_were():
    vit = small("four registers and layer scale")
    trace = traced(vit, edits=[vl.edits.DropTokens([7, 12])])
    words = random_translators(vit, 3, 3)
    names = [token_names(vit)[i] for i in trace.tokens.tolist()]
    by_hand = translated(trace.states, names, kinds_of(vit), **words).float()
    with torch.no_grad():
        expected = vit.adapter.token_logits(by_hand[1])
    found = vl.AffineLens(vit, **words).read(trace).logits(1)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def test_pieces_of_states_are_translated_as_the_whole(monkeypatch):
    vit = small("CLS")
    trace = traced(vit)
    lens = vl.AffineLens(vit, **random_translators(vit, 2, 2))
    whole = lens.read(trace).entropy()
    monkeypatch.setattr(decoded, "KEEP_BYTES", 0)
    monkeypatch.setattr(decoded, "PIECE_BYTES", 1)
    torch.testing.assert_close(lens.read(trace).entropy(), whole)


def test_what_a_block_adds_is_read_by_the_state_it_leads_to():
    vit = small("CLS")
    trace = traced(vit)
    words = random_translators(vit, 3, 2)
    reading = vl.AffineLens(vit, **words).read(trace, site="mlp_out")
    weight = torch.cat([words["weight"][1:], torch.zeros(1, 2, 48, 48)])
    added = torch.stack([trace["mlp_out", k] for k in range(3)])
    none = torch.zeros(3, 2, 48)
    by_hand = translated(added, token_names(vit), kinds_of(vit), weight, none).float()
    for k in range(3):
        with torch.no_grad():
            expected = vit.adapter.token_logits(by_hand[k])
        torch.testing.assert_close(reading.logits(k), expected, rtol=0, atol=2e-5)
    assert reading.lens_name == "affine lens on mlp_out"


def test_parts_of_a_state_are_translated_as_their_sum():
    """(I + A)(resid_pre + attn_out + mlp_out) + b is the translated state after the block."""
    vit = small("CLS")
    trace = traced(vit)
    lens = vl.AffineLens(vit, **random_translators(vit, 3, 2))
    parts = lens._of_parts()
    pieces = [trace["resid_pre", 1], trace["attn_out", 1], trace["mlp_out", 1]]
    whole = sum(parts.transform(piece[None], 1, trace.states[-1]) for piece in pieces)
    bias = lens.transform(torch.zeros_like(trace.states[2:3]), 2, trace.states[-1])
    expected = lens.transform(trace.states[2:3], 2, trace.states[-1])
    torch.testing.assert_close(whole + bias, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_states_in_half_precision_are_translated_in_float32(dtype):
    vit = vl.load(timm_model("CLS").to(dtype))
    trace = vit.trace(pixels_for(vit.image_size).to(dtype), preprocessed=True)
    words = random_translators(vit, 3, 2)
    lens = vl.AffineLens(vit, **words)
    by_hand = translated(trace.states.float(), token_names(vit), kinds_of(vit), **words)
    found = lens.transform(trace.states, 0, trace.states[-1])
    torch.testing.assert_close(found.double(), by_hand, rtol=0, atol=2e-5)
    assert lens.read(trace).entropy().isfinite().all()


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("rank", [None, 3])
def test_a_file_holds_the_lens(tmp_path, half, rank):
    vit = small("four registers and layer scale")
    path = tmp_path / "lens.safetensors"
    words = random_translators(vit, 2, 3, rank)
    lens = vl.AffineLens(vit, **words, fitted={"images": 3})
    lens.save(path, half=half)
    again = vl.Lens.load(path, vit)
    assert type(again) is vl.AffineLens
    assert (again.fitted, again.kinds) == ({"images": 3}, lens.kinds)
    for name, value in words.items():
        kept = getattr(again, name)
        assert kept.dtype == (torch.float16 if half else torch.float32)
        if half:
            np.testing.assert_array_equal(kept, value.numpy().astype(np.float16))
        else:
            assert torch.equal(kept, value)
    assert lens.bias.dtype == torch.float32
    found, exact = again.read(traced(vit)).logits(1), lens.read(traced(vit)).logits(1)
    torch.testing.assert_close(found, exact, rtol=0, atol=5e-3 if half else 0)
    with refused(vl.UsageError):
        vl.AffineLens.load(path, vl.load(hf_model()))


def test_what_does_not_fit_is_refused(tmp_path):
    vit = small("CLS")
    words = random_translators(vit, 3, 2)
    for wrong in (
        {"weight": words["weight"][..., 1:]},
        {"weight": words["weight"][:, :1]},
        {"weight": None, "bias": words["bias"][0]},
        {"weight": words["weight"][:2]},
        {"weight": None, "up": torch.zeros(3, 2, 48, 2), "bias": None},
        {"weight": words["weight"].numpy()},
        {"bias": words["bias"] / 0},
        {"kinds": ["patch"]},
        {"weight": torch.zeros(5, 2, 48, 48), "bias": None},
    ):
        with refused(vl.UsageError):
            vl.AffineLens(vit, **{**words, **wrong})
    with refused(vl.UsageError):
        vl.AffineLens(vit, None, 1e6 * words["bias"]).save(tmp_path / "lens.safetensors", half=True)


@pytest.mark.parametrize("include", [False, True])
def test_a_token_that_an_attention_pooling_leaves_out_is_a_register(include):
    words = {"global_pool": "map", "pool_include_prefix": include, "img_size": (48, 64)}
    vit = vl.load(timm_model("CLS", **words))
    trace = vit.trace(pixels_for(vit.image_size, 1), preprocessed=True)
    reads_cls = bool(vit.adapter.readout_weights(trace.states[-1])[0, 0] > 0)
    assert reads_cls == include
    assert kinds_of(vit) == (("readout", "patch") if include else ("patch", "register"))
