"""Features turned, and what they add by themselves, against runs with hooks set by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.trace.latents import RandomLatents
from vitlens_widgets.analysis.features import direct_effect, turned
from vitlens_widgets.analysis.features.direct import asked_readout, direct_effects

KINDS = {
    "CLS": lambda: timm_model("CLS"),
    "no prefix": lambda: timm_model("mean of patches, norm before"),
    "5 prefix tokens": lambda: timm_model("four registers and layer scale"),
    "8 prefix tokens": lambda: timm_model("CLS", reg_tokens=7),
    "distillation": lambda: timm_model("distillation"),
    "post-norm": MODELS["post-norm"],
}
STRENGTHS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


@pytest.fixture(scope="module", params=KINDS)
def trace(request):
    vit = vl.load(KINDS[request.param]())
    return vit.trace(pixels_for(vit.image_size), preprocessed=True)


def edited(trace, edit):
    pixels = pixels_for(trace.vit.image_size)
    return trace.vit.trace(pixels, preprocessed=True, edits=[edit])


def neuron_times(trace, layer, neuron, strength):
    """The model's own answer, and last state, with a neuron multiplied by a hook."""
    model, kept = trace.vit.model, []

    def change(_module, given):
        x = given[0].clone()
        x[..., neuron] *= strength
        return (x,)

    hooks = [
        model.blocks[layer].mlp.fc2.register_forward_pre_hook(change),
        model.blocks[-1].register_forward_hook(lambda _m, _x, y: kept.append(y)),
    ]
    with torch.no_grad():
        answer = model(pixels_for(trace.vit.image_size))
    for hook in hooks:
        hook.remove()
    return answer, kept[0]


@pytest.mark.parametrize("layer", [0, 2])
def test_a_neuron_turned_answers_as_with_a_hook(trace, layer):
    found = turned(trace, layer, 5, image=1)
    assert found.strengths == STRENGTHS
    n = trace.layout.n_prefix
    with torch.no_grad():
        features = trace.vit.adapter.readout_features
        intact = features(trace.states[-1])[1].double()
        for at, strength in enumerate(STRENGTHS):
            answer, last = neuron_times(trace, layer, 5, strength)
            np.testing.assert_allclose(found.logits[at], answer[1], rtol=0, atol=2e-5)
            of_patches = trace.vit.adapter.token_logits(last)[1, n:].softmax(-1)
            best = of_patches.gather(-1, torch.from_numpy(found.top[at])[:, None])[:, 0]
            np.testing.assert_allclose(best, of_patches.max(-1).values, rtol=0, atol=1e-5)
            np.testing.assert_allclose(found.probability[at], best, rtol=0, atol=1e-5)
            pooled = features(last)[1].double()
            alike = torch.cosine_similarity(pooled, intact, dim=0)
            assert found.similarity[at] == pytest.approx(float(alike), abs=1e-6)
    assert np.array_equal(found.logits[2], trace.logits[1].numpy())


