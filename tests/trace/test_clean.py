"""A trace leaves the model as it was, whatever happens in it."""

from __future__ import annotations

import copy

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import TIMM, hf_model, pixels_for, timm_model
from vitlens_widgets.models.sites import HOOKED_SITES, SITES

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


def attributes(model):
    """Everything that hangs on the modules, hooks included, by value where it is plain."""
    plain = (int, float, str, bool, type(None), tuple)
    return {
        (name, key): value
        if isinstance(value, plain)
        else (len(value) if "hook" in key else id(value))
        for name, module in model.named_modules()
        for key, value in vars(module).items()
    }


def weights(model):
    return copy.deepcopy(model.state_dict())


@pytest.fixture(params=["CLS", "distillation", "transformers"])
def model(request):
    return hf_model() if request.param == "transformers" else timm_model(request.param)


def size(model):
    return vl.load(model).image_size


def answer(model, pixels):
    with torch.no_grad():
        out = model(pixels)
    return out if isinstance(out, torch.Tensor) else out.logits


def test_logits_with_and_without_a_trace_are_equal(model):
    pixels = pixels_for(size(model))
    before = answer(model, pixels)
    trace = vl.load(model).trace(pixels, keep="all", preprocessed=True)
    assert torch.equal(trace.logits, before)
    assert torch.equal(answer(model, pixels), before)


def test_the_model_carries_nothing_afterwards(model):
    pixels = pixels_for(size(model))
    vit = vl.load(model)
    vit.trace(pixels, preprocessed=True)
    before, weights_before = attributes(model), weights(model)
    trace = vit.trace(pixels, keep=["q", "mlp_post"], preprocessed=True)
    for site in SITES:
        trace[site, 1]
    vl.LogitLens(vit).read(trace).top(3)
    assert attributes(model) == before
    assert all(torch.equal(value, weights_before[key]) for key, value in weights(model).items())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_or_interrupt_inside_the_forward_leaves_nothing(model, error):
    vit = vl.load(model)
    before = attributes(model)

    def fail(*_):
        raise error("in the middle")

    handle = vit.adapter.blocks[1].register_forward_pre_hook(fail)
    with pytest.raises(error, match="in the middle"):
        vit.trace(pixels_for(size(model)), keep="all", preprocessed=True)
    handle.remove()
    assert attributes(model) == before
    vit.trace(pixels_for(size(model)), preprocessed=True)


def test_a_hook_that_cannot_be_put_on_takes_the_others_with_it(model, monkeypatch):
    vit = vl.load(model)
    before = attributes(model)

    def refuse(*_args, **_kwargs):
        raise RuntimeError("no more hooks")

    monkeypatch.setattr(vit.adapter.blocks[2], "register_forward_hook", refuse)
    with pytest.raises(RuntimeError, match="no more hooks"):
        vit.trace(pixels_for(size(model)), keep="all", preprocessed=True)
    monkeypatch.undo()
    assert attributes(model) == before


def test_what_is_kept_is_what_was_asked_for():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80), n_images=3)
    bare = vit.trace(pixels, preprocessed=True)
    assert bare.states.shape == (4, 3, 16, 48)
    assert bare.nbytes == bare.states.nbytes
    with_queries = vit.trace(pixels, keep="q", preprocessed=True)
    assert with_queries.nbytes - bare.nbytes == 3 * with_queries["q", 0].nbytes
    by_pattern = vit.trace(pixels, keep=["pattern"], preprocessed=True)
    assert by_pattern.nbytes - bare.nbytes == 6 * with_queries["q", 0].nbytes
    everything = vit.trace(pixels, keep="all", preprocessed=True)
    assert {site for site, _ in everything.kept} == set(HOOKED_SITES) - {"resid_pre", "resid_post"}


def test_the_fast_attention_path_stays_on(monkeypatch):
    vit = vl.load(timm_model("CLS"))
    calls = []
    fused = torch.nn.functional.scaled_dot_product_attention

    def counting(*args, **kwargs):
        calls.append(1)
        return fused(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counting)
    vit.trace(pixels_for((48, 80)), keep="all", preprocessed=True)
    assert len(calls) == 3


def test_a_site_that_is_computed_again_notices_that_the_weights_have_changed():
    model = timm_model("CLS")
    trace = vl.load(model).trace(pixels_for((48, 80)), keep="q", preprocessed=True)
    with torch.no_grad():
        model.blocks[0].norm1.weight.mul_(2)
    trace["q", 0]
    with refused(vl.UsageError):
        trace["z", 0]


def test_a_model_in_train_mode_is_refused():
    model = timm_model("CLS")
    vit = vl.load(model)
    model.train()
    with refused(vl.UsageError):
        vit.trace(pixels_for((48, 80)), preprocessed=True)


@pytest.mark.parametrize("special", TIMM)
def test_a_forward_that_does_more_than_its_parts_is_refused(special):
    model = timm_model(special)
    vit = vl.load(model)
    model.forward = lambda x: type(model).forward(model, x) + 1
    with refused(vl.UnsupportedModelError):
        vit.trace(pixels_for(vit.image_size), preprocessed=True)


@pytest.mark.parametrize(
    "ask",
    [
        lambda t: t["attn_ot", 0],
        lambda t: t["q", 3],
        lambda t: t["q", -1],
        lambda t: t["q", "1"],
        lambda t: t["q"],
        lambda t: t.attention(0, head=4),
        lambda t: t.attention(0, kind="patern"),
        lambda t: t.vit.trace(pixels_for((48, 80)), keep="queries", preprocessed=True),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(ask):
    trace = vl.load(timm_model("CLS")).trace(pixels_for((48, 80)), preprocessed=True)
    with refused(vl.UsageError):
        ask(trace)


def test_a_block_is_run_again_only_as_far_as_what_was_asked_for(model):
    vit = vl.load(model)
    trace = vit.trace(pixels_for(size(model)), preprocessed=True)
    before = attributes(model)
    ran = []
    blocks = vit.adapter.blocks
    handle = blocks[1].register_forward_hook(lambda *_: ran.append("to its end"))
    trace.sites(1, "q")  # the first time, to see whether a block that is hooked repeats itself
    ran.clear()
    queries, keys = trace.sites(1, "q", "k")
    assert ran == []
    torch.testing.assert_close(trace["mlp_out", 1] + trace["resid_mid", 1], trace.states[2])
    handle.remove()
    assert attributes(model) == before
    everything = vit.trace(pixels_for(size(model)), keep="all", preprocessed=True)
    assert torch.equal(queries, everything["q", 1])
    assert torch.equal(keys, everything["k", 1])


def test_what_is_kept_of_a_site_lies_in_one_piece(model):
    vit = vl.load(model)
    trace = vit.trace(pixels_for(size(model)), keep=["q", "mlp_post"], preprocessed=True)
    for site in ("q", "mlp_post"):
        pieces = {trace.kept[site, layer].untyped_storage().data_ptr() for layer in range(3)}
        assert len(pieces) == 1
        assert trace.kept[site, 1].is_contiguous()
