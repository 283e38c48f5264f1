"""What attention maps and their statistics cost in the kernel, beside transformers' eager maps.

    python -m tests.benchmarks.bench_attention --model vit_base_patch16_224 vit_large_patch16_384

Random weights. Times are medians over turns taken one after another; memory is the peak of a fresh
process that does this one thing once, less that of one which only runs the model's forward pass:
what is kept and computed beside it. It stands beside what the queries and keys of all layers take.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import cache, partial

import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import interleaved, machine, peak_mib, table
from vitlens_widgets.analysis import heads

BARE = {"vitlens": "forward", "transformers": "transformers forward"}
"""The forward pass that each library's other ways are compared with."""


def ways(name: str, batch: int) -> dict[str, Callable[[], Callable[[], object]]]:
    """Everything that is compared: what prepares it, and gives the function to measure."""
    return {
        "forward": lambda: _no_grad(partial(_vit(name).model, _pixels(name, batch))),
        "trace": lambda: partial(_traced, name, batch),
        "trace + all statistics": lambda: lambda: heads.statistics(_traced(name, batch)),
        "trace that keeps q, k + all statistics": lambda: (
            lambda: heads.statistics(_traced(name, batch, keep=["q", "k"]))
        ),
        "trace + rollout": lambda: lambda: heads.rollout(_traced(name, batch)),
        "trace + classes against chance": lambda: lambda: heads.geometry(_traced(name, batch)),
        "transformers forward": lambda: _transformers(name, batch, "sdpa"),
        "transformers eager maps": lambda: _transformers(
            name, batch, "eager", output_attentions=True
        ),
    }


@cache
def _vit(name: str) -> vl.ViT:
    torch.manual_seed(0)
    return vl.load(timm.create_model(name).eval())


@cache
def _shape(name: str) -> torch.nn.Module:
    """The model without memory, to be asked for its sizes."""
    with torch.device("meta"):
        return timm.create_model(name)


def _pixels(name: str, batch: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, *_shape(name).patch_embed.img_size, generator=generator)


def _traced(name: str, batch: int, **words) -> vl.Trace:
    return _vit(name).trace(_pixels(name, batch), preprocessed=True, **words)


def _transformers(name: str, batch: int, attention: str, **words) -> Callable[[], object]:
    """A transformers ViT of the same shape."""
    from transformers import ViTConfig, ViTForImageClassification

    shape = _shape(name)
    config = ViTConfig(
        hidden_size=shape.embed_dim,
        num_hidden_layers=len(shape.blocks),
        num_attention_heads=shape.blocks[0].attn.num_heads,
        intermediate_size=shape.blocks[0].mlp.fc1.out_features,
        image_size=shape.patch_embed.img_size[0],
        patch_size=shape.patch_embed.patch_size[0],
        num_labels=1000,
    )
    model = ViTForImageClassification._from_config(config, attn_implementation=attention).eval()
    return _no_grad(partial(model, _pixels(name, batch), **words))


def _no_grad(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return call()

    return run


def run_once(name: str, batch: int, way: str) -> None:
    """One way, once, for a process of its own."""
    kept = ways(name, batch)[way]()()
    del kept


def queries_and_keys_mib(name: str, batch: int) -> float:
    """What q and k of all layers take in float32."""
    shape = _shape(name)
    n_tokens = shape.patch_embed.num_patches + shape.num_prefix_tokens
    return 2 * len(shape.blocks) * batch * n_tokens * shape.embed_dim * 4 / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = ["vit_base_patch16_224", "vit_large_patch16_384"]
    parser.add_argument("--model", nargs="+", default=default)
    parser.add_argument("--batch", nargs="+", type=int, default=[1])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    cases = [(name, batch) for name in args.model for batch in args.batch]
    print(machine())
    print(table([row for case in cases for row in measured(*case, args.repeats)]))


def measured(name: str, batch: int, repeats: int) -> Iterator[dict[str, object]]:
    """A row for each way."""
    every = ways(name, batch)
    seconds = interleaved({way: prepare() for way, prepare in every.items()}, repeats)
    peaks = {way: peak_mib(partial(run_once, name, batch, way)) for way in every}
    needed = queries_and_keys_mib(name, batch)
    for way, median in seconds.items():
        bare = BARE["transformers" if "transformers" in way else "vitlens"]
        beside = peaks[way] - peaks[bare]
        yield {
            "model": name,
            "batch": batch,
            "way": way,
            "ms": round(median * 1000, 1),
            "ratio to bare forward": round(median / seconds[bare], 3),
            "MiB beside forward": round(beside),
            "of q and k": round(beside / needed, 2),
        }


if __name__ == "__main__":
    main()
