"""Functions shown sites while the model runs see what a trace keeps, and leave nothing behind."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from tests.zoo_sweep.small_hf import small
from vitlens_widgets.models.sites import SITES

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")
E = vl.edits
BOTH = ("attn_scores", "pattern")


def watched(vit, site, **words):
    seen = []
    pixels = pixels_for(vit.image_size)
    watch = {site: lambda layer, value: seen.append((layer, value.clone()))}
    trace = vit.trace(pixels, preprocessed=True, watch=watch, **words)
    assert [layer for layer, _ in seen] == [0, 1, 2], "each block is shown once"
    return dict(seen), trace


@pytest.fixture(params=["CLS", "four registers and layer scale", "qk-norm", "transformers"])
def vit(request):
    kind = request.param
    return vl.load(hf_model() if kind == "transformers" else timm_model(kind))


@pytest.mark.parametrize("site", SITES)
def test_what_is_watched_is_what_is_kept(vit, site):
    plain = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    seen, trace = watched(vit, site)
    for layer, value in seen.items():
        torch.testing.assert_close(value, plain[site, layer], rtol=0, atol=1e-6)
    assert torch.equal(trace.logits, plain.logits)
    assert not trace.kept


@pytest.mark.parametrize("site", ["attn_scores", "pattern"])
def test_edited_attention_is_shown_as_edited_and_once(vit, site):
    edits = [E.KnockOut(1, query=0, key=3)]
    seen, trace = watched(vit, site, edits=edits)
    torch.testing.assert_close(seen[1], trace[site, 1])
    assert (seen[1][:, :, 0, 3] == (0 if site == "pattern" else -torch.inf)).all()


@pytest.mark.parametrize("kept", ["attn_scores", "pattern"])
def test_attention_on_the_path_of_gradients_is_shown_once(vit, kept):
    seen, trace = watched(vit, "pattern", keep=kept, grad=True)
    torch.testing.assert_close(seen[2], trace["pattern", 2].detach(), rtol=0, atol=1e-6)


def test_scores_and_pattern_are_shown_each_in_memory_of_its_own(vit):
    seen = {}
    watch = {s: lambda layer, value, s=s: seen.setdefault((s, layer), value) for s in BOTH}
    vit.trace(pixels_for(vit.image_size), preprocessed=True, watch=watch)
    for layer in range(3):
        scores, pattern = (seen[site, layer] for site in BOTH)
        torch.testing.assert_close(pattern, scores.softmax(-1))


def test_attention_with_learned_biases_is_shown_beside_a_run_with_gradients():
    vit = vl.load(shaken(small("BeitForImageClassification")))
    patterns, pixels = [], pixels_for(vit.image_size)
    watch = {"pattern": lambda _, pattern: patterns.append(pattern)}
    trace = vit.trace(pixels, preprocessed=True, watch=watch, grad=True)
    assert trace.logits.requires_grad
    assert not any(pattern.requires_grad for pattern in patterns)
    plain = vit.trace(pixels, preprocessed=True)
    torch.testing.assert_close(patterns[-1], plain["pattern", vit.n_layers - 1])


def test_a_function_that_changes_what_it_is_shown_is_refused(vit):
    pixels = pixels_for(vit.image_size)
    with refused(vl.UsageError):
        vit.trace(pixels, preprocessed=True, watch={"mlp_out": lambda _, value: value.zero_()})
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in vit.model.modules())


def test_a_rerun_shows_the_blocks_it_runs(vit):
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    shown = []
    watch = {"mlp_out": lambda layer, _: shown.append(layer)}
    trace.rerun([E.Zero("z", 1, head=0)], watch=watch)
    assert shown == [1, 2]


def test_a_function_that_fails_leaves_the_model_as_it_was(vit):
    def fail(layer, _value):
        if layer == 1:
            raise RuntimeError("no more")

    pixels = pixels_for(vit.image_size)
    with pytest.raises(RuntimeError, match="no more"):
        vit.trace(pixels, preprocessed=True, watch={"pattern": fail})
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in vit.model.modules())


def test_what_cannot_be_watched_is_refused(vit):
    pixels = pixels_for(vit.image_size)
    with refused(vl.UsageError):
        vit.trace(pixels, preprocessed=True, watch={"patern": print})
    with refused(vl.UsageError):
        vit.trace(pixels, preprocessed=True, watch=print)
    with refused(vl.UsageError):
        vit.trace(pixels, preprocessed=True, watch={"pattern": "pattern"})
    with refused(vl.UsageError):
        vit.trace(pixels, preprocessed=True, watch={"pattern": lambda value: value})
