"""The readout as an affine map of the last state, against NumPy and against the model's answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import pixels_for, shaken, timm_model
from tests.zoo_sweep import small_torchvision
from tests.zoo_sweep.small_timm import small
from vitlens_widgets.trace.frozen_readout import frozen_readout


def traced(model: nn.Module, **words: object) -> vl.Trace:
    vit = vl.load(model, **words)
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def one_hot(trace: vl.Trace, *classes: int) -> torch.Tensor:
    """`[target, image, class]`: each of the classes by itself."""
    rows = torch.eye(trace.logits.shape[1])[list(classes)]
    return rows[:, None].expand(-1, trace.n_images, -1)


def of_all_parts(found) -> torch.Tensor:
    return sum(found.constants.values())


def test_a_readout_of_cls_is_the_classifier_s_row_through_the_norm_of_the_run():
    model = timm_model("CLS")
    trace = traced(model)
    found = frozen_readout(trace, one_hot(trace, 3, 7))
    x = trace.states[-1][:, 0].double().numpy()
    scale = np.sqrt(x.var(-1, keepdims=True) + model.norm.eps)
    weight, bias = (part.detach().double().numpy() for part in (model.head.weight, model.head.bias))
    gain, shift = (p.detach().double().numpy() for p in (model.norm.weight, model.norm.bias))
    for i, c in enumerate((3, 7)):
        row = weight[c] * gain
        expected = (row - row.mean()) / scale  # the mean is taken from the state, so from the row
        np.testing.assert_allclose(found.direction[i, :, 0], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.constants["norm bias"][i], shift @ weight[c], atol=1e-6)
        np.testing.assert_allclose(found.constants["classifier bias"][i], bias[c], atol=1e-7)
        assert found.tokens.tolist() == [0]
    torch.testing.assert_close(found.logits, trace.logits[:, [3, 7]].T)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), size=st.floats(0.01, 100))
def test_what_is_added_to_the_state_adds_by_itself(seed, size):
    model = timm_model("mean of patches, norm before")
    trace = traced(model)
    found = frozen_readout(trace, one_hot(trace, 1))
    noise = torch.randn(trace.states[-1].shape, generator=torch.Generator().manual_seed(seed))
    x, more = trace.states[-1].double(), size * noise.double()
    scale = (x.var(-1, unbiased=False, keepdim=True) + model.norm.eps).sqrt()
    gain = model.norm.weight.detach().double()
    moved = (more - more.mean(-1, keepdim=True)) / scale * gain
    expected = (moved.mean(1) @ model.head.weight.detach().double().T)[:, 1]
    torch.testing.assert_close(
        found.adds(more.float())[0].double(), expected, rtol=1e-4, atol=1e-5 * size
    )


def test_a_difference_and_a_mean_over_classes_are_asked_like_a_class():
    trace = traced(timm_model("distillation"))
    rows = one_hot(trace, 2, 5)
    found = frozen_readout(
        trace, torch.stack([rows[0] - rows[1], torch.full_like(rows[0], 1 / 11)])
    )
    logits = trace.logits
    torch.testing.assert_close(found.logits[0], logits[:, 2] - logits[:, 5])
    total = found.adds(trace.states[-1]) + of_all_parts(found)
    torch.testing.assert_close(total[0], logits[:, 2] - logits[:, 5])
    torch.testing.assert_close(total[1], logits.mean(1))
    assert found.tokens.tolist() == [0, 1]


def test_images_may_each_be_asked_about_another_class():
    trace = traced(timm_model("CLS"))
    asked = torch.eye(11)[[4, 9]][None]
    found = frozen_readout(trace, asked)
    total = found.adds(trace.states[-1]) + of_all_parts(found)
    torch.testing.assert_close(total, trace.logits[[0, 1], [4, 9]][None])


def test_a_pooling_by_attention_keeps_its_weights_and_its_mlp_is_a_part():
    model = shaken(small("vit_base_patch16_siglip_224"))
    trace = traced(model, classifier=(torch.eye(model.num_features), None))
    found = frozen_readout(trace, one_hot(trace, 0, 6))
    assert list(found.constants) == ["norm bias", "pooling MLP", "pooling bias", "classifier bias"]
    pool, state = model.attn_pool, trace.states[-1]
    with torch.no_grad():
        normed = model.norm(state)
        mixed = pool.proj(pool_by_hand(pool, normed))
        mlp = pool.mlp(pool.norm(mixed))
    # the second layer's bias is no part of what its activations add
    aside = (mlp - pool.mlp.fc2.bias)[:, 0, [0, 6]].T
    torch.testing.assert_close(found.constants["pooling MLP"], aside, rtol=1e-4, atol=1e-5)
    direct = (mixed - pool.proj.bias - pool_of_bias(model))[:, 0, [0, 6]].T
    torch.testing.assert_close(found.adds(state), direct, rtol=1e-3, atol=1e-4)


def pool_by_hand(pool, normed):
    """The values weighed by the pooling's own attention, `[image, latent, d]`."""
    heads = (pool.num_heads, -1)
    q = pool.q(pool.latent).unflatten(-1, heads).transpose(1, 2)
    k, v = pool.kv(normed).unflatten(-1, (2, *heads)).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-1, -2) * pool.scale).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def pool_of_bias(model):
    """What the norm's bias and the values' add to the pooled vector, whatever is weighed."""
    pool = model.attn_pool
    value = pool.kv.weight.chunk(2)[1] @ model.norm.bias + pool.kv.bias.chunk(2)[1]
    return (pool.proj.weight @ value).detach()


