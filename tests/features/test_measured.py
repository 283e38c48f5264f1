"""What an SAE is worth: against a plain computation over all tokens at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.features import SAE
from vitlens_widgets.features.measured import measured

MODELS = ("mean of patches", "CLS", "four registers and layer scale")


def drawn(width, site, layer, tokens, n=37):
    generator = torch.Generator().manual_seed(1)
    encoder, decoder = (torch.randn(n, width, generator=generator) for _ in range(2))
    bias = torch.randn(width, generator=generator)
    return SAE(site, layer, tokens, encoder, torch.zeros(n), 0.01 * decoder, bias)


def kl(logits, other):
    log_p, log_q = logits.double().log_softmax(-1), other.double().log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


@pytest.mark.parametrize("tokens", ["all", "patches"])
@pytest.mark.parametrize("site", ["resid_post", "mlp_out"])
@pytest.mark.parametrize("model", MODELS)
def test_all_numbers_are_those_of_a_plain_computation(model, site, tokens):
    vit = vl.load(timm_model(model))
    x = pixels_for(vit.image_size, 5)
    sae = drawn(vit.width, site, 1, tokens)
    found = measured(sae, vit, lambda: iter(x.split(2)))
    trace = vit.trace(x, preprocessed=True)
    where = torch.from_numpy(sae.where(vit))
    values = trace[site, 1]
    own = values[:, where].flatten(0, 1).double().numpy()
    latents = np.maximum(
        (own @ sae.encoder.double().numpy().T + sae.encoder_bias.double().numpy()), 0
    )
    back = latents @ sae.decoder.double().numpy() + sae.decoder_bias.double().numpy()
    spread = ((own - own.mean(0)) ** 2).sum()
    assert found.explained == pytest.approx(1 - ((back - own) ** 2).sum() / spread, rel=1e-4)
    assert found.l0 == pytest.approx((latents > 0).sum(1).mean(), rel=1e-3)
    assert found.dead == pytest.approx((latents.max(0) <= 0).mean(), abs=1e-6)
    assert (found.n_images, found.n_tokens) == (5, len(own))
    for kls, by in ((found.kl, back.reshape(5, -1, vit.width)), (found.kl_mean, own.mean(0))):
        value = values.clone()
        value[:, where] = torch.tensor(by, dtype=torch.float32)
        edited = vit.trace(x, preprocessed=True, edits=[vl.edits.Replace(site, 1, value)])
        torch.testing.assert_close(
            kls.double(), kl(trace.logits, edited.logits), atol=1e-5, rtol=1e-3
        )
    assert found.recovered == pytest.approx(1 - float(found.kl.mean() / found.kl_mean.mean()))


def test_what_loses_nothing_recovers_all_and_the_mean_token_nothing():
    vit = vl.load(timm_model("CLS"))
    x, d = pixels_for(vit.image_size, 5), vit.width
    both = torch.cat([torch.eye(d), -torch.eye(d)])
    whole = SAE("resid_post", 1, "all", both, torch.zeros(2 * d), both, torch.zeros(d))
    found = measured(whole, vit, lambda: [x])
    assert found.explained == pytest.approx(1, abs=1e-6)
    assert found.recovered == pytest.approx(1, abs=1e-4)
    mean = vit.trace(x, preprocessed=True)["resid_post", 1].flatten(0, 1).mean(0)
    nothing = SAE("resid_post", 1, "all", 0 * both, torch.zeros(2 * d), both, mean)
    found = measured(nothing, vit, lambda: [x])
    assert found.explained == pytest.approx(0, abs=1e-5)
    assert found.recovered == pytest.approx(0, abs=1e-3)
    assert (found.l0, found.dead) == (0, 1)


def test_a_model_without_a_classifier_has_no_answer_to_recover():
    vit = vl.load(timm_model("CLS", num_classes=0))
    found = measured(
        drawn(vit.width, "resid_post", 0, "all"), vit, lambda: [pixels_for(vit.image_size)]
    )
    assert found.kl is None
    assert found.recovered is None
