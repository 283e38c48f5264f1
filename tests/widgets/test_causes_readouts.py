"""Causes on readouts that are no plain weighted mean: pooling by attention, answers by prompts."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.small_models import pixels_for
from tests.zoo_sweep import texts


@pytest.mark.parametrize("kind", ["CLIP", "Siglip"])
def test_a_model_that_answers_by_prompts_is_looked_into(kind, tmp_path):
    texts.saved(kind, tmp_path)
    vit = vl.load(str(tmp_path), prompts=texts.PROMPTS)
    clean, corrupted = (
        vit.trace(pixels_for(vit.image_size, n_images=1, seed=seed), preprocessed=True)
        for seed in (1, 2)
    )
    widget = vl.Causes(clean, corrupted, texts.PROMPTS[0], texts.PROMPTS[1])
    weights = vit.readout.weights(clean.states[-1], vit.layout.n_prefix)[0].detach()
    expected = weights @ clean.attention(0, 1)[0].detach()
    found = widget._source.reads(0, 1, 0, "noising")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
