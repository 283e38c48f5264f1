"""A reading that takes the first states from another run's says what one of its own says."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.lenses import decoded, divergence

KINDS = ("mean of patches", "CLS", "distillation", "four registers and layer scale")


@pytest.fixture(params=KINDS)
def runs(request):
    vit = vl.load(timm_model(request.param))
    trace = vit.trace(pixels_for(vit.adapter.image_size), preprocessed=True)
    return vit, trace


@pytest.fixture(params=[1, 2000, 2**22], ids=lambda n: f"pieces of {n} bytes")
def _pieces(request, monkeypatch):
    monkeypatch.setattr(decoded, "PIECE_BYTES", request.param)


def said(reading):
    return {
        "index": reading.top(5).index,
        "probability": reading.top(5).probability,
        "entropy": reading.entropy(),
        "kl": reading.kl_to_final(),
        "logsumexp": reading.logsumexp(),
        "rank": reading.rank(3),
        "logits": torch.stack([reading.logits(k) for k in range(reading.n_states)]),
    }


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_what_is_said_is_the_same_and_only_changed_states_are_decoded(runs, layer, monkeypatch):
    vit, trace = runs
    lens = vl.LogitLens(vit)
    before = lens.read(trace)
    before.top(1), before.readout.top(1)
    edited = trace.rerun([vl.edits.Zero("z", layer, head=1)])
    alone, beside = lens.read(edited), lens.read(edited)
    expected, at_readout = said(alone), said(alone.readout)
    states, every = [], vl.LogitLens.transform

    def counting(lens, values, first, final):
        states.append(first)
        return every(lens, values, first, final)

    monkeypatch.setattr(vl.LogitLens, "transform", counting)
    beside._adopt(before, layer + 1)
    for found, wanted in ((beside, expected), (beside.readout, at_readout)):
        for name, value in said(found).items():
            torch.testing.assert_close(value, wanted[name], rtol=2e-5, atol=1e-5)
            if name in ("index", "rank"):
                assert value.equal(wanted[name])
    assert min(states) == layer + 1


def test_states_that_are_the_same_are_0_apart(runs):
    vit, trace = runs
    lens = vl.LogitLens(vit)
    before, after = lens.read(trace), lens.read(trace.rerun([vl.edits.Zero("z", 1, head=0)]))
    whole, since = divergence(before, after), divergence(before, after, 2)
    torch.testing.assert_close(whole, since, rtol=0, atol=1e-6)
    assert since[2:].equal(whole[2:])
    assert not since[:2].any()


class Louder(vl.LogitLens):
    """Derived from a lens that looks at its state alone, and does not itself."""

    name = "louder"

    def transform(self, states, first, final):  # noqa: ARG002
        return states + final


@pytest.mark.parametrize("kind", [Louder, vl.FrozenNormLens])
def test_a_lens_that_looks_at_the_final_state_takes_nothing(runs, kind):
    vit, trace = runs
    lens = kind(vit)
    edited = trace.rerun([vl.edits.Zero("z", 2, head=0)])
    alone, beside = lens.read(edited), lens.read(edited)
    beside._adopt(lens.read(trace), 3)
    for name, value in said(beside).items():
        assert value.equal(said(alone)[name])
