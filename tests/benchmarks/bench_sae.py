"""A sparse autoencoder of published size on the tokens of one image, beside a bare forward pass.

    python -m tests.benchmarks.bench_sae --tokens 197 --latents 49152 --memory

The forward pass is ViT-B/16's (197 tokens) or ViT-B/32's (50), with random weights. "the product"
is the matrix product that no encoder does without. Memory is what a call adds to a process that has
the autoencoder loaded; latents alone take tokens x latents x 4 bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial

import timm
import torch

from tests.benchmarks.measure import added_mib, beside_forward, machine, table
from vitlens_widgets.features import SAE, Activation

D = 768
N_LATENTS = 49152
KINDS = {
    "relu": Activation(),
    "topk": Activation("topk", k=32),
    "batchtopk": Activation("batchtopk", k=32, threshold=torch.tensor(2.5)),
    "jumprelu": Activation("jumprelu", threshold=torch.tensor(2.5)),
}


@cache
def made(n_latents: int, kind: str) -> SAE:
    """With random directions of length 1."""
    rows = torch.randn(n_latents, D, generator=torch.Generator().manual_seed(0))
    rows = rows / rows.norm(dim=1, keepdim=True)
    zeros = torch.zeros(n_latents), torch.zeros(D)
    return SAE("resid_post", 9, "all", rows, zeros[0], rows, zeros[1], KINDS[kind])


def tokens(n: int) -> torch.Tensor:
    """Random ones, `[1, token, d]`."""
    return torch.randn(1, n, D, generator=torch.Generator().manual_seed(1))


def ways(n_tokens: int, n_latents: int) -> dict[str, Callable[[], object]]:
    """What is asked of an autoencoder for one image."""
    patch = 16 if n_tokens == 197 else 32
    model = timm.create_model(f"vit_base_patch{patch}_224").eval()
    pixels, x = torch.zeros(1, 3, 224, 224), tokens(n_tokens)
    latents = made(n_latents, "topk").encode(x)
    return {
        "forward": partial(torch.no_grad()(model), pixels),
        "the product": lambda: x @ made(n_latents, "topk").encoder.mT,
        **{f"encode, {kind}": partial(made(n_latents, kind).encode, x) for kind in KINDS},
        "decode": lambda: made(n_latents, "topk").decode(latents),
    }


def encoding(n_tokens: int, n_latents: int) -> Callable[[], object]:
    """The call whose memory is asked."""
    sae, x = made(n_latents, "topk"), tokens(n_tokens)
    return lambda: sae.encode(x)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=197, choices=(50, 197))
    parser.add_argument("--latents", type=int, default=N_LATENTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    asked = parser.parse_args()
    about = {"tokens": asked.tokens, "latents": asked.latents}
    print(machine(), end="\n\n")
    print(table(beside_forward(ways(asked.tokens, asked.latents), asked.repeats, **about)))
    if asked.memory:
        added = added_mib(partial(encoding, asked.tokens, asked.latents))
        print(f"\nencode, topk: adds {added:.0f} MiB at its peak")


if __name__ == "__main__":
    main()
