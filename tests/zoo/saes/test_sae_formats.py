"""Each format of sparse autoencoders computes what its authors' formula does, in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.zoo.saes import written
from tests.zoo.saes.written import D, K, S
from vitlens_widgets.features import Activation, Scaling

AT = {"site": "resid_post", "layer": 1, "tokens": "patches"}


def same(sae, run, n_tokens=40):
    """Whether latents and what is decoded are those of the formula."""
    x = 2 + 3 * torch.randn(n_tokens, D, generator=torch.Generator().manual_seed(9))
    latents, back = run(x.double().numpy())
    assert sae.encoder.shape == (S, D)
    assert 0 < (latents != 0).mean() < 1
    np.testing.assert_allclose(sae.encode(x), latents, atol=2e-4, rtol=1e-4)
    np.testing.assert_allclose(sae.reconstruct(x), back, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("kind", ["Relu", "TopK", "BatchTopK"])
@pytest.mark.parametrize("schema", ["1A", 1, 2, 3, 4, 5])
def test_saev(schema, kind, tmp_path):
    run = written.saev(tmp_path, schema, kind)
    sae = vl.load_sae(tmp_path / "sae.pt", **AT)
    same(sae, run)
    assert (sae.site, sae.layer, sae.tokens) == ("resid_post", 1, "patches")
    assert sae.card["schema"] == (1 if schema == "1A" else schema)


def test_saev_before_its_schemas(tmp_path):
    run = written.saev(tmp_path, None)
    same(vl.load_sae(tmp_path, **AT), run)


@pytest.mark.parametrize("threshold", [0.8, 0.0, -1.0])
def test_saev_with_a_stored_threshold(threshold, tmp_path):
    run = written.saev(tmp_path, 5, "BatchTopK", threshold)
    same(vl.load_sae(tmp_path, **AT), run)


def test_saev_keeps_what_is_largest_though_it_is_below_0(tmp_path):
    run = written.saev(tmp_path, 4, "TopK", k=20)
    sae = vl.load_sae(tmp_path, **AT)
    same(sae, run)
    assert (sae.encode(torch.zeros(1, D)) < 0).any()


def test_data_that_were_scaled_before_are_scaled_again(tmp_path):
    run = written.saev(tmp_path, 1)
    mean, factor = torch.linspace(-1, 1, D), torch.tensor(2.5)
    sae = vl.load_sae(tmp_path, **AT, scaling=Scaling("constant", mean, factor))

    def scaled(x):
        latents, back = run((x - mean.double().numpy()) / 2.5)
        return latents, back * 2.5 + mean.double().numpy()

    same(sae, scaled)
    torch.testing.assert_close(sae.directions, 2.5 * sae.decoder)


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("topk", [False, True])
@pytest.mark.parametrize("normalize", ["layer_norm", "constant_norm_rescale", "none"])
def test_prisma(normalize, topk, beside, tmp_path):
    run = written.prisma(tmp_path, normalize, topk, beside)
    sae = vl.load_sae(tmp_path)
    same(sae, run)
    assert (sae.site, sae.layer, sae.tokens) == ("mlp_out", 2, "all")
    assert "DataComp" in sae.model


def test_prismas_tokens(tmp_path):
    for flag, tokens in {"cls_token_only": "readout", "use_patches_only": "patches"}.items():
        written.prisma(tmp_path, **{flag: True})
        assert vl.load_sae(tmp_path).tokens == tokens
        assert vl.load_sae(tmp_path, tokens="all").tokens == "all"


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("key", ["cfg", "config"])
def test_patchsae(key, as_dict, tmp_path):
    run = written.patchsae(tmp_path, key, as_dict)
    sae = vl.load_sae(tmp_path / "out.pt", layer=10)
    same(sae, run)
    assert (sae.site, sae.layer, sae.tokens) == ("resid_post", 10, "all")


def test_patchsaes_tokens_and_blocks_from_the_last(tmp_path):
    vit = vl.load("toy/p32")
    for class_token, tokens in {"only": "readout", "exclude": "patches", "include": "all"}.items():
        written.patchsae(tmp_path, class_token=class_token)
        sae = vl.load_sae(tmp_path, layer=3)
        assert sae.tokens == tokens
    with pytest.raises(vl.UsageError, match=f"d = {D}"):
        vl.load_sae(tmp_path, vit=vit)  # of the last but one block, but of another width


@pytest.mark.parametrize("threshold", [0.4, -1.0])
@pytest.mark.parametrize(
    "kind",
    [
        "AutoEncoder",
        "AutoEncoderNew",
        "AutoEncoderTopK",
        "BatchTopKSAE",
        "MatryoshkaBatchTopKSAE",
        "JumpReluAutoEncoder",
    ],
)
def test_dictionary_learning(kind, threshold, tmp_path):
    run = written.dictionary_learning(tmp_path, kind, threshold)
    sae = vl.load_sae(tmp_path, tokens="all")
    same(sae, run)
    assert (sae.site, sae.layer) == ("resid_post", 2)
    assert sae.nested == ((6, 16, S) if "Matryoshka" in kind else ())


@pytest.mark.parametrize("version", [5, 6])
@pytest.mark.parametrize(
    "words",
    [
        {},
        {"apply_b_dec_to_input": False},
        {"architecture": "topk"},
        {"normalize_activations": "none", "finetuning_scaling_factor": True},
    ],
    ids=str,
)
def test_saelens(words, version, tmp_path):
    run = written.saelens(tmp_path, version=version, **words)
    sae = vl.load_sae(tmp_path, tokens="all")
    same(sae, run)
    assert (sae.site, sae.layer) == ("resid_pre", 2)


@pytest.mark.parametrize(
    "words",
    [
        {"architecture": "topk", "rescale_acts_by_decoder_norm": True},
        {"architecture": "jumprelu"},
        {"architecture": "jumprelu", "apply_b_dec_to_input": False},
    ],
    ids=str,
)
def test_saelens_since_version_6(words, tmp_path):
    run = written.saelens(tmp_path, **words)
    same(vl.load_sae(tmp_path, tokens="all"), run)


def test_saelens_with_a_scaling_that_was_not_folded_in(tmp_path):
    run = written.saelens(tmp_path, normalize_activations="expected_average_only_in")
    factor = Scaling("constant", factor=torch.tensor(0.5))
    sae = vl.load_sae(tmp_path, tokens="all", scaling=factor)

    def scaled(x):
        latents, back = run(x / 0.5)
        return latents, back * 0.5

    same(sae, scaled)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("at", ["encoder.final_block", "encoder"])
def test_overcomplete(at, norm, tmp_path):
    kinds = {
        Activation(): written.relu,
        Activation("topk", k=K): lambda x: written.largest(written.relu(x)),
        Activation("batchtopk", threshold=torch.tensor(0.6)): lambda x: written.above(x, 0.6),
    }
    for activation, act in kinds.items():
        run = written.overcomplete(tmp_path, at, norm, act=act)
        same(vl.load_sae(tmp_path, **AT, activation=activation), run)


@pytest.mark.parametrize("multiplier", [None, 0.7])
def test_overcomplete_with_thresholds(multiplier, tmp_path):
    run = written.overcomplete(tmp_path, jump=True, multiplier=multiplier)
    same(vl.load_sae(tmp_path, **AT), run)