@pytest.mark.parametrize("site", ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_post"])
@pytest.mark.parametrize("layer", [0, 2])
def test_a_latent_turned_answers_as_with_its_edit(trace, site, layer):
    width = trace[site, layer].shape[-1]
    sae = RandomLatents(site, layer, width, k=9, tokens="patches")
    found = turned(trace, layer, 3, sae, strengths=[0, 1, 30])
    for at, strength in enumerate((0.0, 1.0, 30.0)):
        expected = edited(trace, vl.edits.Feature(sae, 3, scale=strength)).logits[0]
        np.testing.assert_allclose(found.logits[at], expected, rtol=0, atol=5e-5)
    assert np.array_equal(found.logits[1], trace.logits[0].numpy())
    assert found.similarity[1] == pytest.approx(1, abs=1e-12)


def test_turning_what_fires_nowhere_changes_nothing_bitwise(trace):
    sae = RandomLatents("resid_post", 0, trace.vit.width)
    sae.bias[3] = -1e6
    found = turned(trace, 0, 3, sae)
    assert all(np.array_equal(row, trace.logits[0].numpy()) for row in found.logits)


def test_tables_and_words_say_what_is_answered():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    sae = RandomLatents("resid_post", 1, 48)
    found = turned(trace, 1, 3, sae, strengths=[0, 1, 60])
    table = found.table()
    assert table["strength"].tolist() == [0, 1, 60]
    assert table["answer"].tolist() == [vit.labels[int(c)] for c in found.logits.argmax(-1)]
    p = torch.from_numpy(found.logits).softmax(-1).numpy()
    np.testing.assert_allclose(found.probabilities, p, rtol=1e-6)
    np.testing.assert_allclose(table["probability"], p.max(-1), rtol=1e-6)
    counts = [(top == c).sum() for top, c in zip(found.top, found.logits.argmax(-1), strict=True)]
    assert table["patches that answer it"].tolist() == counts
    moves = p.max(0) - p.min(0)
    assert (np.diff(moves[found.moved]) <= 0).all()
    assert "x 60: " in found.summary()


def test_models_without_a_classifier_are_told_by_what_they_pool():
    vit = vl.load(timm_model("CLS", num_classes=0))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    found = turned(trace, 1, 7, strengths=[0, 1, 8])
    assert found.labels is None
    assert found.logits.shape == (3, 0)
    assert (found.top == -1).all()
    assert found.similarity[1] == 1
    assert found.similarity[0] < 1
    np.testing.assert_array_equal(found.distance, 1 - found.similarity)
    assert f"x 0: cosine distance {found.distance[0]:.2g}" in found.summary()
    assert found.figure().yaxis.axis_label == "cosine distance from what it is"
    assert "answer" not in found.table()


def test_patches_that_were_dropped_answer_nothing():
    vit = vl.load(timm_model("CLS"))
    drop = vl.edits.DropTokens([3, 9])
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True, edits=[drop])
    found = turned(trace, 1, 7, strengths=[4])
    assert (found.top[0] == -1).nonzero()[0].tolist() == [2, 8]
    assert np.isnan(found.probability[0, [2, 8]]).all()
    expected = trace.rerun([vl.edits.Feature.neuron(1, 7, scale=4.0)]).logits[0]
    np.testing.assert_allclose(found.logits[0], expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("against", [None, 8])
def test_a_neuron_adds_its_part_of_the_attribution(trace, against):
    expected = vl.analysis.attribution(trace, 3, against, neurons=True).parts
    row = -1 if against is not None else 0
    for layer, neuron in ((0, 4), (2, 100)):
        found = direct_effect(trace, layer, neuron, target=3, against=against, image=1)
        own = expected.neurons[row, 1, layer, neuron]
        assert found.total == pytest.approx(own, rel=1e-4, abs=1e-6)
        own = trace["mlp_post", layer][1, :, neuron]
        np.testing.assert_allclose(found.activation, own, rtol=1e-5, atol=1e-6)


def test_a_latent_adds_its_activation_times_its_direction_through_the_frozen_norm():
    vit = vl.load(timm_model("mean of patches, norm before"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    norm, head = vit.model.norm, vit.model.head
    state = trace.states[-1].double()
    scale = (state.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    for site in ("resid_pre", "resid_post", "mlp_out"):
        sae = RandomLatents(site, 1, 48)
        found = direct_effect(trace, 1, 3, sae, target=2, image=1)
        latents = sae.encode(trace[site, 1])[1, :, 3].double()
        vector = sae.directions[3].double()
        moved = (vector - vector.mean()) * norm.weight.double() / scale[1]
        expected = latents * (moved @ head.weight[2].double()) / len(latents)
        np.testing.assert_allclose(found.adds, expected.detach(), rtol=1e-4, atol=1e-6)
        assert found.map.shape == (vit.layout.rows, vit.layout.cols)
        assert found.map.sum() == pytest.approx(found.total)


@pytest.mark.parametrize("kind", ["none", "constant", "layer norm", "norm"])
def test_a_latent_of_scaled_tokens_adds_what_its_scale_gives_back(kind):
    """Prisma's autoencoders scale each token by its own deviation."""
    vit = vl.load(timm_model("mean of patches, norm before"))
    trace = vit.trace(3 * pixels_for(vit.image_size), preprocessed=True)
    norm, head = vit.model.norm, vit.model.head
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(40, 48, generator=generator)
    factor = torch.tensor(5.0) if kind == "constant" else None
    scaling = vl.features.Scaling(kind, factor=factor)
    sae = vl.SAE(
        *("resid_post", 1, "all", weight, torch.ones(40), weight.flip(0), torch.zeros(48)),
        scaling=scaling,
    )
    x, state = trace["resid_post", 1][1].double(), trace.states[-1][1].double()
    latents = sae.encode(x)
    index = int(latents.sum(0).argmax())
    found = direct_effect(trace, 1, index, sae, target=2, image=1)
    off = latents.clone()
    off[:, index] = 0
    vectors = (sae.decode(latents, x) - sae.decode(off, x)).double()
    vectors = (vectors - vectors.mean(-1, keepdim=True)) * norm.weight.double()
    vectors /= (state.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    expected = vectors @ head.weight[2].double() / len(x)
    np.testing.assert_allclose(found.adds, expected.detach(), rtol=1e-3, atol=1e-6)
    every = direct_effects(trace, 1, asked_readout(trace, 2, None, 1)[1], sae, 1)
    assert every[index] == pytest.approx(found.total, rel=1e-4)


@pytest.mark.parametrize("sae", [None, RandomLatents("resid_post", 1, 48), "patches"])
def test_all_features_of_a_block_at_once_add_what_each_adds(trace, sae):
    if sae == "patches":
        sae = RandomLatents("mlp_out", 1, 48, tokens="patches")
    name, readout = asked_readout(trace, None, None, 1)
    found = direct_effects(trace, 1, readout, sae, 1)
    assert found.shape == (sae.n_latents if sae else trace["mlp_post", 1].shape[-1],)
    each = [direct_effect(trace, 1, k, sae, image=1) for k in (0, 7, 19, 39)]
    expected = [one.total for one in each]
    np.testing.assert_allclose(found[[0, 7, 19, 39]], expected, rtol=1e-4, atol=1e-6)
    assert each[0].asked == name


def test_patches_add_nothing_where_cls_is_read():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    found = direct_effect(trace, 2, 3)
    assert not found.map.any()
    assert found.adds[0] != 0
    answer = vit.labels[int(trace.logits[0].argmax())]
    assert found.asked == answer
    assert f"{found.total:+.4g} to the logit of {answer}" in found.summary()
    sae = RandomLatents("resid_post", 1, 48, tokens="patches")
    found = direct_effect(trace, 1, 3, sae)
    assert found.activation[0] == 0
    assert found.activation[1:].any()
    assert not found.adds.any()


def test_half_precision_is_turned_in_its_own_numbers():
    vit = vl.load(timm_model("CLS").half())
    trace = vit.trace(pixels_for(vit.image_size).half(), preprocessed=True)
    sae = RandomLatents("resid_post", 1, 48)
    found = turned(trace, 1, 3, sae, strengths=[0, 1, 8])
    assert np.array_equal(found.logits[1], trace.logits[0].float().numpy())
    expected = trace.rerun([vl.edits.Feature(sae, 3, scale=8.0)]).logits[0].float()
    np.testing.assert_allclose(found.logits[2], expected, rtol=0, atol=2e-2)


def test_what_is_turned_wrongly_is_refused():
    vit = vl.load(timm_model("CLS"))
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    other = trace.rerun([vl.edits.Zero("z", 1, head=1)])
    for wrong in (
        lambda: turned(vit, 1, 7),
        lambda: turned(trace, 3, 7),
        lambda: turned(trace, 1, 192),
        lambda: turned(trace, 1, 7, image=2),
        lambda: turned(trace, 1, 7, strengths=[]),
        lambda: turned(trace, 1, 7, strengths=["much"]),
        lambda: turned(other, 1, 7),
        lambda: turned(trace, 1, 7, RandomLatents("resid_post", 0, 48)),
        lambda: direct_effect(trace, 1, 7, target="no such class"),
        lambda: direct_effect(trace, 1, 7, target=2, against=2),
        lambda: direct_effect(trace, 1, 7, RandomLatents("mlp_pre", 1, 192)),
    ):
        with refused(vl.UsageError):
            wrong()
