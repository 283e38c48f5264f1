"""Activations whose features are latents: which tokens they are of, and that they are the SAE's."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.test_activations import noise_images
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.activations.sight import Sight
from vitlens_widgets.analysis.activations.strongest import keep_strongest, no_images
from vitlens_widgets.features import SAE, Activation


def sae_of(vit, tokens="patches", layer=1, site="resid_post", n_latents=70, **words):
    """Random latents, few of which fire."""
    generator = torch.Generator().manual_seed(4)
    encoder = torch.randn(n_latents, vit.width, generator=generator)
    return SAE(
        site,
        layer,
        tokens,
        encoder,
        torch.full((n_latents,), -1.0),
        torch.randn(n_latents, vit.width, generator=generator),
        torch.zeros(vit.width),
        **words,
    )


def latents(vit, data, sae, tokens):
    """`[image, token, latent]`."""
    trace = vit.trace([data[i].image for i in range(data.count)])
    return sae.encode(trace[sae.site, sae.layer][:, tokens]).detach().numpy()


@pytest.mark.parametrize("kind", ["CLS", "mean of patches", "four registers and layer scale"])
@pytest.mark.parametrize("tokens", ["patches", "all"])
def test_latents_are_the_saes_of_the_patches(kind, tokens):
    vit = vl.load(timm_model(kind))
    data, sae = noise_images(vit, 6), sae_of(vit, tokens, activation=Activation("topk", k=9))
    found = vl.analysis.activations(vit, data, sae=sae, k=2, batch_size=4)
    values = latents(vit, data, sae, vit.layout.patches)
    assert (found.site, found.layers, found.width) == ("resid_post", (1,), 70)
    np.testing.assert_allclose(found.share_above[0], (values > 0).mean((0, 1)), atol=0.02)
    np.testing.assert_allclose(found.largest[0], values.max((0, 1)), rtol=1e-3, atol=1e-4)
    fires = int(found.share_above[0].argmax())
    best = found.images(1, fires)
    assert best.image.tolist() == np.argsort(-values.max(1)[:, fires], kind="stable")[:2].tolist()
    assert best.map.shape == (2, *vit.layout.grid)
    assert f"latent {fires} of SAE" in found.figure_of(1, fires, "histogram").title.text
    assert "sae='SAE'" in found.title
    found.selectivity()
    found.selectivity("patches")


def test_of_an_sae_of_the_readout_it_is_those_tokens():
    vit = vl.load(timm_model("CLS"))
    data, sae = noise_images(vit, 5), sae_of(vit, "readout")
    found = vl.analysis.activations(vit, data, sae=sae, batch_size=2)
    values = latents(vit, data, sae, [0])
    assert found.counts.sum(-1).tolist() == [[5] * 70]
    np.testing.assert_allclose(found.mean[0], values.mean((0, 1)), rtol=1e-3, atol=1e-4)
    assert found.images(1, 3).map.shape[1:] == (1, 1)
    assert "mean on thing" not in found.classes(1, 3)
    with refused(vl.UsageError):
        found.selectivity("patches")
    found.figure_of(1, 3)


def test_many_latents_are_encoded_some_images_at_a_time(monkeypatch):
    vit = vl.load(timm_model("CLS"))
    data, sae = noise_images(vit, 7), sae_of(vit)
    whole = vl.analysis.activations(vit, data, sae=sae)
    monkeypatch.setattr(sys.modules[Sight.__module__], "_AT_ONCE", 3000)
    parts = vl.analysis.activations(vit, data, sae=sae)
    for name, value in whole.tallies.items():
        if not name.startswith("strongest"):
            np.testing.assert_allclose(value, parts.tallies[name], rtol=1e-5, err_msg=name)
    for latent in range(70):
        for one, other in zip(whole.images(1, latent), parts.images(1, latent), strict=True):
            np.testing.assert_array_equal(one, other)


def test_partners_and_neighbours_are_among_latents():
    vit = vl.load(timm_model("CLS"))
    data, sae = noise_images(vit, 12), sae_of(vit)
    found = vl.analysis.partners(vit, data, 1, [2, 5], sae=sae)
    values = latents(vit, data, sae, vit.layout.patches).reshape(-1, 70).astype(float)
    with np.errstate(invalid="ignore"):
        expected = np.corrcoef(values.T)
    moves = values.std(0) > 0
    np.testing.assert_allclose(
        found.correlation[:, 0][:, moves], expected[[2, 5]][:, moves], atol=1e-4
    )
    alike = vl.analysis.neighbours(vit, 1, 2, sae=sae)
    unit = torch.nn.functional.normalize(sae.directions, dim=-1).numpy()
    np.testing.assert_allclose(alike.cosine[0], unit @ unit[2], atol=1e-4)
    for call in (vl.analysis.partners, vl.analysis.neighbours):
        given = (vit, data) if call is vl.analysis.partners else (vit,)
        with refused(vl.UsageError):
            call(*given, 0, 2, sae=sae)


def test_what_does_not_fit_the_sae_is_refused(tmp_path):
    vit = vl.load(timm_model("CLS"))
    data, sae = noise_images(vit, 2), sae_of(vit)
    wrong = [
        {"sae": sae, "site": "mlp_post"},
        {"sae": sae, "layers": [0]},
        {"sae": "my_sae.pt"},
        {"sae": sae_of(vit, layer=7)},
    ]
    for words in wrong:
        with refused(vl.UsageError):
            vl.analysis.activations(vit, data, **words)
    vl.analysis.activations(vit, data, sae=sae, save_to=tmp_path)
    with refused(vl.UsageError):
        vl.analysis.activations(vit, data, sae=sae_of(vit, subtracts_bias=True), save_to=tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_of_a_model_in_half_precision_everything_is_kept_as_it_fires(dtype):
    vit = vl.load(timm_model("CLS").to(dtype))
    data = noise_images(vit, 5)
    found = vl.analysis.activations(vit, data, k=2, batch_size=5)
    trace = vit.trace([data[i].image for i in range(5)])
    values = trace["mlp_post", 1][:, vit.layout.patches].float().detach().numpy()
    np.testing.assert_allclose(found.largest[1], values.max((0, 1)), rtol=1e-2, atol=1e-3)
    assert (found.counts.sum(-1) == 5 * vit.layout.n_patches).all()
    whole = vl.analysis.activations(vit, data, sae=sae_of(vit, layer=0))
    assert np.isfinite(whole.mean).all()
    partners = vl.analysis.partners(vit, data, 1, 3)
    assert partners.correlation[0, 1, 3] == pytest.approx(1, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(1, 4), st.integers(0, 2**31)
)
def test_the_strongest_of_any_batches_are_those_of_a_stable_sort(sizes, k, seed):
    rng = np.random.default_rng(seed)
    n, n_tokens, n_features = sum(sizes), 3, 4
    values = rng.integers(-2, 3, (n, n_tokens, n_features)).astype(np.float32)  # many are alike
    kept = {name: torch.from_numpy(one) for name, one in no_images(n_features, k, n_tokens).items()}
    first = 0
    for size in sizes:
        some = torch.from_numpy(values[first : first + size])
        keep_strongest(kept, some, some.amax(1), range(first, first + size))
        first += size
    peaks = values.max(1)
    for feature in range(n_features):
        order = np.argsort(-peaks[:, feature], kind="stable")[:k]
        slots = kept["strongest slot"][feature, : len(order)]
        assert kept["strongest image"][feature, slots].tolist() == order.tolist()
        assert (
            kept["strongest value"][feature, : len(order)].tolist()
            == peaks[order, feature].tolist()
        )
        assert kept["strongest map"][feature, slots].tolist() == values[order, :, feature].tolist()
        tokens = values[order, :, feature].argmax(1)
        assert kept["strongest token"][feature, slots].tolist() == tokens.tolist()
        assert sorted(kept["strongest slot"][feature].tolist()) == list(range(k))