@pytest.mark.parametrize("rule", ["mean", "best"])
def test_taught_classes_are_read_where_patches_add_up(rule):
    vit = vl.load(timm_model("four registers and layer scale"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    examples = {"a": [(0, 6), (0, 8)], "b": [(1, 9)]}
    classifier = vl.PatchClassifier(vit, trace, readout=rule).fit(examples)
    taught = trace.answered_by(vit.taught(classifier))
    found = frozen_readout(taught, one_hot(taught, 0, 1))
    total = found.adds(taught.states[-1]) + of_all_parts(found)
    torch.testing.assert_close(total, taught.logits.T, rtol=1e-5, atol=1e-5)
    assert found.tokens.min() >= vit.layout.n_prefix


def test_what_is_no_sum_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    classifier = vl.PatchClassifier(vit, trace).fit({"a": [(0, 2)], "b": [(1, 9)]})
    share = trace.answered_by(vit.taught(classifier))
    with refused(vl.UsageError):
        frozen_readout(share, one_hot(share, 0))


@pytest.mark.filterwarnings("ignore:A module of torchvision does not say")
def test_an_activation_before_the_classifier_is_refused():
    kind = next(kind for kind in small_torchvision.KINDS if "two layers" in kind)
    trace = traced(shaken(small_torchvision.small(kind)))
    with refused(vl.UsageError):
        frozen_readout(trace, one_hot(trace, 0))


class _OfTheLargest(nn.Module):
    """A norm of none of the known kinds, though it is called one."""

    def forward(self, x):
        return x / (1 + x.abs())


def test_a_norm_of_another_kind_is_refused():
    model = timm_model("CLS")
    model.norm = type("OddNorm", (_OfTheLargest,), {})().eval()
    trace = traced(model)
    with refused(vl.UsageError):
        frozen_readout(trace, one_hot(trace, 0))


def test_a_trace_with_gradients_or_without_any_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True, grad=True)
    with refused(vl.UsageError):
        frozen_readout(trace, one_hot(trace, 0))
    with torch.inference_mode():
        trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    with refused(vl.UsageError):
        frozen_readout(trace, one_hot(trace, 0))


def test_the_model_is_as_it_was():
    model = timm_model("CLS")
    trace = traced(model)
    frozen_readout(trace, one_hot(trace, 0))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    torch.testing.assert_close(traced(model).logits, trace.logits, rtol=0, atol=0)
    assert all(weight.grad is None for weight in model.parameters())
