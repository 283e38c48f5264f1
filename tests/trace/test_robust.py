"""Threads, traces within traces, many traces, odd tensors: right, or refused."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.trace.joined import joined

E = vl.edits


def hooks_on(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_two_threads_tracing_one_model_do_not_see_each_other():
    model = timm_model("CLS")
    vit = vl.load(model)
    inputs = [pixels_for((48, 80), seed=seed) for seed in range(2)]
    edits = [[], [E.Zero("z", range(3), head=1), E.KnockOut(1, query=0, key=3)]]
    expected = [
        vit.trace(p, edits=e, keep="all", preprocessed=True)
        for p, e in zip(inputs, edits, strict=True)
    ]

    def times_wrong(i):
        wrong = 0
        for _ in range(40):
            trace = vit.trace(inputs[i], edits=edits[i], keep="all", preprocessed=True)
            same = torch.equal(trace.states, expected[i].states)
            same &= all(torch.equal(trace.kept[key], v) for key, v in expected[i].kept.items())
            wrong += not same
        return wrong

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(times_wrong, range(2))) == [0, 0]
    assert hooks_on(model) == 0


def test_a_trace_within_a_trace_is_its_own():
    model = timm_model("CLS")
    vit = vl.load(model)
    outer_pixels, inner_pixels = pixels_for((48, 80), seed=3), pixels_for((48, 80), seed=4)
    alone = vit.trace(outer_pixels, edits=[E.Scale("z", 0, 2.0)], preprocessed=True)
    inner_alone = vit.trace(inner_pixels, preprocessed=True)
    inner = []

    def trace_inside(*_):
        if not inner:
            inner.append(None)  # the inner forward comes by here as well
            inner[0] = vit.trace(inner_pixels, preprocessed=True)

    handle = model.blocks[1].register_forward_hook(trace_inside)
    outer = vit.trace(outer_pixels, edits=[E.Scale("z", 0, 2.0)], preprocessed=True)
    handle.remove()
    assert torch.equal(outer.states, alone.states)
    assert torch.equal(inner[0].states, inner_alone.states)
    assert hooks_on(model) == 0


def test_a_users_own_hooks_stay_and_are_obeyed():
    model = timm_model("CLS")
    vit = vl.load(model)
    handle = model.blocks[1].register_forward_hook(lambda _m, _a, out: out * 2)
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)
    with torch.no_grad():
        torch.testing.assert_close(trace.logits, model(pixels_for((48, 80))))
    assert hooks_on(model) == 1
    handle.remove()


def test_a_thousand_traces_leave_memory_flat():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80), n_images=1)

    def alive():
        gc.collect()
        return sum(1 for thing in gc.get_objects() if type(thing) is torch.Tensor)

    def some_traces(n):
        for _ in range(n):
            vit.trace(pixels, edits=[E.Zero("z", 1, head=0)], keep="q", preprocessed=True)

    some_traces(10)
    before = alive()
    some_traces(1000)
    assert alive() <= before + 5
    assert hooks_on(vit.model) == 0


def test_pixels_in_any_memory_order_give_the_same_trace():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80), n_images=3)
    expected = vit.trace(pixels, preprocessed=True).logits
    channels_last = pixels.to(memory_format=torch.channels_last)
    strided = torch.stack([pixels, pixels], dim=-1)[..., 0]
    for odd in (channels_last, strided, pixels.double()):
        found = vit.trace(odd, preprocessed=True).logits
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_large_batch_is_the_same_images_one_by_one():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for((48, 80), n_images=65)
    together = vit.trace(pixels, preprocessed=True)
    one = vit.trace(pixels[41], preprocessed=True)
    torch.testing.assert_close(together.states[:, 41:42], one.states, rtol=0, atol=1e-5)


def test_a_model_that_moved_traces_anew_but_not_on_old_states():
    model = timm_model("CLS")
    vit = vl.load(model)
    old = vit.trace(pixels_for((48, 80)), preprocessed=True)
    model.double()
    new = vit.trace(pixels_for((48, 80)), preprocessed=True)
    assert new.states.dtype == torch.float64
    for ask in (lambda: old["q", 0], lambda: old.rerun([E.Zero("z", 1)])):
        with refused(vl.UsageError):
            ask()


def test_weights_made_in_inference_mode_are_traced():
    with torch.inference_mode():
        model = timm_model("CLS")
    trace = vl.load(model).trace(pixels_for((48, 80)), preprocessed=True)
    assert trace["q", 0].shape == (2, 16, 4, 12)


@pytest.mark.parametrize("rerun", [False, True])
@pytest.mark.parametrize("change", ["trained", "moved", "put into train mode"])
def test_a_model_that_something_else_changes_while_it_is_traced_is_refused(change, rerun):
    model = timm_model("CLS", proj_drop_rate=0.1)
    vit = vl.load(model)
    pixels = pixels_for((48, 80))
    before = vit.trace(pixels, preprocessed=True)

    def changed():
        if change == "trained":
            with torch.no_grad():
                model.blocks[0].mlp.fc1.weight.mul_(1.5)
        elif change == "moved":
            weight = model.blocks[0].mlp.fc1.weight
            weight.data = weight.data.clone()
        else:
            model.blocks[0].train()

    def in_another_thread(layer, _value):
        if layer == 2:
            other = threading.Thread(target=changed)
            other.start()
            other.join()

    watch = {"resid_pre": in_another_thread}
    with refused(vl.UsageError):
        if rerun:
            before.rerun([E.Zero("z", 1)], watch=watch)
        else:
            vit.trace(pixels, watch=watch, preprocessed=True)
    model.eval()
    vit.trace(pixels, preprocessed=True)


def test_a_hook_that_comes_or_goes_after_a_block_was_seen_to_repeat_is_found():
    vit = vl.load(timm_model("CLS"))
    pixels, qkv = pixels_for(vit.image_size), vit.model.blocks[1].attn.qkv
    trace = vit.trace(pixels, preprocessed=True)
    expected = trace["z", 1]
    for factor in (1.3, 1.4):  # the second may lie where the first one lay in memory
        hook = qkv.register_forward_hook(lambda _m, _a, out, factor=factor: out * factor)
        with refused(vl.UnsupportedModelError):
            _ = trace["z", 1]
        hook.remove()
    assert torch.equal(trace["z", 1], expected)


def hooked_trace(vit, pixels):
    """A run with a hook on block 1 that is gone afterwards, and has been seen to repeat before."""
    hook = vit.model.blocks[1].attn.qkv.register_forward_hook(lambda _m, _a, out: out * 1.3)
    trace = vit.trace(pixels, preprocessed=True)
    _ = trace["z", 1]
    hook.remove()
    return trace


def test_a_run_that_was_hooked_is_not_read_without_its_hook():
    vit = vl.load(timm_model("CLS"))
    pixels = pixels_for(vit.image_size)
    hooked, plain = hooked_trace(vit, pixels), vit.trace(pixels, preprocessed=True)
    assert not torch.equal(hooked.states[2], plain.states[2])
    with refused(vl.UnsupportedModelError):
        _ = hooked["z", 1]
    with refused(vl.UnsupportedModelError):
        vl.analysis.attribution(hooked, 3)
    later = hooked.rerun([E.Zero("z", 2, head=1)])  # its block 1 is the hooked run's
    assert later["z", 2].shape == plain["z", 2].shape
    for both in (joined(plain, hooked), joined(hooked, plain), later):
        with refused(vl.UnsupportedModelError):
            _ = both["z", 1]


def test_a_hook_on_every_module_is_seen():
    vit = vl.load(timm_model("CLS"))
    attention = vit.model.blocks[1].attn.proj
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    _ = trace["attn_out", 1]
    hook = register_module_forward_hook(lambda m, _a, out: out * 1.3 if m is attention else None)
    try:
        with refused(vl.UnsupportedModelError):
            _ = trace["attn_out", 1]
    finally:
        hook.remove()
