"""How the readout weighs tokens, against what the model's own readout does with them."""

from __future__ import annotations

import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, shaken, timm_model
from tests.zoo_sweep import small_hf
from tests.zoo_sweep.small_timm import small

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


def weights_of(vit, state):
    with torch.no_grad():
        return vit.adapter.readout_weights(state)


def a_state(vit, n_tokens=None):
    shape = (2, n_tokens or vit.layout.n_tokens, vit.width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: timm_model("CLS"), [1] + [0] * 15),
        (lambda: timm_model("mean of patches"), [1 / 15] * 15),
        (lambda: timm_model("mean of all tokens"), [1 / 13] * 13),
        (lambda: timm_model("distillation"), [0.5, 0.5] + [0] * 12),
        (lambda: timm_model("four registers and layer scale"), [1] + [0] * 28),
        (lambda: hf_model("DeiTForImageClassificationWithTeacher"), [0.5, 0.5] + [0] * 15),
        (lambda: shaken(small_hf.small("Dinov2ForImageClassification")), [0.5] + [1 / 32] * 16),
    ],
)
def test_the_readout_weighs_its_tokens(make, expected):
    vit = vl.load(make())
    torch.testing.assert_close(
        weights_of(vit, a_state(vit)), torch.tensor([expected, expected]).float()
    )


def test_only_tokens_with_a_weight_move_the_answer():
    for special in ("CLS", "mean of patches", "distillation", "four registers and layer scale"):
        vit = vl.load(timm_model(special))
        state = a_state(vit)
        weights = weights_of(vit, state)
        with torch.no_grad():
            before = vit.adapter.readout_features(state)
            for token in range(state.shape[1]):
                moved = state.clone()
                moved[:, token] += torch.linspace(-1, 1, vit.width)
                changed = (vit.adapter.readout_features(moved) - before).abs().max()
                assert (changed > 1e-5) == (weights[0, token] > 0)


def test_after_dropping_patches_the_mean_is_over_those_that_are_left():
    vit = vl.load(timm_model("mean of patches"))
    torch.testing.assert_close(weights_of(vit, a_state(vit, 11)), torch.full((2, 11), 1 / 11))


POOLED = [
    "vit_base_patch16_siglip_224",
    "vit_so150m_patch16_reg4_map_256",
    "vit_pe_core_base_patch16_224",
    "test_vit3",
]


@pytest.mark.parametrize("name", POOLED)
def test_timms_attention_pooling_shows_its_weights(name):
    """The weights, put on the pooling's own values, are what its projection is given."""
    model = shaken(small(name))
    vit = vl.load(model, classifier=(torch.eye(model.num_features), None))
    state, pool = a_state(vit), model.attn_pool
    given = []
    handle = pool.proj.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    with torch.no_grad():
        vit.adapter.readout_features(state)
        handle.remove()
        weights = vit.adapter.readout.attention(state)
        values = pool.kv(model.norm(state)).unflatten(-1, (2, pool.num_heads, -1))[:, :, 1]
    weighed = torch.einsum("iht,ithd->ihd", weights, values).flatten(1)
    torch.testing.assert_close(weighed, given[0][:, 0], rtol=0, atol=1e-5)
    torch.testing.assert_close(weights_of(vit, state), weights.mean(1))


def test_transformers_siglip_shows_its_weights():
    model = shaken(small_hf.small("SiglipVisionModel"))
    vit = vl.load(model, classifier=(torch.eye(48), None))
    state, head = a_state(vit), vit.adapter.tower.head
    with torch.no_grad():
        normed = vit.adapter.norm(state)
        probe = head.probe.expand(2, -1, -1)
        expected = head.attention(probe, normed, normed)[1][:, 0]
    torch.testing.assert_close(weights_of(vit, state), expected)


@pytest.mark.parametrize(
    "words",
    [
        {"global_pool": "max"},
        {"global_pool": "prr"},
    ],
)
def test_a_readout_that_is_no_mean_is_refused(words):
    vit = vl.load(shaken(small("vit_tiny_patch16_224", **words)))
    with refused(vl.UsageError):
        weights_of(vit, a_state(vit))


def test_transformers_aimv2_shows_its_weights():
    model = shaken(small_hf.small("Aimv2VisionModel"))
    model.head.cls_token.data.mul_(100)  # or else its weights are all alike
    vit = vl.load(model, classifier=(torch.eye(48), None))
    state, head = a_state(vit), model.head
    given = []
    handle = head.output_proj.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    with torch.no_grad():
        vit.adapter.readout_features(state)
        handle.remove()
        weights = vit.adapter.readout.attention(state)
        values = head.v_proj(model.rms_norm(state)).unflatten(-1, (4, 12))
    assert weights.shape == (2, 4, 16)
    assert weights.std(-1).min() > 0.03
    weighed = torch.einsum("iht,ithd->ihd", weights, values).flatten(1)
    torch.testing.assert_close(weighed, given[0], rtol=0, atol=1e-5)
