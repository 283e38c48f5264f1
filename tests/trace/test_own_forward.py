"""A forward of one's own, that does something else with the blocks, is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.trace.changed_by_hand import (
    MODELS,
    Bench,
    hook_that_moves_input,
    patched_attention,
    scaled,
)
from vitlens_widgets.trace import attention
from vitlens_widgets.trace.fingerprint import digest_of

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

E = vl.edits


def run_through(bench, run):
    """A timm model whose forward runs its blocks in its own way."""
    model = bench.model

    def forward_features(x, **_words):
        x = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(x))))
        return model.norm(run(model, x))

    model.forward_features = forward_features


def each(change):
    """Runs all blocks, with something between them."""

    def run(model, x):
        for k, block in enumerate(model.blocks):
            x = block(x)
            x = change(x) if k == 0 else x
        return x

    return run


def past_the_count(x):
    x.data[0, 2, 3] += 0.5  # of one value, and no version tells
    return x


def in_place(x):
    x.mul_(1.7)
    return x


def masked(model, x):
    mask = torch.zeros(x.shape[1], x.shape[1])
    mask[:, 3] = -torch.inf
    for block in model.blocks:
        x = block(x, attn_mask=mask)
    return x


def shared(bench):
    bench.model.blocks[2] = bench.model.blocks[0]


def nan(bench):
    with torch.no_grad():
        bench.blocks[1].mlp.fc1.weight[0, 0] = torch.nan


class AgainstTheOthers(nn.Linear):
    """A classifier whose answer depends on the other images."""

    def forward(self, x):
        """Logits without their mean over images."""
        logits = super().forward(x)
        return logits - logits.mean(0)


def against_the_others(bench):
    bench.model.head = AgainstTheOthers(bench.model.head.in_features, 11).eval()


REFUSED = {
    "a block skipped": (
        lambda b: run_through(b, lambda m, x: m.blocks[2](m.blocks[0](x))),
        "block 1 did not run before block 2",
    ),
    "the last block skipped": (
        lambda b: run_through(b, lambda m, x: m.blocks[1](m.blocks[0](x))),
        "block 2 did not run",
    ),
    "a block twice": (
        lambda b: run_through(
            b, lambda m, x: m.blocks[2](m.blocks[1](m.blocks[1](m.blocks[0](x))))
        ),
        "block 1 runs more than once",
    ),
    "another order": (
        lambda b: run_through(b, lambda m, x: m.blocks[2](m.blocks[0](m.blocks[1](x)))),
        "block 0 did not run before block 1",
    ),
    "all twice": (
        lambda b: run_through(b, lambda m, x: m.blocks(m.blocks(x))),
        "block 0 runs more than once",
    ),
    "changed between": (
        lambda b: run_through(b, each(lambda x: x * 1.7 + 0.3)),
        "changes the residual stream between block 0 and block 1",
    ),
    "changed between in place": (
        lambda b: run_through(b, each(in_place)),
        "changes the residual stream between block 0 and block 1",
    ),
    "changed between past the count": (
        lambda b: run_through(b, each(past_the_count)),
        "changes the residual stream between block 0 and block 1",
    ),
    "fewer tokens between": (
        lambda b: run_through(b, each(lambda x: x[:, :-1])),
        "changes the residual stream between block 0 and block 1",
    ),
    "changed at the end": (
        lambda b: run_through(b, lambda m, x: m.blocks(x).roll(1, -1)),
        "does something beyond its blocks",
    ),
    "a hook on the model": (
        lambda b: b.model.register_forward_hook(lambda _m, _a, out: out + 1),
        "does something beyond its blocks",
    ),
    "one module twice": (shared, "blocks 0 and 2 are one and the same module"),
    "NaN": (nan, "gives NaN or infinite values, from state 2_pre on"),
    "a classifier over the batch": (against_the_others, "changes with the other images"),
    "a block in train mode": (
        lambda b: b.blocks[1].train(),
        r"Its module blocks.1 \(Block\) is in train mode",
    ),
    "a dropout in train mode": (
        lambda b: b.model.__setattr__("pos_drop", nn.Dropout(0.1)),
        r"Its module pos_drop \(Dropout\) is in train mode",
    ),
}


@pytest.mark.parametrize("change", REFUSED)
@pytest.mark.parametrize("which", [name for name in MODELS if "timm" in name])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_is_refused(which, change, mode):
    bench = Bench(which)
    bench.trace()
    alter, _sentence = REFUSED[change]
    alter(bench)
    with mode(), refused(vl.UsageError):
        bench.trace()
    assert not any(m._forward_pre_hooks for m in bench.model.modules())


def test_a_mask_handed_to_the_blocks():
    """The sites are read with the mask in place; maps, which would leave it out, are refused."""
    bench = Bench("timm, CLS")
    run_through(bench, masked)
    seen, trace = bench.seen(), bench.trace()
    for k, state in enumerate(trace.states):
        torch.testing.assert_close(state, seen[k])
    again = trace["resid_mid", 1] + trace["mlp_out", 1]
    torch.testing.assert_close(again, seen[2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(trace.rerun([], first=1).logits, trace.logits)
    with refused(vl.UnsupportedModelError):
        trace.attention(1)
    with refused(vl.UnsupportedModelError):
        trace["z", 1]


def test_what_blocks_are_handed_is_known_again_by_its_numbers(monkeypatch):
    """Proved with one mask, a block is not proved again with its equal, but with another it is."""
    bench = Bench("timm, CLS")
    mask = torch.zeros(bench.vit.layout.n_tokens, bench.vit.layout.n_tokens)

    def handed(model, x):
        for block in model.blocks:
            x = block(x, attn_mask=mask.clone())
        return x

    checked = []
    settle = attention.Claim.settle
    monkeypatch.setattr(attention.Claim, "settle", lambda *a: checked.append(1) or settle(*a))
    run_through(bench, handed)
    first = bench.trace().attention(1)
    assert len(checked) == 1
    torch.testing.assert_close(bench.trace().attention(1), first)
    assert len(checked) == 1
    bench.trace().attention(2)  # another block
    assert len(checked) == 2
    mask[2, 3] = -1  # of one pair
    with refused(vl.UnsupportedModelError):
        bench.trace().attention(1)
    assert len(checked) == 3


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x + torch.eye(3, 4) * 1e-6,
        lambda x: x.double(),
        lambda x: x.T,
        lambda x: x.to_sparse(),
    ],
)
def test_another_tensor_has_another_digest(other):
    one = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
    assert digest_of(({"mask": one}, None)) == digest_of(({"mask": one.T.clone().T}, None))
    assert digest_of({"mask": one}) != digest_of({"mask": other(one)})


@pytest.mark.parametrize("name", ["conj", "neg"])
def test_tensors_that_are_views_of_others_have_a_digest(name):
    z = torch.randn(3, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    view = z.conj() if name == "conj" else z.conj().imag
    assert digest_of([view]) == digest_of([view.clone()])
    assert digest_of([view]) != digest_of([z if name == "conj" else z.imag])


def test_nothing_is_changed_between_unchanged_blocks():
    bench = Bench("timm, CLS")
    run_through(bench, each(lambda x: x.contiguous() + 0))
    bench.check_exact()


def test_attentions_that_two_blocks_share_are_told_apart():
    bench = Bench("timm, CLS")
    bench.model.blocks[2].attn = bench.model.blocks[1].attn
    bench.check_exact()
    every = bench.trace(keep="all")
    for layer in (1, 2):
        torch.testing.assert_close(every["z", layer], bench.trace()["z", layer])


def test_torchs_own_modules_without_dropout_may_be_in_train_mode():
    bench = Bench("timm, CLS")
    bench.model.head = nn.Linear(48, 5)
    vl.load(bench.model).trace(bench.pixels, preprocessed=True)


def test_what_changes_after_the_trace_is_noticed():
    bench = Bench("timm, CLS")
    changes = {
        "train": bench.blocks[1].train,
        "forward": lambda: patched_attention(bench, 1.2),
        "scale": lambda: scaled(bench),
    }
    for change in changes.values():
        trace = bench.trace()
        change()
        with refused(vl.UsageError):
            trace["z", 1]
        with refused(vl.UsageError):
            trace.rerun([E.Zero("mlp_out", 1)])
        bench.__init__(bench.which)


def test_torch_func_is_refused():
    bench = Bench("timm, CLS")

    def answer(pixels):
        return bench.vit.trace(pixels, grad=True, preprocessed=True).logits.sum()

    with refused(vl.UsageError):
        torch.func.grad(answer)(bench.pixels)


def test_a_hook_acts_once_under_gradients():
    bench = Bench("timm, CLS")
    hook_that_moves_input(bench)
    plain, graph = bench.trace(), bench.trace(grad=True)
    gradient = torch.autograd.grad(graph.logits.sum(), graph["resid_pre", 1])[0]
    again = plain.rerun([], first=1, grad=True)
    torch.testing.assert_close(again.logits, plain.logits)
    found = torch.autograd.grad(again.logits.sum(), again["resid_pre", 1])[0]
    torch.testing.assert_close(found, gradient)
