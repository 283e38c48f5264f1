"""What the scores of all edges cost, and how well estimates rank what exact exchanges say.

    python -m tests.benchmarks.bench_circuits --model vit_base_patch32_224 --ranks toy/p32

Costs are of one pair of a timm model with random weights. Ranks are Spearman's correlation over
places or edges, of the effect on `cat - dog` where the cat of a scene with both is painted over by
the mean of its background: the mean over scenes, with its standard deviation.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import numpy as np
import timm
import torch
from scipy.stats import spearmanr

import vitlens_widgets as vl
from tests.benchmarks.measure import added_mib, beside_forward, machine, table
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.runs import CircuitRuns
from vitlens_widgets.world.labels import LABELS

METRIC = ("cat", "dog")
METHODS = ("eap", "eap-ig", "eap-ig-activations")
SITES = {
    "z": ("layer", "head"),
    "q": ("layer", "head"),
    "k": ("layer", "head"),
    "v": ("layer", "head"),
    "mlp_out": ("layer",),
    "resid_pre": ("layer", "token"),
}
ESTIMATES = {
    "gradient": {},
    "softmax anew": {"mends": "softmax"},
    "GradDrop": {"mends": "grad_drop"},
    "softmax anew + GradDrop": {"mends": ["softmax", "grad_drop"]},
    "integrated, inputs": {"integrate": "inputs"},
    "integrated, activations": {"integrate": "activations"},
}


@cache
def pair_of(name: str) -> tuple[vl.Trace, vl.Trace]:
    """Two runs of noise, of a timm model with random weights."""
    torch.manual_seed(0)
    vit = vl.load(timm.create_model(name).eval())
    pixels = torch.randn(2, 1, 3, *vit.image_size)
    return vit.trace(pixels[0], preprocessed=True), vit.trace(pixels[1], preprocessed=True)


def forward(name: str) -> None:
    """The bare forward pass of one image."""
    clean, _ = pair_of(name)
    with torch.no_grad():
        clean.vit.model(torch.zeros(1, 3, *clean.vit.image_size))


def scored(name: str, method: str) -> None:
    """All edges."""
    vl.analysis.edge_attribution_patching(*pair_of(name), 0, method=method)


def circuits(name: str, n: int) -> None:
    """Exact runs of random circuits."""
    runs = CircuitRuns(*pair_of(name))
    shape = (n, *runs.graph.allowed.shape)
    runs.logits((np.random.default_rng(0).random(shape) < 0.5) & runs.graph.allowed)


def prepared(name: str, method: str):
    """For a process of its own: the pair, then the scores."""
    pair_of(name)
    return partial(scored, name, method)


def costs(name: str, methods: list[str], repeats: int) -> str:
    """Time beside a forward pass, and memory."""
    ways = {
        "forward": partial(forward, name),
        **{method: partial(scored, name, method) for method in methods},
        "16 circuits": partial(circuits, name, 16),
    }
    graph = Graph.of(pair_of(name)[0].vit)
    rows = beside_forward(ways, repeats, model=name, edges=graph.n_edges)
    for row in rows:
        if row["way"] in methods:
            row["added MiB"] = round(added_mib(partial(prepared, name, str(row["way"]))))
        else:
            row["added MiB"] = ""
    return table(rows)


def scenes(n: int, size: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images with a cat and a dog, and the same with the cat painted over."""
    found, seed = [], 0
    cat = LABELS.index("cat")
    while len(found) < n:
        scene = vl.world.scene(seed, objects=2, size=size, classes=METRIC)
        seed += 1
        here, background = scene.class_mask == cat, scene.instance_mask == 0
        if here.mean() > 0.02:
            without = scene.image.copy()
            without[here] = scene.image[background].mean(0)
            found.append((scene.image, without))
    return found


def ranks(name: str, n: int) -> list[dict[str, object]]:
    """Of places at each site, by each estimate."""
    vit = vl.load(name)
    images = scenes(n, vit.image_size)
    clean, corrupted = (vit.trace([pair[i] for pair in images]) for i in (0, 1))
    has_mlp = Graph.of(vit).has_mlp
    rows: list[dict[str, object]] = []
    for site, by in SITES.items():
        if site == "mlp_out" and not has_mlp:
            continue
        words = {"site": site, "by": by}
        exact = vl.analysis.activation_patching(clean, corrupted, METRIC, **words)
        change = exact.metric - exact.gap.corrupted.reshape(-1, *[1] * len(by))
        row: dict[str, object] = {"model": name, "site": site, "places": change[0].size}
        for how, more in ESTIMATES.items():
            if "softmax" in str(more) and site not in ("q", "k"):
                row[how] = ""
                continue
            found = vl.analysis.attribution_patching(clean, corrupted, METRIC, **words, **more)
            estimate = found.metric - found.gap.corrupted.reshape(-1, *[1] * len(by))
            row[how] = agreement(estimate, change)
        rows.append(row)
    return rows


def edge_ranks(name: str, n: int) -> dict[str, object]:
    """Of all edges, by each method."""
    vit = vl.load(name)
    images = scenes(n, vit.image_size)
    clean, corrupted = (vit.trace([pair[i] for pair in images]) for i in (0, 1))
    exact = vl.analysis.edge_patching(clean, corrupted, METRIC)
    reader, sender = exact.graph.edges.T
    row: dict[str, object] = {"model": name, "edges": exact.graph.n_edges}
    for method in METHODS:
        found = vl.analysis.edge_attribution_patching(clean, corrupted, METRIC, method=method)
        of_edges = (one.effects[:, reader, sender] for one in (found, exact))
        row[method] = agreement(*of_edges)
    return row


def agreement(estimate: np.ndarray, exact: np.ndarray) -> str:
    """Spearman's correlation pair by pair: mean and standard deviation."""
    found = [
        spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(estimate, exact, strict=True)
    ]
    return f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ranks", nargs="*", default=["toy/p32"])
    parser.add_argument("--edges", nargs="*", default=["toy/attn-mlp-2l"])
    parser.add_argument("--scenes", type=int, default=8)
    args = parser.parse_args()
    print(machine())
    if args.model:
        print(costs(args.model, args.methods, args.repeats), flush=True)
    for name in args.ranks:
        print(table(ranks(name, args.scenes)), flush=True)
    rows = [edge_ranks(name, args.scenes) for name in args.edges]
    if rows:
        print(table(rows))


if __name__ == "__main__":
    main()
