"""Models that are changed by hand, as labs do it, seen by plain hooks."""

from __future__ import annotations

import torch

import vitlens_widgets as vl
from tests.small_models import hf_model, pixels_for, timm_model

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
