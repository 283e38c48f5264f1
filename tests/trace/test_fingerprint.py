"""A model is known again by all that its answers depend on, and by nothing else."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.trace.fingerprint import agree, fingerprint


def of(model):
    return json.loads(json.dumps(fingerprint(vl.load(model.eval()))))


def quantised(model):
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, torch.qint8)


def with_hook(model, factor):
    model.blocks[1].register_forward_hook(lambda _module, _args, output: output * factor)
    return model


def with_forward(model, factor):
    forward = model.blocks[1].mlp.forward
    model.blocks[1].mlp.forward = lambda x: forward(x) * factor
    return model


def with_buffer(model, factor):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("factor", torch.tensor([1e-9, factor]), persistent=False)

        def forward(self, x):
            return x * (1 + self.factor[0])

    model.norm_pre = Scaled()
    return model


def with_extra_state(model, factor):
    class Stateful(nn.Identity):
        def get_extra_state(self):
            return {"factors": [torch.tensor([factor, 1e-9])], "of": "nothing"}

        def set_extra_state(self, state):
            pass

    model.norm_pre = Stateful()
    return model


def with_parametrisation(model, factor):
    class Times(nn.Module):
        def forward(self, weight):
            return weight * factor

    nn.utils.parametrize.register_parametrization(model.blocks[0].mlp.fc1, "weight", Times())
    return model


def with_scale(model, factor):
    for block in model.blocks:
        block.attn.scale = factor
        block.attn.fused_attn = False
    return model


def with_data(model, factor):
    model.blocks[0].mlp.fc1.weight.data *= factor
    return model


def with_one_weight(model, factor):
    model.blocks[0].mlp.fc1.weight.detach().numpy()[3, 5] = factor * 1e-6
    return model


CHANGES = (
    with_hook,
    with_forward,
    with_buffer,
    with_extra_state,
    with_parametrisation,
    with_scale,
    with_data,
    with_one_weight,
)


@pytest.mark.parametrize("change", CHANGES)
def test_models_that_differ_by_a_factor_do_not_agree(change):
    one, again, other = (change(timm_model("CLS"), factor) for factor in (1.3, 1.3, 1.7))
    assert agree(of(one), of(again))
    assert not agree(of(one), of(other))
    assert not agree(of(one), of(timm_model("CLS")))


def test_where_a_part_lies_in_memory_does_not_count():
    class Printed(nn.Identity):
        def extra_repr(self):
            return f"of={object()!r}, {id(self):#x}"

    prints = []
    for _ in range(2):
        model = timm_model("CLS")
        model.norm_pre = Printed()
        prints.append(of(model))
    assert prints[0] == prints[1]


def test_quantised_models_are_told_apart():
    """Their packed weights are no parameters."""
    changed = timm_model("CLS")
    changed.blocks[2].attn.proj.weight.data[7] *= -1
    prints = [of(quantised(copy.deepcopy(m))) for m in (timm_model("CLS"), changed)]
    again = of(quantised(timm_model("CLS")))
    assert agree(prints[0], again)
    assert prints[0]["sha256"] != prints[1]["sha256"]
    assert not agree(prints[0], of(timm_model("CLS")))


def test_other_threads_and_processes_find_the_same():
    before, threads = of(timm_model("CLS")), torch.get_num_threads()
    try:
        torch.set_num_threads(1 + threads)
        assert agree(before, of(timm_model("CLS")))
    finally:
        torch.set_num_threads(threads)
    words = "from tests.trace.test_fingerprint import *; print(json.dumps(of(timm_model('CLS'))))"
    there = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True)
    assert agree(before, json.loads(there.stdout))


def test_answers_may_differ_by_rounding_and_no_more():
    one = of(timm_model("CLS"))
    largest = np.abs(one["answers"]).max()
    for share, same in ((0.004, True), (0.03, False)):
        for place in (0, 7):
            other = copy.deepcopy(one)
            other["answers"][place] += share * largest
            assert agree(one, other) == same
    assert not agree(one, {**one, "answers": one["answers"][1:]})
    assert not agree(one, {**one, "answers": [*one["answers"][1:], None]})
    assert not agree(one, {**one, "answers": [*one["answers"][1:], float("nan")]})
    assert not agree(one, one["sha256"])


def test_a_model_is_left_as_it_was():
    vit = vl.load(timm_model("CLS"))
    state, seed = copy.deepcopy(vit.model.state_dict()), torch.get_rng_state()
    fingerprint(vit)
    assert all(torch.equal(state[name], value) for name, value in vit.model.state_dict().items())
    assert torch.equal(seed, torch.get_rng_state())
    assert not any(module._forward_hooks for module in vit.model.modules())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_models_of_other_types_are_known_too(dtype):
    one, again = (of(timm_model("CLS").to(dtype)) for _ in range(2))
    assert agree(one, again)
    assert not agree(one, of(timm_model("CLS")))


@pytest.mark.parametrize("name", ["toy/p32", "toy/mae"])
def test_embedded_models_are_known_too(name):
    assert agree(fingerprint(vl.load(name)), fingerprint(vl.load(name)))
    assert not agree(fingerprint(vl.load(name)), of(timm_model("CLS")))


def test_a_model_in_train_mode_is_refused():
    vit = vl.load(timm_model("CLS"))
    vit.model.train()
    with refused(vl.UsageError):
        fingerprint(vit)
