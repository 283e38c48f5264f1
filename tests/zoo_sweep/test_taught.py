"""Every architecture is taught classes by patches, and answers with them: `pytest -m sweep`."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, shaken
from tests.zoo_sweep import small_hf, small_timm
from tests.zoo_sweep.test_zoo_sweep import REFUSED, pytestmark

__all__ = ["pytestmark"]
MAKERS = {
    **dict.fromkeys(small_hf.KINDS, small_hf.small),
    **dict.fromkeys(small_timm.names(), small_timm.small),
}


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in REFUSED])
def test_every_architecture_is_taught(name):
    vit = vl.load(shaken(MAKERS[name](name)))
    pixels = pixels_for(vit.image_size)
    trace = vit.trace(pixels, preprocessed=True)
    features = vl.read_features(trace)
    assert features.units(1).shape == trace.states[1].shape
    assert features.components.shape == (vit.n_layers + 1, 2, *vit.layout.grid, 3)
    at = vit.layout.token
    examples = {"a": [(0, at(0, 0)), (1, at(1, 1))], "b": [(1, at(0, 1)), (0, at(1, 0))]}
    for readout in ("share", "mean", "best"):
        classifier = vl.PatchClassifier(vit, features, readout=readout).fit(examples)
        twin = vit.taught(classifier)
        again = twin.trace(pixels, preprocessed=True)
        answered = trace.answered_by(twin).logits
        torch.testing.assert_close(again.logits, answered, rtol=0, atol=1e-4)
        final = vl.LogitLens(twin).read(again).readout.logits(vit.n_layers)
        torch.testing.assert_close(final, again.logits, rtol=0, atol=1e-4)
