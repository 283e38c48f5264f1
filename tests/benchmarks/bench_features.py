"""What patch features and taught classes cost, beside one forward pass of the same image.

    python -m tests.benchmarks.bench_features --model FOLDER --image-size 448 --image photo.png

Without `--model`, a DINOv2 ViT-S/14 with random weights and a random picture. Medians over turns
taken one after another.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import timm
import torch

import vitlens_widgets as vl
from tests.benchmarks.measure import interleaved, machine, table
from vitlens_widgets.lenses import Teaching
from vitlens_widgets.trace.batch import as_batch

N_CLASSES, N_EACH = 7, 4


def ways(vit: vl.ViT, picture: object) -> dict[str, Callable[[], object]]:
    """Everything that is compared, by name."""
    trace = vit.trace([picture])
    kept = vl.read_features(trace)
    kept.similarity(0, (0, 0))
    classifier = {
        method: vl.PatchClassifier(vit, kept, method=method).fit(examples(trace))
        for method in ("prototypes", "logistic")
    }
    twin = vit.taught(classifier["prototypes"])
    pixels = as_batch(vit, [picture], False)[0]
    return {
        "forward": lambda: forward(vit, pixels),
        "components of the final state": lambda: vl.read_features(trace).state(vit.n_layers),
        "components of every state": lambda: vl.read_features(trace).components,
        "first similarity, every state": lambda: vl.read_features(trace).similarity(0, (1, 2)),
        "further similarity, every state": lambda: kept.similarity(0, (1, 2)),
        "fit, prototypes": lambda: classifier["prototypes"].fit(examples(trace)),
        "fit, logistic": lambda: classifier["logistic"].fit(examples(trace)),
        "held out, prototypes": lambda: agreements(classifier["prototypes"]),
        "held out by final, logistic": lambda: classifier["logistic"].held_out().by_final,
        "a click: fit, film, held out": lambda: clicked(kept),
        "the trace answered by the twin": lambda: trace.answered_by(twin),
        "top answers of every state": lambda: vl.LogitLens(twin).read(trace).top(3),
    }


@torch.no_grad()
def forward(vit: vl.ViT, pixels: torch.Tensor) -> torch.Tensor:
    """The model alone."""
    return vit.adapter.forward(pixels)


def examples(trace: vl.Trace) -> dict[str, list[tuple[int, int]]]:
    """Some patches of each class, anywhere."""
    first, n = trace.layout.n_prefix, N_CLASSES * N_EACH
    places = np.linspace(first, trace.layout.n_tokens - 1, n).astype(int).reshape(N_CLASSES, -1)
    return {f"class {i}": [(0, int(token)) for token in row] for i, row in enumerate(places)}


def clicked(features: vl.lenses.FeatureReading) -> object:
    """All that a click in a widget asks for."""
    teaching = Teaching(features)
    for name, clicks in examples(features.trace).items():
        for image, token in clicks:
            teaching.add(name, image, token)
    return teaching.fit(), teaching.film(), agreements(teaching)


def agreements(taught: vl.PatchClassifier | Teaching) -> object:
    """Both curves."""
    found = taught.held_out()
    return found.state_agreement, found.final_agreement


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a folder or a name for vl.load")
    parser.add_argument("--image-size", type=int, default=448)
    parser.add_argument("--image", help="a picture")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    size = args.image_size
    model = args.model or timm.create_model("vit_small_patch14_dinov2", img_size=size).eval()
    vit = vl.load(model, image_size=size) if args.model else vl.load(model)
    rng = np.random.default_rng(0)
    picture = args.image or rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    print(machine())
    print(f"{vit.name}, {vit.layout}")
    seconds = interleaved(ways(vit, picture), args.repeats)
    rows = [
        {
            "way": way,
            "ms": round(1000 * median, 1),
            "ratio to bare forward": round(median / seconds["forward"], 3),
        }
        for way, median in seconds.items()
    ]
    print(table(rows))


if __name__ == "__main__":
    main()
