"""What is read is what ran: models that were changed by hand are read exactly, or refused."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.trace.changed_by_hand import (
    MODELS,
    Bench,
    attend_in_the_open,
    compiled_attention,
    compiled_block,
    hook_that_moves_input,
    hook_that_moves_output,
    hook_that_moves_v,
    hook_that_moves_z,
    patched_attention,
    reordered,
    scaled,
    wrapped_block,
)
from vitlens_widgets.trace.again import attention_rows

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

E = vl.edits


def rows_of_one_image(bench):
    """A block's attention, of which nothing is known before its rows are asked for."""
    return attention_rows(bench.vit.trace(bench.pixels[:1], preprocessed=True), 1)


@pytest.fixture(params=MODELS)
def bench(request):
    return Bench(request.param)


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
    "each of its rows": lambda bench: list(rows_of_one_image(bench).each()),
    "some rows": lambda bench: rows_of_one_image(bench).of(slice(1, 3)),
    "a head": lambda bench: rows_of_one_image(bench).head(0, "scores"),
    "all heads": lambda bench: rows_of_one_image(bench).whole("pattern"),
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
    with refused(vl.UnsupportedModelError):
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


@pytest.mark.parametrize("how", ["sdpa", "eager", "flex_attention"])
def test_transformers_own_attentions_are_read_exactly(how):
    bench = Bench("transformers")
    bench.trace().attention(1)
    bench.model.set_attn_implementation(how)
    with torch.compiler.set_stance("force_eager"):
        bench.check_exact()


@pytest.mark.parametrize("how", ["sdpa", "eager"])
def test_a_scaling_of_transformers_changed_by_hand_is_refused_where_it_matters(how):
    bench = Bench("transformers")
    bench.model.set_attn_implementation(how)
    bench.trace().attention(1)
    scaled(bench)
    torch.testing.assert_close(bench.trace().states[2], bench.seen()[2], rtol=1e-4, atol=1e-5)
    for ask in ASKED.values():
        with refused(vl.UnsupportedModelError):
            ask(bench)


def test_a_patched_forward_that_leaves_the_norms_out_is_refused():
    model = timm_model("qk-norm")
    vit = vl.load(model)
    model.blocks[1].attn.forward = attend_in_the_open(model.blocks[1].attn)
    trace = vit.trace(pixels_for((64, 48)), preprocessed=True)
    with refused(vl.UnsupportedModelError):
        trace.attention(1)
    with refused(vl.UnsupportedModelError):
        vit.trace(pixels_for((64, 48)), edits=[E.Zero("q", 1)], preprocessed=True)


@pytest.mark.parametrize("layer", [1, 2])
def test_a_hook_that_does_something_else_each_time_is_refused(layer):
    bench, seen = Bench("timm, CLS"), []

    def fade(_module, _args, out):
        seen.append(None)
        return out / len(seen)

    bench.blocks[layer].register_forward_hook(fade)
    trace = bench.trace()
    for ask in (lambda: trace["mlp_out", layer], lambda: trace.rerun([E.Zero("z", 0)])):
        with refused(vl.UnsupportedModelError):
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
    with refused(vl.UnsupportedModelError):
        bench.trace()
