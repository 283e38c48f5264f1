"""Features switched off over a data set, against a loop with one edited run each."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples, pixels_of
from tests.sentences import refused
from tests.small_models import timm_model
from tests.trace.latents import RandomLatents
from vitlens_widgets.analysis import feature_effects
from vitlens_widgets.analysis.features.feature import FeatureSet, reference_run
from vitlens_widgets.analysis.over_images import over_images

KINDS = {
    "CLS": lambda: timm_model("CLS"),
    "no prefix": lambda: timm_model("mean of patches, norm before"),
    "5 prefix tokens": lambda: timm_model("four registers and layer scale"),
}
N_RANDOM = 3


@pytest.fixture(scope="module", params=KINDS)
def vit(request):
    return vl.load(KINDS[request.param]())


@torch.no_grad()
def measured(vit, base, trace):
    """The four measures of one image."""
    p, q = (one.logits[0].double().softmax(-1) for one in (base, trace))
    best = int(p.argmax())
    a, b = (vit.adapter.readout_features(one.states[-1])[0].double() for one in (base, trace))
    return {
        "KL": float((p * (p / q).log()).sum()),
        "probability lost": float(p[best] - q[best]),
        "answers changed": float(int(q.argmax()) != best),
        "turned away": float(1 - torch.cosine_similarity(a, b, dim=0)),
    }


def nulls(vit, base, layer, feature, sae, number, seed=0):
    """Edits that take as much along the directions of other features."""
    vectors = FeatureSet(vit, layer, sae).vectors(reference_run(vit))
    n = len(vectors)
    rng = np.random.default_rng([seed, layer, feature, number])
    drawn = rng.choice([i for i in range(n) if i != feature], N_RANDOM, replace=False)
    for other in drawn.tolist():
        if sae is None:
            site = base["mlp_post", layer].clone()
            ratio = vectors[feature].norm() / vectors[other].norm()
            site[..., other] -= site[..., feature] * ratio
            yield vl.edits.Replace("mlp_post", layer, site)
        else:
            site = base[sae.site, layer]
            fires = sae.encode(site)[..., feature].clone()
            if sae.tokens == "patches":
                fires[:, : vit.layout.n_prefix] = 0
            length = fires[..., None] * sae.directions[feature].norm()
            along = torch.nn.functional.normalize(sae.directions[other], dim=0)
            yield vl.edits.Replace(sae.site, layer, site - length * along)


def by_loop(vit, data, chosen, sae=None):
    """By measure, `[feature, image]` of the features and of the mean over their nulls."""
    rows = []
    for layer, feature in chosen:
        for number, pixels in enumerate(pixels_of(vit, data)):
            base = vit.trace(pixels[None], preprocessed=True)
            off = (
                vl.edits.Feature.neuron(layer, feature, zero=True)
                if sae is None
                else vl.edits.Feature(sae, feature, zero=True)
            )
            own = measured(vit, base, base.rerun([off]))
            others = [
                measured(vit, base, base.rerun([edit]))
                for edit in nulls(vit, base, layer, feature, sae, number)
            ]
            rows.append((own, {k: float(np.mean([o[k] for o in others])) for k in own}))
    shape = len(chosen), len(data)
    return {
        name: [np.reshape([row[part][name] for row in rows], shape) for part in (0, 1)]
        for name in rows[0][0]
    }


def assert_same(found, expected):
    for name, (own, random) in expected.items():
        for part, values in ((found.own, own), (found.random, random), (found.more, own - random)):
            there, mean = part[name], over_images(values)
            np.testing.assert_allclose(there.mean, mean.mean, rtol=2e-3, atol=3e-6)
            np.testing.assert_allclose(there.half, mean.half, rtol=2e-2, atol=1e-5)


def test_neurons_switched_off_do_what_a_loop_finds(vit):
    data, chosen = examples(vit, 5), [(0, 4), (2, 100)]
    found = feature_effects(vit, data, features=chosen, n_random=N_RANDOM, batch_size=2)
    assert found.features == ("neuron 4 of block 0", "neuron 100 of block 2")
    assert_same(found, by_loop(vit, data, chosen))


@pytest.mark.parametrize("site", ["resid_post", "mlp_out", "mlp_post"])
def test_latents_switched_off_do_what_a_loop_finds(vit, site):
    width = 192 if site == "mlp_post" else 48
    sae = RandomLatents(site, 1, width, k=6, tokens="patches")
    sae.directions = sae.directions * torch.linspace(1, 3, 40)[:, None]
    data, chosen = examples(vit, 3), [(1, 4), (1, 9)]
    found = feature_effects(vit, data, features=chosen, sae=sae, n_random=N_RANDOM, batch_size=2)
    expected = by_loop(vit, data, chosen, sae)
    assert_same(found, expected)


def test_batches_and_saved_runs_change_nothing(tmp_path):
    vit = vl.load(timm_model("CLS"))
    data, words = examples(vit, 5), {"features": [(1, 3)], "n_random": 2}
    whole = feature_effects(vit, data, batch_size=5, **words)
    feature_effects(vit, data, n_images=2, save_to=tmp_path, batch_size=1, **words)
    gone_on = feature_effects(vit, data, save_to=tmp_path, batch_size=2, **words)
    for name in whole.names:
        np.testing.assert_allclose(
            gone_on.own[name].mean, whole.own[name].mean, rtol=1e-3, atol=1e-7
        )
        assert gone_on.own[name].n.tolist() == [5]


def test_an_autoencoder_is_a_setting(tmp_path):
    vit = vl.load(timm_model("CLS"))
    data = examples(vit, 2)
    words = {"features": [(1, 3)], "save_to": tmp_path}
    feature_effects(vit, data, sae=RandomLatents("resid_post", 1, 48), **words)
    for other in (None, RandomLatents("resid_post", 1, 48, seed=3)):
        with refused(vl.UsageError):
            feature_effects(vit, data, sae=other, **words)


def test_by_default_the_neuron_of_each_block_that_writes_the_longest_vector():
    vit = vl.load(timm_model("four registers and layer scale"))
    found = feature_effects(vit, examples(vit, 1))
    for layer, named in enumerate(found.features):
        block = vit.model.blocks[layer]
        vectors = block.mlp.fc2.weight * block.ls2.gamma[:, None]
        assert named == f"neuron {int(vectors.norm(dim=0).argmax())} of block {layer}"


def test_latents_that_never_fire_do_nothing():
    vit = vl.load(timm_model("CLS"))
    sae = RandomLatents("resid_post", 1, 48)
    sae.bias[3] = -1e6
    found = feature_effects(vit, examples(vit, 2), features=[(1, 3)], sae=sae)
    for name in found.names:
        assert found.own[name].mean == pytest.approx(0, abs=1e-12)
        assert found.random[name].mean == pytest.approx(0, abs=1e-12)


def test_without_a_classifier_what_is_pooled_is_measured():
    vit = vl.load(timm_model("CLS", num_classes=0))
    data = examples(vl.load(timm_model("CLS")), 2)
    found = feature_effects(vit, data, features=[(1, 3)])
    assert found.names == ("turned away",)
    assert found.table().columns.tolist()[1] == "turned away"
    assert "neuron 3 of block 1: turned away" in found.summary()


def test_what_is_asked_wrongly_is_refused():
    vit = vl.load(timm_model("CLS"))
    data, sae = examples(vit, 1), RandomLatents("resid_post", 1, 48)
    for words in (
        {"features": []},
        {"features": 3},
        {"features": [3]},
        {"features": [(1, "cat")]},
        {"features": [(3, 1)]},
        {"features": [(1, 500)]},
        {"sae": sae},
        {"sae": sae, "features": [(0, 1)]},
        {"n_random": 0},
        {"seed": -1},
    ):
        with refused(vl.UsageError):
            feature_effects(vit, data, **words)
    with refused(vl.UsageError):
        feature_effects(vit, data, features=[(1, 3)]).figure("nothing")
