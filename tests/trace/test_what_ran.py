"""What is read is what ran: models that were changed by hand are read exactly, or refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import vitlens_widgets as vl
from tests.small_models import hf_model, pixels_for, timm_model

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

E = vl.edits
MODELS = {
    "timm, no prefix": lambda: timm_model("mean of patches, norm before"),
    "timm, CLS": lambda: timm_model("CLS"),
    "timm, CLS and four registers": lambda: timm_model("four registers and layer scale"),
    "transformers": hf_model,
}


class Bench:
    """A model that is changed by hand, seen by hooks of its own."""

    def __init__(self, which: str) -> None:
        self.which = which
        self.model = MODELS[which]()
        self.hf = which == "transformers"
        self.vit = vl.load(self.model)
        self.pixels = pixels_for(self.vit.image_size)

    @property
    def blocks(self):
        return self.vit.adapter.blocks

    @property
    def attention(self):
        return self.blocks[1].attention if self.hf else self.blocks[1].attn

    def part(self, timm, hf):
        return self.blocks[1].get_submodule(hf if self.hf else timm)

    def trace(self, **words):
        return self.vit.trace(self.pixels, preprocessed=True, **words)

    def seen(self):
        """What each block reads, q and v and z of block 1, and the answer, by plain hooks."""
        found, hooks = {}, []

        def see(key, side):
            def hook(_module, args, *output):
                value = output[0] if side == "output" else args[0]
                found.setdefault(key, value[0] if isinstance(value, tuple) else value)

            return hook

        for k, block in enumerate(self.blocks):
            hooks.append(block.register_forward_pre_hook(see(k, "input")))
        hooks.append(block.register_forward_hook(see(len(self.blocks), "output")))
        proj = self.part("attn.proj", "attention.o_proj")
        hooks.append(proj.register_forward_pre_hook(see("z", "input")))
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            answer = self.model(self.pixels)
        for hook in hooks:
            hook.remove()
        found["answer"] = answer if isinstance(answer, torch.Tensor) else answer.logits
        return found

    def check_exact(self):
        """States, z, maps, edits and runs from a block are those of the model."""
        seen, trace = self.seen(), self.trace()
        close = lambda a, b: torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)  # noqa: E731
        close(trace.logits, seen["answer"])
        for k, state in enumerate(trace.states):
            close(state, seen[k])
        z = trace["z", 1]
        close(z.flatten(2), seen["z"])
        close((trace.attention(1) @ trace["v", 1].transpose(1, 2)).transpose(1, 2), z)
        assert torch.equal(trace["q", 1], self.trace(keep="all")["q", 1])
        self.check_edits(trace)

    def check_edits(self, trace):
        """An edit acts, and the run from a block is the whole run."""
        edits = [E.Zero("z", 1, head=1), E.KnockOut(1, query=0, key=3)]
        whole = self.trace(edits=edits)
        assert (whole.logits - trace.logits).abs().max() > 1e-6
        torch.testing.assert_close(trace.rerun(edits).logits, whole.logits)
        torch.testing.assert_close(trace.rerun([], first=1).logits, trace.logits)
        torch.testing.assert_close(
            whole["mlp_out", 2], self.trace(edits=edits, keep="all")["mlp_out", 2]
        )


@pytest.fixture(params=MODELS)
def bench(request):
    return Bench(request.param)


def attend_in_the_open(attn, temperature=1.0):
    """The widely copied replacement of timm's attention, by which maps are caught."""

    def forward(x, *_args, **_kwargs):
        n_images, n_tokens, width = x.shape
        qkv = attn.qkv(x).reshape(n_images, n_tokens, 3, attn.num_heads, width // attn.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        pattern = (q @ k.transpose(-2, -1) * attn.scale * temperature).softmax(dim=-1)
        attn.attn_map = attn.attn_drop(pattern)
        return attn.proj((attn.attn_map @ v).transpose(1, 2).reshape(n_images, n_tokens, width))

    return forward


def attend_by(function):
    """transformers' own way to give a model another attention."""
    from transformers import AttentionInterface

    AttentionInterface.register("of_the_tests", function)
    return "of_the_tests"


def hf_attention(temperature):
    def attend(module, query, key, value, attention_mask, scaling=None, **_words):  # noqa: ARG001
        scale = temperature * query.shape[-1] ** -0.5
        pattern = (query @ key.transpose(-2, -1) * scale).softmax(-1)
        return (pattern @ value).transpose(1, 2).contiguous(), pattern

    return attend


def patched_attention(bench, temperature=1.0):
    if bench.hf:
        bench.model.set_attn_implementation(attend_by(hf_attention(temperature)))
    else:
        bench.attention.forward = attend_in_the_open(bench.attention, temperature)


def hook_that_moves_input(bench):
    bench.blocks[1].register_forward_pre_hook(lambda _m, args: (args[0] * 1.5 + 0.1, *args[1:]))


def hook_that_moves_output(bench):
    def double(_module, _args, out):
        return (out[0] * 2, *out[1:]) if isinstance(out, tuple) else out * 2

    bench.blocks[1].register_forward_hook(double)


def hook_that_moves_z(bench):
    part = bench.part("attn.proj", "attention.o_proj")
    part.register_forward_pre_hook(lambda _m, args: (args[0] * 1.5,))


def hook_that_moves_v(bench):
    part = bench.part("attn.qkv", "attention.v_proj")
    part.register_forward_hook(lambda _m, _a, out: out * 1.5)


def scaled(bench):
    attn = bench.attention
    name = "scaling" if bench.hf else "scale"
    setattr(attn, name, getattr(attn, name) * 2)


def compiled_block(bench):
    bench.blocks[1].compile(backend="eager")


def compiled_attention(bench):
    bench.attention.compile(backend="eager")


def wrapped_block(bench):
    bench.blocks[1] = torch.compile(bench.blocks[1], backend="eager")


def reordered(bench):
    for k, block in enumerate([bench.blocks[k] for k in (2, 0, 1)]):
        bench.blocks[k] = block


EXACT = {
    "hook on what a block reads": hook_that_moves_input,
    "hook on what a block gives": hook_that_moves_output,
    "hook on values": hook_that_moves_v,
    "attention patched to catch maps": patched_attention,
    "block compiled in place": compiled_block,
    "attention compiled in place": compiled_attention,
    "block compiled and wrapped": wrapped_block,
    "blocks in another order": reordered,
}


@pytest.mark.parametrize("change", EXACT)
def test_it_is_read_exactly(bench, change):
    bench.trace()  # before: what was seen then is not remembered of another model
    bench.trace().attention(1)
    EXACT[change](bench)
    if change == "block compiled in place":
        with torch.no_grad():
            bench.model(bench.pixels)
    bench.check_exact()


# ---- states can be read, but attention is something else

ANOTHER_ATTENTION = {
    "another temperature": lambda bench: patched_attention(bench, 1.2),
    "hook on z": hook_that_moves_z,
}
ASKED = {
    "map": lambda bench: bench.trace().attention(1),
    "q": lambda bench: bench.trace()["q", 1],
    "kept": lambda bench: bench.trace(keep="q"),
    "watched": lambda bench: bench.trace(watch={"pattern": lambda *_: None}),
    "edited": lambda bench: bench.trace(edits=[E.KnockOut(1, query=0, key=2)]),
    "rerun": lambda bench: bench.trace().rerun([E.Zero("z", 1, head=0)]),
}


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("change", ANOTHER_ATTENTION)
def test_another_attention_is_refused_where_it_matters(bench, change, ask):
    ASKED[ask](bench)
    ANOTHER_ATTENTION[change](bench)
    seen, states = bench.seen(), bench.trace().states
    torch.testing.assert_close(states[2], seen[2], rtol=1e-4, atol=1e-5)
    with pytest.raises(
        vl.UnsupportedModelError, match="must be one softmax of the scaled products"
    ):
        ASKED[ask](bench)


@pytest.mark.parametrize("special", ["CLS", "qk-norm"])
def test_a_scale_that_fused_attention_never_hears_of(special):
    """timm multiplies by its own scale only where it attends without torch's fused function."""
    model = timm_model(special)
    vit, pixels = vl.load(model), pixels_for((48, 80) if special == "CLS" else (64, 48))
    before = vit.trace(pixels, preprocessed=True).attention(1)
    model.blocks[1].attn.scale *= 2
    assert torch.equal(vit.trace(pixels, preprocessed=True).attention(1), before)
    model.blocks[1].attn.fused_attn = False
    trace = vit.trace(pixels, preprocessed=True)
    assert not torch.allclose(trace.attention(1), before, atol=1e-3)
    found = trace.attention(1) @ trace["v", 1].transpose(1, 2)
    torch.testing.assert_close(found.transpose(1, 2), trace["z", 1], rtol=1e-4, atol=1e-5)


def test_a_patched_forward_that_leaves_the_norms_out_is_refused():
    model = timm_model("qk-norm")
    vit = vl.load(model)
    model.blocks[1].attn.forward = attend_in_the_open(model.blocks[1].attn)
    trace = vit.trace(pixels_for((64, 48)), preprocessed=True)
    with pytest.raises(vl.UnsupportedModelError, match="k_norm did not run in it; the forward of"):
        trace.attention(1)
    with pytest.raises(vl.UnsupportedModelError, match="k_norm did not run in it; the forward of"):
        vit.trace(pixels_for((64, 48)), edits=[E.Zero("q", 1)], preprocessed=True)


# ---- a forward of one's own, that does something else with the blocks


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
    alter, sentence = REFUSED[change]
    alter(bench)
    with mode(), pytest.raises(vl.UsageError, match=sentence):
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
    with pytest.raises(
        vl.UnsupportedModelError, match="must be one softmax of the scaled products"
    ):
        trace.attention(1)
    with pytest.raises(
        vl.UnsupportedModelError, match="must be one softmax of the scaled products"
    ):
        trace["z", 1]


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
        with pytest.raises(vl.UsageError, match=r"changed since this trace|train mode"):
            trace["z", 1]
        with pytest.raises(vl.UsageError, match=r"changed since this trace|train mode"):
            trace.rerun([E.Zero("mlp_out", 1)])
        bench.__init__(bench.which)


def test_torch_func_is_refused():
    bench = Bench("timm, CLS")

    def answer(pixels):
        return bench.vit.trace(pixels, grad=True, preprocessed=True).logits.sum()

    with pytest.raises(vl.UsageError, match="cannot be transformed by"):
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


@pytest.mark.parametrize("layer", [1, 2])
def test_a_hook_that_does_something_else_each_time_is_refused(layer):
    bench, seen = Bench("timm, CLS"), []

    def fade(_module, _args, out):
        seen.append(None)
        return out / len(seen)

    bench.blocks[layer].register_forward_hook(fade)
    trace = bench.trace()
    for ask in (lambda: trace["mlp_out", layer], lambda: trace.rerun([E.Zero("z", 0)])):
        with pytest.raises(vl.UnsupportedModelError, match=f"block {layer} must do the same"):
            ask()


def test_hooks_on_every_block_act_once_beside_edits():
    bench = Bench("timm, CLS")
    for block in bench.blocks:
        block.register_forward_pre_hook(lambda _m, args: (args[0] + 1, *args[1:]))
    edits = [E.Add("resid_pre", 1, 0.3), E.Zero("z", 1, head=0), E.DropTokens([4])]
    trace, every = bench.trace(edits=edits), bench.trace(edits=edits, keep="all")
    for layer in range(3):
        torch.testing.assert_close(trace["mlp_out", layer], every["mlp_out", layer])
    torch.testing.assert_close(trace.rerun([], first=1).logits, trace.logits)


def test_a_forward_that_gives_no_tensor_is_refused():
    bench = Bench("timm, CLS")
    bench.model.forward = lambda x: {"logits": type(bench.model).forward(bench.model, x)}
    with pytest.raises(vl.UnsupportedModelError, match="must give one tensor of logits"):
        bench.trace()
