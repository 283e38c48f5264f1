"""The logit lens at the last state, read at the readout, is the model's own answer."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import TIMM, hf_model, pixels_for, timm_model

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

HF = [
    "ViTForImageClassification",
    "DeiTForImageClassification",
    "DeiTForImageClassificationWithTeacher",
]


@pytest.fixture(scope="module", params=[*TIMM, *HF])
def read(request):
    model = hf_model(request.param) if request.param in HF else timm_model(request.param)
    vit = vl.load(model)
    pixels = pixels_for(vit.image_size)
    with torch.no_grad():
        answer = model(pixels)
    answer = answer if isinstance(answer, torch.Tensor) else answer.logits
    return vit, answer, vl.LogitLens(vit).read(vit.trace(pixels, preprocessed=True))


def test_the_final_readout_is_the_models_own_logits(read):
    vit, answer, reading = read
    found = reading.readout.logits(vit.n_layers)
    assert (found - answer).abs().max() <= 1e-5 * answer.abs().max()


# (a mean that is normed afterwards is no mean of token answers)
READ_FROM_TOKENS = {
    "CLS": lambda tokens: tokens[:, 0],
    "ViTForImageClassification": lambda tokens: tokens[:, 0],
    "distillation": lambda tokens: (tokens[:, 0] + tokens[:, 1]) / 2,
    "DeiTForImageClassificationWithTeacher": lambda tokens: (tokens[:, 0] + tokens[:, 1]) / 2,
    "mean of patches, norm before": lambda tokens: tokens.mean(1),
}


@pytest.mark.parametrize("read", READ_FROM_TOKENS, indirect=True)
def test_the_readout_is_made_of_the_tokens_that_it_reads(read, request):
    vit, answer, reading = read
    made = READ_FROM_TOKENS[request.node.callspec.params["read"]](reading.logits(vit.n_layers))
    torch.testing.assert_close(made, answer, rtol=0, atol=1e-5)


ONE_CLASSIFIER = [special for special in TIMM if special != "distillation"]


@pytest.mark.parametrize("read", ONE_CLASSIFIER, indirect=True)
def test_tokens_are_read_through_norm_and_classifier_with_their_biases(read):
    vit, _, reading = read
    model, norm = vit.model, vit.model.norm
    if isinstance(norm, torch.nn.Identity):
        norm = model.fc_norm
    state = reading._trace.states[1].double()
    centred = state - state.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt()
    normed = centred / scale * norm.weight.double() + norm.bias.double()
    expected = normed @ model.head.weight.double().T + model.head.bias.double()
    torch.testing.assert_close(reading.logits(1).double(), expected, rtol=0, atol=1e-4)


def test_patches_of_a_distilled_model_are_read_by_the_mean_of_both_classifiers():
    model = timm_model("distillation")
    vit = vl.load(model)
    trace = vit.trace(pixels_for((64, 48)), preprocessed=True)
    tokens = vl.LogitLens(vit).read(trace).logits(2)
    normed = model.norm(trace.states[2])
    by_both = (model.head(normed) + model.head_dist(normed)) / 2
    torch.testing.assert_close(tokens[:, 2:], by_both[:, 2:])
    torch.testing.assert_close(tokens[:, 0], model.head(normed)[:, 0])
    torch.testing.assert_close(tokens[:, 1], model.head_dist(normed)[:, 1])


def test_state_zero_of_the_cls_token_does_not_depend_on_the_image():
    vit = vl.load(timm_model("CLS"))
    reading = vl.LogitLens(vit).read(vit.trace(pixels_for((48, 80)), preprocessed=True))
    first, second = reading.logits(0)[:, 0]
    assert torch.equal(first, second)
    assert not torch.equal(*reading.logits(3)[:, 0])


def test_a_model_without_a_classifier_traces_but_has_no_logit_lens():
    vit = vl.load(timm_model("CLS", num_classes=0))
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    assert trace.logits is None
    assert len(vit.labels) == 0
    with refused(vl.UsageError):
        vl.LogitLens(vit)


def test_what_is_no_model_and_no_trace_is_refused():
    vit = vl.load(timm_model("CLS"))
    for thing in ("toy/p32", vit.model):
        with refused(vl.UsageError):
            vl.LogitLens(thing)
    with refused(vl.UsageError):
        vl.LogitLens(vit).read(pixels_for((48, 80)))


def test_the_reading_of_an_edited_run_says_so():
    vit = vl.load(timm_model("CLS"))
    edits = vl.edits.Zero("z", 1, head=2)  # one edit needs no list
    trace = vit.trace(pixels_for((48, 80)), edits=edits, preprocessed=True)
    assert trace.edits == (edits,)
    assert "(edited)" in repr(vl.LogitLens(vit).read(trace))


def test_states_of_old_weights_are_not_read_with_new_ones():
    vit = vl.load(timm_model("CLS"))
    reading = vl.LogitLens(vit).read(vit.trace(pixels_for((48, 80)), preprocessed=True))
    with torch.no_grad():
        vit.model.head.weight.mul_(2)
    with refused(vl.UsageError):
        reading.readout.logits(3)


def test_a_trace_of_another_model_is_refused():
    one, other = vl.load(timm_model("CLS")), vl.load(timm_model("CLS"))
    with refused(vl.UsageError):
        vl.LogitLens(one).read(other.trace(pixels_for((48, 80)), preprocessed=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_float_types_are_read_to_their_own_precision(dtype):
    model = timm_model("CLS").to(dtype)
    vit = vl.load(model)
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    reading = vl.LogitLens(vit).read(trace)
    assert trace.states.dtype == dtype
    assert reading.entropy().dtype == torch.float32
    final = reading.readout.logits(3)
    torch.testing.assert_close(final, trace.logits.float(), rtol=1e-2, atol=1e-2)
