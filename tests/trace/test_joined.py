"""Two runs as one batch: the numbers of tracing all images together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.trace.joined import joined


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "four registers and layer scale"])
def test_two_runs_are_one_of_all_images(special):
    vit = vl.load(timm_model(special))
    pixels = pixels_for(vit.image_size, 3)
    run = lambda part: vit.trace(part, preprocessed=True, keep=["q", "k"])  # noqa: E731
    whole, both = run(pixels), joined(run(pixels[:1]), run(pixels[1:]))
    assert (both.n_images, len(both.pictures)) == (3, 3)
    assert np.array_equal(both.pictures, whole.pictures)
    for found, expected in [
        (both.states, whole.states),
        (both.logits, whole.logits),
        (both["q", 1], whole["q", 1]),
        (both["attn_out", 2], whole["attn_out", 2]),
        (both.attention(1, 2), whole.attention(1, 2)),
        (both.rerun([vl.edits.Zero("z", 1, head=0)]).logits,
         whole.rerun([vl.edits.Zero("z", 1, head=0)]).logits),
    ]:  # fmt: skip
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    again = vl.LogitLens(vit).read(both).logits(1)
    torch.testing.assert_close(again, vl.LogitLens(vit).read(whole).logits(1), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_joined_is_refused():
    vit, other = vl.load(timm_model("CLS")), vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size, 1)
    plain = vit.trace(pixels, preprocessed=True)
    edits = [vl.edits.Zero("z", 1, head=0)]
    for second in (
        other.trace(pixels, preprocessed=True),
        vit.trace(pixels, preprocessed=True, edits=edits),
        vit.trace(pixels, preprocessed=True, edits=[vl.edits.DropTokens([3])]),
        vit.trace(pixels, preprocessed=True, grad=True),
    ):
        with refused(vl.UsageError):
            joined(plain, second)
