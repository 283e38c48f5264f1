"""Attribution of runs with edits: what they put in is a part of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.attribution_oracle import total, traced
from tests.sentences import refused
from tests.small_models import pixels_for, shaken, timm_model
from tests.zoo_sweep import small_torchvision

E = vl.edits

UNEVEN = torch.linspace(-1, 1, 48).sin()  # what all channels share is taken away by a norm
EDITS = {
    "a head switched off": [E.Zero("z", 1, head=2)],
    "a head's value put in": [E.Replace("z", 1, 0.3, head=1, token=0)],
    "what attention adds": [E.Add("attn_out", 0, UNEVEN)],
    "the stream in the middle": [E.Add("resid_mid", 2, UNEVEN, token=slice(0, 5))],
    "a state": [E.Scale("resid_pre", 1, 1.5)],
    "the first state": [E.Add("resid_pre", 0, UNEVEN)],
    "what may be read": [E.KnockOut(1, query=0, key=3)],
    "patches dropped": [E.DropTokens([4, 7])],
}


@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize("kind", ["CLS", "mean of patches"])
def test_an_edited_run_is_split_with_what_the_edits_put_in(kind, what):
    trace = traced(timm_model(kind), edits=EDITS[what])
    found = vl.analysis.attribution(trace, 2)
    logits = trace.logits[:, 2].double().numpy()
    np.testing.assert_allclose(total(found.parts)[0], logits, rtol=1e-5, atol=1e-5)
    put_in = np.abs(found.parts.edits).sum((0, 1))
    here = {"a head's value put in": 1, "what attention adds": 0, "the stream in the middle": 2}
    here["a state"] = 0  # state 1 is what block 0 leaves
    assert [bool(x > 1e-5) for x in put_in] == [k == here.get(what) for k in range(3)]
    if what == "a head switched off":
        assert (found.parts.heads[0, :, 1, 2] == 0).all()


@pytest.mark.parametrize("what", ["what may be read", "patches dropped"])
def test_the_keys_of_an_edited_run_are_those_that_were_read(what):
    trace = traced(timm_model("CLS"), edits=EDITS[what])
    found = vl.analysis.attribution(trace, 2, sources=True)
    sources = found.parts.sources
    np.testing.assert_allclose(sources.sum(-1), found.parts.heads, rtol=1e-4, atol=1e-5)
    if what == "what may be read":
        assert (sources[0, :, 1, :, 3] == 0).all()
    else:
        gone = np.isnan(found.patches())
        assert gone.sum() == 2
        assert gone.ravel()[[3, 6]].all()


def test_keys_do_not_make_a_value_that_was_put_in():
    trace = traced(timm_model("CLS"), edits=EDITS["a head's value put in"])
    with refused(vl.UsageError):
        vl.analysis.attribution(trace, 2, sources=True)


@pytest.mark.filterwarnings("ignore:A module of torchvision does not say")
def test_an_edit_is_seen_in_what_the_same_module_gives():
    vit = vl.load(shaken(small_torchvision.small("torchvision VisionTransformer")))
    pixels = pixels_for(vit.image_size)
    trace = vit.trace(pixels, edits=[E.Zero("z", 1, head=1)], keep="attn_out", preprocessed=True)
    again = vit.trace(pixels, edits=[E.Zero("z", 1, head=1)], keep="all", preprocessed=True)
    added = again["resid_mid", 1] - again["resid_pre", 1]
    torch.testing.assert_close(trace["attn_out", 1], added, rtol=0, atol=1e-6)
