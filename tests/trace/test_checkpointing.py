"""Gradient checkpointing: what is read is right; a second run that nobody sees is refused."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from tests.zoo_sweep import small_open_clip, small_timm
from vitlens_widgets.analysis import relevance

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

E = vl.edits
MODELS = {
    "timm": lambda: timm_model("CLS"),
    "timm, no prefix": lambda: timm_model("mean of patches"),
    "timm, eva": lambda: small_timm.small("eva02_base_patch14_224").eval(),
    "open_clip": lambda: small_open_clip.small(small_open_clip.kinds()[0]).eval(),
}


@pytest.mark.parametrize("which", MODELS)
def test_without_gradients_it_changes_nothing_and_with_them_it_is_refused(which):
    vit = vl.load(MODELS[which]())
    pixels, edits = pixels_for(vit.image_size), [E.Zero("z", 1, head=1)]
    plain = vit.trace(pixels, preprocessed=True, edits=edits)
    _switch(vit.model)
    found = vit.trace(pixels, preprocessed=True, edits=edits)
    assert torch.equal(found.states, plain.states)
    torch.testing.assert_close(found["mlp_out", 1], plain["mlp_out", 1])
    with refused(vl.UsageError):
        vit.trace(pixels, preprocessed=True, grad=True)


def test_relevance_and_runs_from_a_block_have_the_gradients_of_the_run():
    model = timm_model("CLS")
    vit = vl.load(model)
    pixels = pixels_for(vit.image_size)
    before = relevance(vit.trace(pixels, preprocessed=True), 3, method="chefer")
    model.set_grad_checkpointing(True)
    after = relevance(vit.trace(pixels, preprocessed=True), 3, method="chefer")
    torch.testing.assert_close(after.tokens, before.tokens)


def test_transformers_checkpoint_in_train_mode_alone():
    model = hf_model()
    vit = vl.load(model)
    pixels = pixels_for(vit.image_size)
    gradients = []
    for _ in range(2):
        trace = vit.trace(pixels, preprocessed=True, grad=True, edits=[E.Scale("z", 1, 0.5)])
        gradients.append(torch.autograd.grad(trace.logits[:, 3].sum(), trace["resid_pre", 0])[0])
        model.gradient_checkpointing_enable()
    torch.testing.assert_close(gradients[1], gradients[0])
    assert gradients[0].abs().max() > 0


def _switch(model):
    of = model if hasattr(model, "set_grad_checkpointing") else model.visual
    of.set_grad_checkpointing(True)
