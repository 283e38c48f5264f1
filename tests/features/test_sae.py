"""An SAE computes its authors' formulas: each activation and scaling against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, timm_model
from vitlens_widgets.features import SAE, Activation, Scaling
from vitlens_widgets.features import base as module

N_LATENTS, WIDTH, K = 23, 7, 4


def random_sae(seed=0, n_latents=N_LATENTS, width=WIDTH, **words):
    draw = torch.Generator().manual_seed(seed)
    shapes = {
        "encoder": (n_latents, width),
        "encoder_bias": (n_latents,),
        "decoder": (n_latents, width),
        "decoder_bias": (width,),
    }
    tensors = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    words = {"site": "resid_post", "layer": 1, "tokens": "all", **words}
    return SAE(**tensors, **words)


def tokens(shape=(2, 5, WIDTH), seed=1):
    return 3 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


THRESHOLD = torch.linspace(0.1, 1.5, N_LATENTS)


def relu(x):
    return np.maximum(x, 0)


def topk(x):
    kept = np.zeros_like(x)
    for at in np.ndindex(x.shape[:-1]):
        for best in np.argsort(x[at])[::-1][:K]:
            kept[at][best] = max(x[at][best], 0)
    return kept


def jump(x):
    return np.where(x > THRESHOLD.numpy(), x, 0)


def batch(x):
    return np.where(x > 0.7, x, 0)


ACTIVATIONS = {
    "relu": (Activation(), relu),
    "topk": (Activation("topk", k=K), topk),
    "jumprelu": (Activation("jumprelu", threshold=THRESHOLD), jump),
    "batchtopk": (Activation("batchtopk", k=K, threshold=torch.tensor(0.7)), batch),
}
SHIFT, FACTOR = torch.linspace(-1, 2, WIDTH), torch.linspace(0.5, 3, WIDTH)


def unscaled(x):
    return np.zeros_like(x), np.ones_like(x)


def constant(_):
    return SHIFT.numpy(), FACTOR.numpy()


def layer_norm(x):
    spread = x.std(-1, ddof=1, keepdims=True)
    return x.mean(-1, keepdims=True), spread + 1e-5, spread


def to_length(x):
    return 0, np.sqrt((x**2).sum(-1, keepdims=True)) / np.sqrt(WIDTH)


SCALINGS = {
    "none": (Scaling(), unscaled),
    "constant": (Scaling("constant", shift=SHIFT, factor=FACTOR), constant),
    "layer norm": (Scaling("layer norm"), layer_norm),
    "norm": (Scaling("norm"), to_length),
}


@pytest.mark.parametrize("subtracts", [False, True])
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_encode_and_decode_are_the_formula(activation, scaling, subtracts, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 3 * 4 * N_LATENTS)  # three tokens at a time
    (kind, act), (way, scaled_by) = ACTIVATIONS[activation], SCALINGS[scaling]
    sae = random_sae(activation=kind, scaling=way, subtracts_bias=subtracts)
    x = tokens()
    shift, factor, back_by = (*scaled_by(x.numpy().astype(float)), None)[:3]
    back_by = factor if back_by is None else back_by
    read = (x.numpy() - shift) / factor - subtracts * sae.decoder_bias.numpy()
    latents = act(read @ sae.encoder.numpy().T + sae.encoder_bias.numpy())
    back = (latents @ sae.decoder.numpy() + sae.decoder_bias.numpy()) * back_by + shift
    assert 0 < (latents > 0).mean() < 1
    np.testing.assert_allclose(sae.encode(x), latents, atol=1e-5)
    np.testing.assert_allclose(sae.decode(sae.encode(x), x), back, atol=1e-4, rtol=1e-4)
    change = torch.zeros(2, 5, N_LATENTS)
    change[..., 3] = 2
    moved = sae.decode(sae.encode(x) + change, x) - sae.decode(sae.encode(x), x)
    torch.testing.assert_close(sae.adds(change, x), moved, atol=1e-4, rtol=1e-4)
    if not way.is_of_each_token:
        torch.testing.assert_close(
            moved, (2 * sae.directions[3]).expand(2, 5, -1), atol=1e-4, rtol=1e-4
        )


def test_the_first_latents_alone_reconstruct():
    sae = random_sae(nested=(4, 9, N_LATENTS))
    latents = sae.encode(tokens())
    cut = latents.clone()
    cut[..., 9:] = 0
    torch.testing.assert_close(sae.decode(latents, n=9), sae.decode(cut))


def test_gradients_go_through_an_sae():
    x = tokens().requires_grad_()
    random_sae(activation=Activation("topk", k=K)).reconstruct(x).sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("n", ["CLS", "distillation", "four registers and layer scale"])
def test_tokens_come_from_the_models_layout(n):
    vit = vl.load(timm_model(n))
    layout = vit.adapter.layout()
    sees = {
        kind: random_sae(width=48, tokens=kind).where(vit) for kind in ("all", "patches", "readout")
    }
    assert sees["all"].all()
    assert np.flatnonzero(sees["patches"]).tolist() == list(range(layout.n_prefix, layout.n_tokens))
    assert np.flatnonzero(sees["readout"]).tolist() == [0, 1][: 1 + (n == "distillation")]


def test_what_is_no_sae_is_refused():
    vit = vl.load(hf_model())
    with refused(vl.UsageError):
        random_sae(layer=3).check(vit)
    with refused(vl.UsageError):
        random_sae().check(vit)
    with refused(vl.UsageError):
        random_sae().encode(tokens((2, 8)))
    with refused(vl.UsageError):
        random_sae().decode(tokens())
    with refused(vl.UsageError):
        random_sae(scaling=Scaling("norm")).decode(torch.zeros(2, N_LATENTS))
    with refused(vl.UsageError):
        random_sae(nested=(4, 9))
    with refused(vl.UsageError):
        random_sae(tokens="readout").where(vl.load(timm_model("mean of patches")))
    with refused(vl.UsageError):
        random_sae(site="z")
    with refused(vl.UsageError):
        Activation("batchtopk", k=3)
    with refused(vl.UsageError):
        Activation("topk")
    with refused(vl.UsageError):
        Scaling("constant", factor=torch.zeros(WIDTH))
