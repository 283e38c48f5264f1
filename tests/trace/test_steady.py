"""What is computed in a row looks at the weights but twice, and is refused if they change."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.trace.steady import in_a_row
from vitlens_widgets.trace.weights import SeenWeights

MODELS = {"registers": lambda: timm_model("four registers and layer scale"), "hf": hf_model}


@pytest.fixture(params=MODELS)
def trace(request):
    vit = vl.load(MODELS[request.param]())
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def changed(trace):
    """A row of a matrix, past PyTorch's own count."""
    next(p for p in trace.vit.adapter.blocks[1].parameters() if p.ndim == 2).data[3] += 1


@pytest.fixture
def looks(monkeypatch):
    seen = []
    check = SeenWeights.check
    monkeypatch.setattr(
        SeenWeights, "check", lambda self, what: seen.append(what) or check(self, what)
    )
    return seen


def test_it_is_the_same_with_two_looks_in_all(trace, looks):
    def every():
        edited = trace.rerun([vl.edits.Zero("z", 1, head=0)])
        return [one["z", layer] for one in (trace, edited) for layer in range(trace.vit.n_layers)]

    one_by_one = every()
    n = len(looks)
    in_a_row_too = in_a_row(trace, "read", lambda: in_a_row(trace, "read", every))
    assert n == 1 + len(one_by_one)
    assert len(looks) == n + 2
    for a, b in zip(one_by_one, in_a_row_too, strict=True):
        assert torch.equal(a, b)


def test_a_change_before_or_meanwhile_is_refused(trace):
    for change in (lambda: changed(trace), lambda: None):  # the second finds what the first did
        with pytest.raises(vl.UsageError, match="have changed or moved since this trace"):
            in_a_row(trace, "read", change)


def test_other_models_are_looked_at_meanwhile(trace):
    vit = vl.load(timm_model("CLS"))
    other = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    changed(other)
    with pytest.raises(vl.UsageError, match="asked for z"):
        in_a_row(trace, "read", lambda: other["z", 0])


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_each_look_is_taken_again_afterwards_whatever_happened(trace, looks, kind):
    def fails():
        raise kind

    with pytest.raises(kind):
        in_a_row(trace, "read", fails)
    changed(trace)
    with pytest.raises(vl.UsageError, match="have changed or moved since this trace"):
        trace["z", 0]
    assert looks == ["read", "asked for z"]
