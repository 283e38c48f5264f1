"""One image of a run: the numbers of tracing it alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.zoo_sweep import small_timm
from vitlens_widgets.trace.single import chosen, single

MODELS = {
    name: lambda name=name: timm_model(name)
    for name in ("CLS", "mean of patches", "four registers and layer scale", "distillation")
} | {"rotary": lambda: small_timm.small("eva02_base_patch14_224").eval()}


def same(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "dropped"), [*((name, ()) for name in MODELS), ("CLS", (7, 9)), ("distillation", (4,))]
)
def test_an_image_of_a_run_is_that_traced_alone(name, dropped):
    vit = vl.load(MODELS[name]())
    pixels = pixels_for(vit.image_size, 3)
    edits = [vl.edits.DropTokens(list(dropped))] if dropped else []
    run = lambda part: vit.trace(part, preprocessed=True, keep=["q"], edits=edits)  # noqa: E731
    alone, one = run(pixels[1:2]), single(run(pixels), 1)
    assert one.n_images == 1
    assert np.array_equal(one.pictures, alone.pictures)
    same(one.states, alone.states)
    same(one.logits, alone.logits)
    for site in ("q", "z", "attn_out"):
        same(one[site, 1], alone[site, 1])
    same(one.attention(1, 2), alone.attention(1, 2))
    off = [vl.edits.Zero("z", 1, head=0)]
    same(one.rerun(off).logits, alone.rerun(off).logits)


@pytest.mark.parametrize("name", MODELS)
def test_some_images_of_a_run_are_those_traced_without_the_others(name):
    vit = vl.load(MODELS[name]())
    pixels = pixels_for(vit.image_size, 4)
    run = lambda part: vit.trace(part, preprocessed=True, keep=["q"])  # noqa: E731
    alone, some = run(pixels[[3, 1]]), chosen(run(pixels), [3, 1])
    assert some.n_images == 2
    assert np.array_equal(some.pictures, alone.pictures)
    same(some.states, alone.states)
    same(some.logits, alone.logits)
    for site in ("q", "z", "attn_out"):
        same(some[site, 1], alone[site, 1])
    off = [vl.edits.Zero("z", 1, head=0)]
    same(some.rerun(off).logits, alone.rerun(off).logits)


def test_an_edited_state_0_is_that_of_its_image():
    vit = vl.load(timm_model("CLS"))
    plain = vit.trace(pixels_for(vit.image_size, 3), preprocessed=True)
    noised = vl.analysis.noised(plain, token=[4, 6])
    one = single(noised, 2)
    assert one.edits == ()
    same(one.logits, noised.logits[2:])
    again = one.rerun([vl.edits.Scale("z", 0, 1.0)])  # block 0 reads the noise once
    same(again.logits, noised.logits[2:])
    same(one["attn_out", 0], noised["attn_out", 0][2:])
    assert not torch.allclose(one.logits, plain.logits[2:], atol=1e-3)


def test_what_has_no_single_images_is_refused():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size, 2)
    edited = vit.trace(pixels, preprocessed=True, edits=[vl.edits.Zero("z", 1, head=0)])
    for trace, image in (
        (edited, 0),
        (vit.trace(pixels, preprocessed=True, grad=True), 0),
        (vit.trace(pixels, preprocessed=True), 2),
    ):
        with refused(vl.UsageError):
            single(trace, image)
