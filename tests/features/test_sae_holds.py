"""What holds of every SAE, whatever its activation, scaling and size."""

from __future__ import annotations

from unittest.mock import patch

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.test_sae import random_sae
from vitlens_widgets.features import Activation, Scaling
from vitlens_widgets.features import base as module


@st.composite
def autoencoders(draw):
    n, width = draw(st.integers(2, 40)), draw(st.integers(2, 12))
    activation = draw(
        st.one_of(
            st.just(Activation()),
            st.integers(1, 50).map(lambda k: Activation("topk", k=k)),
            st.floats(0, 2).map(lambda t: Activation("batchtopk", threshold=torch.tensor(t))),
            st.floats(0, 2).map(lambda t: Activation("jumprelu", threshold=torch.full((n,), t))),
        )
    )
    kinds = ("none", "layer norm", "norm")
    seed, subtracts = draw(st.integers(0, 999)), draw(st.booleans())
    words = {"scaling": Scaling(draw(st.sampled_from(kinds))), "subtracts_bias": subtracts}
    return random_sae(seed, n, width, activation=activation, **words)


@settings(deadline=None, max_examples=80)
@given(autoencoders(), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_tokens_are_encoded_each_by_itself_however_many_at_once(sae, n_tokens, at_once, seed):
    x = 2 * torch.randn(n_tokens, sae.width, generator=torch.Generator().manual_seed(seed))
    with patch.object(module, "AT_ONCE", at_once * 4 * sae.n_latents):
        together = sae.encode(x)
    alone = torch.stack([sae.encode(token) for token in x])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    assert (together >= 0).all()
    if sae.activation.kind == "topk":
        assert ((together > 0).sum(-1) <= sae.activation.k).all()


@settings(deadline=None, max_examples=80)
@given(autoencoders(), st.integers(0, 99))
def test_decoding_is_affine_and_what_is_added_is_its_linear_part(sae, seed):
    draw = torch.Generator().manual_seed(seed)
    x = 2 * torch.randn(3, sae.width, generator=draw)
    one, other = torch.randn(2, 3, sae.n_latents, generator=draw)
    moved = sae.decode(one + other, x) - sae.decode(one, x)
    torch.testing.assert_close(moved, sae.adds(other, x), atol=1e-3, rtol=1e-3)
    cut = sae.n_latents // 2 or 1
    rest = torch.cat([torch.zeros(3, cut), one[:, cut:]], -1)
    whole = sae.decode(one, x, n=cut) + sae.adds(rest, x)
    torch.testing.assert_close(whole, sae.decode(one, x), atol=1e-3, rtol=1e-3)
