"""Other tokens through the blocks of a traced model: as the drop edit runs them, or refused."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for
from tests.trace.changed_by_hand import (
    MODELS,
    Bench,
    compiled_block,
    hook_that_moves_input,
    hook_that_moves_output,
    patched_attention,
    scaled,
    wrapped_block,
)
from tests.trace.test_own_forward import masked, run_through
from tests.zoo_sweep import small_timm
from vitlens_widgets.trace.onward import last_state_of

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")

CHANGES = {
    "as it was made": lambda _bench: None,
    "a hook on what a block reads": hook_that_moves_input,
    "a hook on what a block gives": hook_that_moves_output,
    "a patched attention": lambda bench: patched_attention(bench, 1.2),
    "a block compiled in place": compiled_block,
    "a block compiled and wrapped": wrapped_block,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("which", MODELS)
def test_it_is_what_the_drop_edit_leads_to(which, change):
    bench = Bench(which)
    CHANGES[change](bench)
    trace, prefix = bench.trace(), bench.vit.layout.n_prefix
    gone = [prefix + 3, prefix + 7]
    kept = [t for t in range(bench.vit.layout.n_tokens) if t not in gone]
    dropped = bench.trace(edits=[vl.edits.DropTokens(gone)])
    with torch.enable_grad():
        last = last_state_of(trace, trace.states[0][:, kept])
    assert not last.requires_grad
    torch.testing.assert_close(last, dropped.states[-1], rtol=1e-5, atol=1e-5)
    whole = last_state_of(trace, trace.states[0][[1, 0, 1]])
    torch.testing.assert_close(whole, trace.states[-1][[1, 0, 1]], rtol=1e-5, atol=1e-5)


AFTERWARDS = {
    "train": lambda bench: bench.blocks[1].train(),
    "scale": scaled,
    "forward": lambda bench: patched_attention(bench, 1.2),
    "weights": lambda bench: bench.blocks[1].mlp.fc1.weight.mul_(2),
}


@pytest.mark.parametrize("change", AFTERWARDS)
def test_a_model_that_has_changed_since_is_refused(change):
    bench = Bench("timm, CLS")
    trace = bench.trace()
    with torch.no_grad():
        AFTERWARDS[change](bench)
    with refused(vl.UsageError):
        last_state_of(trace, trace.states[0][:, :5])


def test_a_hook_that_does_something_else_each_time_is_refused():
    bench, seen = Bench("timm, CLS"), []

    def fade(_module, _args, out):
        seen.append(None)
        return out / len(seen)

    bench.blocks[1].register_forward_hook(fade)
    trace = bench.trace()
    with refused(vl.UnsupportedModelError):
        last_state_of(trace, trace.states[0][:, :5])


def test_blocks_that_are_handed_something_of_every_token_are_refused():
    bench = Bench("timm, CLS")
    run_through(bench, masked)
    trace = bench.trace()
    with refused(vl.UnsupportedModelError):
        last_state_of(trace, trace.states[0][:, :5])
    vit = vl.load(small_timm.small("eva02_base_patch14_224").eval())
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UnsupportedModelError):
        last_state_of(trace, trace.states[0][:, :5])


def test_removal_curves_of_a_model_that_has_changed_since_are_refused():
    bench = Bench("timm, CLS")
    trace = bench.trace()
    found = vl.analysis.relevance(trace, 0, method="rollout")
    scaled(bench)
    with refused(vl.UsageError):
        vl.analysis.removal_curves(trace, found, n_points=2, n_random=0)
