"""What features write, and who reads it, against products of the models' own weights."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch import nn

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model
from tests.trace.latents import RandomLatents
from vitlens_widgets.analysis.features import readers, vectors, writes
from vitlens_widgets.analysis.features.class_space import in_class_space
from vitlens_widgets.analysis.features.feature import random_directions

PLAIN = {
    "CLS": lambda: timm_model("CLS"),
    "mean of patches, norm before": lambda: timm_model("mean of patches, norm before"),
    "5 prefix tokens and layer scale": lambda: timm_model("four registers and layer scale"),
    "8 prefix tokens": lambda: timm_model("CLS", reg_tokens=7),
    "deit3": lambda: timm_model("deit3"),
    "qk-norm": lambda: timm_model("qk-norm"),
    "mean of patches": lambda: timm_model("mean of patches"),
}


def double(weight):
    return weight.detach().double().numpy()


def neuron_vector(model, layer, neuron):
    """A column of the second linear layer, times the layer scale."""
    block = model.blocks[layer]
    scale = double(block.ls2.gamma) if hasattr(block.ls2, "gamma") else 1.0
    return double(block.mlp.fc2.weight)[:, neuron] * scale


def class_logits(model, vector):
    norm = model.norm if isinstance(model.norm, nn.LayerNorm) else model.fc_norm
    logits = double(model.head.weight) @ (double(norm.weight) * (vector - vector.mean()))
    return logits - logits.mean()


@pytest.mark.parametrize("kind", PLAIN)
def test_a_neuron_writes_its_value_vector_through_the_final_norm_s_gain(kind):
    vit = vl.load(PLAIN[kind]())
    for layer, neuron in ((0, 5), (2, 190)):
        found = writes(vit, layer, neuron)
        vector = neuron_vector(vit.model, layer, neuron)
        np.testing.assert_allclose(found.direction, vector, rtol=1e-4, atol=1e-6)
        expected = class_logits(vit.model, vector)
        np.testing.assert_allclose(found.logits, expected, rtol=1e-4, atol=1e-5)
        assert found.logits.sum() == pytest.approx(0, abs=1e-4)


def test_latents_write_their_directions():
    vit = vl.load(timm_model("four registers and layer scale"))
    for site in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"):
        sae = RandomLatents(site, 1, 48)
        found = writes(vit, 1, 7, sae)
        np.testing.assert_allclose(found.direction, sae.directions[7].numpy(), rtol=1e-6)
        expected = class_logits(vit.model, sae.directions[7].double().numpy())
        np.testing.assert_allclose(found.logits, expected, rtol=1e-4, atol=1e-5)
    block = vit.model.blocks[1]
    for site, linear, scale in (
        ("mlp_post", block.mlp.fc2, block.ls2),
        ("z", block.attn.proj, block.ls1),
    ):
        sae = RandomLatents(site, 1, linear.in_features)
        vector = double(linear.weight) @ sae.directions[7].double().numpy() * double(scale.gamma)
        np.testing.assert_allclose(writes(vit, 1, 7, sae).direction, vector, rtol=1e-3, atol=1e-5)


def test_chance_is_what_random_directions_as_long_reach():
    vit = vl.load(timm_model("CLS"))
    found = writes(vit, 1, 7, n_random=50, seed=3)
    drawn = random_directions(50, 48, 3).double().numpy() * np.linalg.norm(found.direction)
    most = [np.abs(class_logits(vit.model, vector)).max() for vector in drawn]
    assert found.chance == pytest.approx(np.quantile(most, 0.95), rel=1e-4)
    assert writes(vit, 1, 7, n_random=50, seed=4).chance != found.chance
    table = found.table()
    assert table["logit"].tolist() == sorted(found.logits.tolist(), reverse=True)
    assert table["above chance"].sum() == (np.abs(found.logits) > found.chance).sum()


def test_a_clip_writes_for_its_prompts():
    clip = vl.load("toy/clip").prompted(["a cat", "a dog", "a star"])
    found = writes(clip, 2, 11)
    assert [*found.labels] == ["a cat", "a dog", "a star"]
    model, classifier = clip.model, clip.adapter.classifier
    block = model.vision_model.encoder.layers[2]
    vector = double(block.mlp.fc2.weight)[:, 11]
    np.testing.assert_allclose(found.direction, vector, rtol=1e-4, atol=1e-6)
    gain = double(model.vision_model.post_layernorm.weight)
    embedded = double(model.visual_projection.weight) @ (gain * (vector - vector.mean()))
    expected = double(classifier.scale) * (double(classifier.directions) @ embedded)
    np.testing.assert_allclose(found.logits, expected - expected.mean(), rtol=1e-3, atol=1e-4)


def test_what_was_taught_by_patches_is_written_at_patches():
    vit = vl.load(timm_model("CLS", num_classes=0))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    examples = {"a": [(0, (0, 1)), (0, (2, 2))], "b": [(1, (1, 3))], "c": [(1, (2, 4))]}
    classifier = vl.PatchClassifier(vit, trace).fit(examples)
    taught = vit.taught(classifier)
    vector = neuron_vector(vit.model, 1, 7)
    read = double(vit.model.norm.weight) * (vector - vector.mean())
    expected = double(taught.adapter.classifier.weight) @ read
    found = writes(taught, 1, 7)
    np.testing.assert_allclose(found.logits, expected - expected.mean(), rtol=1e-3, atol=1e-5)
    assert [*found.labels] == ["a", "b", "c"]


def test_a_vector_moves_the_logits_of_its_token_by_these_over_the_norm_s_scale():
    """Of a LayerNorm that is all but what the vector does to the scale itself."""
    vit = vl.load(hf_model())
    state = torch.randn(1, vit.layout.n_tokens, 48, generator=torch.Generator().manual_seed(0))
    x = state[0, 4].double()
    unit = (x - x.mean()) / (x - x.mean()).norm()
    vector = torch.randn(48, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    vector -= vector.mean()
    vector -= unit * (unit @ vector)  # across the token, so that its scale stays
    leaf = state.clone().requires_grad_()
    logits = vit.adapter.token_logits(leaf)[0, 4]
    grads = [torch.autograd.grad(one, leaf, retain_graph=True)[0][0, 4] for one in logits]
    moved = torch.stack(grads).double() @ vector * x.var(unbiased=False).sqrt()
    found = in_class_space(vit, vector[None].float())[0].double()
    torch.testing.assert_close(found, moved - moved.mean(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [*PLAIN])
def test_readers_are_products_with_later_heads_weights(kind):
    vit = vl.load(PLAIN[kind]())
    model, n_heads = vit.model, vit.n_heads
    found = readers(vit, 0, 9, n_random=40, seed=5)
    assert found.kinds == ("value", "key", "query")
    assert found.layers == (1, 2)
    vector = neuron_vector(model, 0, 9)
    drawn = random_directions(40, 48, 5).double().numpy()
    vectors = np.concatenate([vector[None] / np.linalg.norm(vector), drawn])
    ratios = [[], [], []]
    for place, layer in enumerate(found.layers):
        block = model.blocks[layer]
        read = (vectors - vectors.mean(-1, keepdims=True)) * double(block.norm1.weight)
        fused = double(block.attn.qkv.weight).reshape(3, n_heads, -1, 48)
        for at, (part, name) in enumerate(((2, ""), (1, "k_norm"), (0, "q_norm"))):
            parts = np.einsum("hed,nd->nhe", fused[part], read)
            norm = getattr(block.attn, name, None)
            if isinstance(norm, nn.LayerNorm):
                parts = (parts - parts.mean(-1, keepdims=True)) * double(norm.weight)
            lengths = np.linalg.norm(parts, axis=-1)
            mean = lengths[1:].mean(0)
            ratios[at].append(lengths[1:] / mean)
            np.testing.assert_allclose(found.ratio[at, place], lengths[0] / mean, rtol=2e-3)
            low, high = np.quantile(lengths[1:] / mean, (0.025, 0.975), axis=0)
            np.testing.assert_allclose(found.low[at, place], low, rtol=2e-3)
            np.testing.assert_allclose(found.high[at, place], high, rtol=2e-3)
    most = [np.concatenate(one, axis=1).max(1) for one in ratios]
    np.testing.assert_allclose(found.chance, np.quantile(most, 0.95, axis=1), rtol=2e-3)
    top = found.table().iloc[0]
    assert top["ratio"] == pytest.approx(found.ratio.max())
    at = found.kinds.index(top["as"]), found.layers.index(top["layer"]), int(top["head"])
    assert found.ratio[at] == found.ratio.max()


def test_what_is_read_of_a_state_is_read_in_its_own_block_too():
    vit = vl.load(timm_model("CLS"))
    assert readers(vit, 1, 7, RandomLatents("resid_pre", 1, 48)).layers == (1, 2)
    assert readers(vit, 1, 7, RandomLatents("resid_post", 1, 48)).layers == (2,)
    with refused(vl.UsageError):
        readers(vit, 2, 7)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eva02_tiny_patch14_224", {"img_size": (28, 42)}),
        ("vit_relpos_small_patch16_224", {"img_size": (32, 48)}),
        ("beit_base_patch16_224", {"img_size": (32, 48)}),
    ],
)
def test_rotated_and_biased_attention_is_read_by_its_weights(name, words):
    torch.manual_seed(0)
    model = timm.create_model(name, depth=3, embed_dim=48, num_heads=4, num_classes=11, **words)
    vit = vl.load(shaken(model))
    found = readers(vit, 0, 9)
    assert found.ratio.shape == (3, 2, 4)
    assert np.isfinite(found.ratio).all()
    assert (found.low < 1).all()
    assert (found.high > 1).all()


def test_the_average_random_direction_reads_as_one():
    vit = vl.load(timm_model("CLS"))
    sae = RandomLatents("resid_post", 0, 48, n_latents=300)
    sae.directions = random_directions(300, 48, 9)
    found = np.stack([readers(vit, 0, i, sae).ratio for i in range(60)])
    assert found.mean(0) == pytest.approx(1, abs=0.1)
    one = readers(vit, 0, 0, sae)
    outside = (found < one.low) | (found > one.high)
    assert outside.mean() == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("kind", MODELS)
def test_every_architecture_says_what_it_writes_or_why_not(kind):
    vit = vl.load(MODELS[kind]())
    if kind == "post-norm":
        with refused(vl.UnsupportedModelError):
            writes(vit, 0, 3)
        return
    found = writes(vit, 0, 3)
    assert found.logits.shape == (len(vit.labels),)
    assert readers(vit, 0, 3).ratio.shape == (3, vit.n_layers - 1, vit.n_heads)


def test_half_precision_writes_the_same():
    vit = vl.load(timm_model("CLS"))
    half = vl.load(timm_model("CLS").half())
    one, other = writes(vit, 1, 7), writes(half, 1, 7)
    assert np.abs(one.logits - other.logits).max() < 2e-2 * np.abs(one.logits).max()
    ratios = readers(vit, 1, 7).ratio, readers(half, 1, 7).ratio
    np.testing.assert_allclose(ratios[1], ratios[0], rtol=5e-2)


def test_the_weights_stay_and_no_hook_is_left():
    vit = vl.load(timm_model("CLS"))
    before = {key: weight.clone() for key, weight in vit.model.state_dict().items()}
    writes(vit, 1, 7)
    readers(vit, 1, 7)
    assert all(torch.equal(w, vit.model.state_dict()[key]) for key, w in before.items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in vit.model.modules())


def test_all_vectors_of_a_block_are_the_columns():
    vit = vl.load(timm_model("four registers and layer scale"))
    found = vectors(vit, 1)
    expected = np.stack([neuron_vector(vit.model, 1, i) for i in range(192)])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    sae = RandomLatents("mlp_out", 1, 48)
    np.testing.assert_array_equal(vectors(vit, 1, sae), sae.directions.numpy())


def test_what_is_asked_wrongly_is_refused():
    vit = vl.load(timm_model("CLS"))
    bare = vl.load(timm_model("CLS", num_classes=0))
    sae = RandomLatents("resid_post", 1, 48)
    for wrong in (
        lambda: writes("toy/p32", 1, 7),
        lambda: writes(vit, 3, 7),
        lambda: writes(vit, 1, 192),
        lambda: writes(vit, 1, "cat"),
        lambda: writes(vit, 1, 40, sae),
        lambda: writes(vit, 0, 3, sae),
        lambda: writes(vit, 1, 3, "sae"),
        lambda: writes(vit, 1, 3, n_random=0),
        lambda: writes(vit, 1, 3, seed=-1),
        lambda: writes(bare, 1, 3),
        lambda: writes(vit, 1, 3, RandomLatents("mlp_pre", 1, 192)),
        lambda: readers(vit, 1, 3).figure("output"),
    ):
        with refused(vl.UsageError):
            wrong()
    assert readers(bare, 1, 3).ratio.shape == (3, 1, 4)
