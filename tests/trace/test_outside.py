"""What stands around the blocks: a hook there that comes or goes is never read past."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.trace.frozen_features import FrozenFeatures
from vitlens_widgets.trace.joined import joined
from vitlens_widgets.trace.single import single

E, A = vl.edits, vl.analysis


def doubled(_module, _args, out):
    return 2 * out


def looked_at(_module, _args, _out):
    """A hook that changes nothing."""


@contextmanager
def on(module, hook, kind="register_forward_hook"):
    handle = getattr(module, kind)(hook)
    try:
        yield
    finally:
        handle.remove()


def pair_of(vit):
    return (vit.trace(pixels_for(vit.image_size, 1, s), preprocessed=True) for s in (1, 2))


def read_again(vit):
    """All that reads the last states of these runs by the model as it is now."""
    a, b = pair_of(vit)
    return {
        "attribution": partial(A.attribution, a, 3),
        "activation patching": partial(A.activation_patching, a, b, (3, 5)),
        "estimates": partial(A.attribution_patching, a, b, (3, 5)),
        "edges": partial(A.edge_attribution_patching, a, b, (3, 5)),
        "a circuit": partial(A.faithfulness, a, b, (3, 5), [("embedding", "logits")], n_random=0),
        "rerun": partial(a.rerun, [E.Zero("z", 1)]),
        "lens": lambda: vl.LogitLens(vit).read(a).logits(0),
        "single": partial(single, a, 0),
        "joined": partial(joined, a, b),
        "features": partial(FrozenFeatures, a),
    }


PLACES = {
    "norm": ("CLS", "norm"),
    "head": ("CLS", "head"),
    "norm after the mean": ("mean of patches", "fc_norm"),
    "second head": ("distillation", "head_dist"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_hook_that_comes_after_the_run_is_refused_until_it_is_gone(place):
    kind, name = PLACES[place]
    vit = vl.load(timm_model(kind))
    asked = read_again(vit)
    before = asked["rerun"]().logits
    with on(vit.model.get_submodule(name), doubled):
        for ask in asked.values():
            with refused(vl.UsageError):
                ask()
    assert torch.equal(asked["rerun"]().logits, before)


def test_a_hook_that_was_there_in_the_run_must_stay():
    vit = vl.load(timm_model("CLS"))
    with on(vit.model.norm, doubled):
        hooked = read_again(vit)
        ours, _ = pair_of(vit)
        parts = hooked["attribution"]().parts
        again = ours.rerun([], first=0)
        alone = single(ours, 0)
        np.testing.assert_allclose(parts.logits[0, 0], ours.logits[0, 3].item(), rtol=1e-5)
    theirs, _ = pair_of(vit)
    for ask in [*hooked.values(), again.rerun, alone.rerun]:
        with refused(vl.UsageError):
            ask(*([[E.Zero("z", 1)]] if ask in (again.rerun, alone.rerun) else []))
    with on(vit.model.norm, doubled), refused(vl.UsageError):
        joined(theirs, ours)


def test_a_hook_that_changes_nothing_does_no_harm():
    vit = vl.load(timm_model("CLS"))
    asked = read_again(vit)
    before = asked["activation patching"]().share
    a, b = pair_of(vit)
    with on(vit.model.norm, looked_at), on(vit.model, looked_at):
        np.testing.assert_array_equal(asked["activation patching"]().share, before)
        later, _ = pair_of(vit)
        both = joined(a, later)
    assert torch.equal(
        both.rerun([E.Zero("z", 1)]).logits[0], both.rerun([E.Zero("z", 1)]).logits[1]
    )
    assert b.rerun([]).logits.shape == (1, 11)


def test_a_hook_that_changes_only_tokens_the_answer_does_not_read_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace, _ = pair_of(vit)
    reading = vl.LogitLens(vit).read(trace)

    def patches(_module, _args, out):
        return torch.cat([out[:, :1], 2 * out[:, 1:]], 1) if out.ndim == 3 else out

    with on(vit.model.norm, patches):
        assert torch.equal(vit.adapter.readout_logits(trace.states[-1]), trace.logits)
        with refused(vl.UsageError):
            reading.logits(1)


@pytest.mark.parametrize(
    "make", [partial(timm_model, "CLS", num_classes=0), partial(hf_model, "ViTModel")]
)
def test_what_is_pooled_is_held_against_the_run_where_there_is_no_classifier(make):
    vit = vl.load(make())
    trace, _ = pair_of(vit)
    twice = trace.rerun([E.Zero("z", 1)])
    norm = next(m for name, m in vit.model.named_modules() if name in ("norm", "layernorm"))
    with on(norm, doubled):
        for one in (trace, twice):
            with refused(vl.UsageError):
                _ = one["q", 2]
    assert trace["q", 2].shape == twice["q", 2].shape


def test_positions_are_not_told_past_a_hook_on_the_embedding():
    vit = vl.load(timm_model("mean of patches"))
    trace, _ = pair_of(vit)
    expected = A.attribution(trace, 3).parts.embedding
    ramp = torch.linspace(-1, 1, vit.width)
    for kind in ("pos_drop", "patch_embed", "patch_embed.proj", "norm_pre"):
        hook = (lambda _m, _a, out: out + 1) if "proj" in kind else (lambda _m, _a, out: out + ramp)
        with on(vit.model.get_submodule(kind), hook), refused(vl.UsageError):
            A.attribution(trace, 3)
    found = A.attribution(trace, 3).parts.embedding
    assert found.keys() == expected.keys() >= {"position", "patch projection"}
    with on(vit.model.pos_drop, lambda _m, _a, out: out + ramp):
        hooked, _ = pair_of(vit)
        parts = A.attribution(hooked, 3).parts
    moved = parts.embedding["position"] - expected["position"]
    assert np.abs(moved).max() > 1e-3
    with refused(vl.UsageError):
        A.attribution(hooked, 3)


def test_hooks_on_every_module_count_outside_too():
    vit = vl.load(timm_model("CLS"))
    trace, _ = pair_of(vit)
    handle = register_module_forward_hook(lambda m, _a, o: 2 * o if m is vit.model.norm else None)
    try:
        with refused(vl.UsageError):
            trace.rerun([E.Zero("z", 1)])
    finally:
        handle.remove()
    assert trace.rerun([]).logits.shape == (1, 11)


def five_times(_module, grads, *_):
    return tuple(None if grad is None else 5 * grad for grad in grads)


BACKWARD = {
    "on a part": lambda model: model.blocks[1].attn.register_full_backward_hook(five_times),
    "before a part": lambda model: model.blocks[1].attn.register_full_backward_pre_hook(five_times),
    "outside": lambda model: model.norm.register_full_backward_hook(five_times),
    "on every module": lambda _: register_module_full_backward_hook(five_times),
    "before every module": lambda _: register_module_full_backward_pre_hook(five_times),
}


@pytest.mark.parametrize("kind", BACKWARD)
def test_gradients_that_a_backward_hook_may_change_are_refused(kind):
    vit = vl.load(timm_model("CLS"))
    a, b = pair_of(vit)
    asked = [
        partial(A.attribution_patching, a, b, (3, 5)),
        partial(A.edge_attribution_patching, a, b, (3, 5)),
        partial(A.attribution, a, 3),
        partial(FrozenFeatures, a),
        partial(A.relevance, a, [3]),
    ]
    exact = A.activation_patching(a, b, (3, 5)).share
    handle = BACKWARD[kind](vit.model)
    try:
        for ask in asked:
            with refused(vl.UsageError):
                ask()
        np.testing.assert_array_equal(A.activation_patching(a, b, (3, 5)).share, exact)
    finally:
        handle.remove()
    for ask in asked:
        ask()
