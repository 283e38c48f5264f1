"""Fitting a tuned lens beside a bare forward pass; reading one beside the logit lens.

    python -m tests.benchmarks.bench_tuned_lens

Images are made before, so that neither side reads any. A batch of a fit is one of the closed form
or a step of descent; the bare pass runs the same images. A whole fit is one pass of the closed
form and as many steps (`--fits`), with its images held out, their reading included, beside a bare
pass over the same images as often as the fit goes over them.

A reading multiplies each token by d x d numbers more than the logit lens, which multiplies it by
d x classes: of 768 and 1000, 1.8 times as much in all. Translator and classifier cannot be one
product, since the norm between them divides by a deviation that the translated state alone has.
Translators of a low rank (`rank=`) have less to multiply, biases nothing.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import torch

import vitlens_widgets as vl
from tests.benchmarks.bench_class_space import vit_of
from tests.benchmarks.measure import beside_forward, machine, table, timed
from vitlens_widgets.data import Examples
from vitlens_widgets.lenses.fitted.descent import Objective
from vitlens_widgets.lenses.fitted.kinds import kinds_of
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.lenses.fitted.training import Fit, Fitter, TuningPlan

MODELS = ("toy/p32", "vit_base_patch32_224")


@cache
def model_of(name: str) -> vl.ViT:
    """An embedded model, or one of timm with random weights."""
    return vl.load(name) if name.startswith("toy/") else vit_of(name)


@cache
def fit_of(
    name: str, n_images: int, start: str, rank: int | None = None
) -> tuple[Fitter, torch.Tensor]:
    """A fit of one batch, and the pixels of that batch."""
    vit = model_of(name)
    items = [(scene.image, 0) for scene in map(vl.world.scene, range(n_images + 2))]
    data = Examples(items, vit.labels)
    plan = TuningPlan(
        kinds=kinds_of(vit),
        target="token",
        rank=rank,
        start=start,
        steps=10,
        batch_size=n_images,
        rate=0.1,
        decay=1e-3,
        seed=0,
    )
    split = HeldOutSplit(data, None, 2, 0)
    pixels = torch.cat([b.pixels for b in split.batches(vit, split.fitted, n_images)])
    return Fitter(Objective(vit, plan.kinds, plan.target), plan, split), pixels


def forward(name: str, n_images: int) -> None:
    """The model's own forward pass, from images on."""
    fitter, _ = fit_of(name, n_images, "ridge")
    vit = model_of(name)
    with torch.no_grad():
        for batch in fitter.split.batches(vit, fitter.split.fitted, n_images):
            vit.model(batch.pixels)


def closed_form(name: str, n_images: int) -> None:
    """A batch of the closed form's sums."""
    fit_of(name, n_images, "ridge")[0].next(Fit())


def descent(name: str, n_images: int) -> None:
    """A step."""
    fitter, _ = fit_of(name, n_images, "identity")
    fitter.next(fitter.begun(Fit()))


def identity_lens(name: str, rank: int | None = None) -> vl.AffineLens:
    """Translators of zeros, which cost what others do; of any rank, or of one."""
    zeros = fit_of(name, 1, "identity", rank)[0].begun(Fit()).descent.translators
    lens = vl.AffineLens(model_of(name), *zeros)
    lens.name = "any rank" if rank is None else f"rank {rank}" if rank else "biases alone"
    return lens


def whole_fit(name: str, n_images: int, repeats: int) -> list[dict[str, object]]:
    """A row each for a fit from the first image to the last word, and for as many bare passes."""
    vit, size = model_of(name), 32
    n_held_out = max(2, n_images // 5)
    steps = -(-(n_images - n_held_out) // size)
    items = [(scene.image, 0) for scene in map(vl.world.scene, range(n_images))]
    data = Examples(items, vit.labels)

    def fit() -> None:
        vl.TunedLens.fit(vit, data, held_out=n_held_out, steps=steps, batch_size=size)

    def bare() -> None:
        split = HeldOutSplit(data, None, n_held_out, 0)
        with torch.no_grad():
            for of in (split.fitted, split.fitted, split.held_out):
                for batch in split.batches(vit, of, size):
                    vit.model(batch.pixels)

    ways = {"forward": bare, "whole fit": fit}
    return beside_forward(ways, repeats, model=name, images=n_images, steps=steps)


def read_beside(name: str, lens: vl.Lens, repeats: int) -> list[dict[str, object]]:
    """A row each for one image and four: all that a PatchGrid asks of a reading, anew each time."""
    vit = model_of(name)
    rows: list[dict[str, object]] = []
    for n in (1, 4):
        trace = vit.trace([vl.world.scene(seed).image for seed in range(n)])
        lenses = {"logit lens": vl.LogitLens(vit), "this lens": lens}
        calls = {which: partial(_asked, one, trace) for which, one in lenses.items()}
        cpu = {which: of[1] for which, of in timed(calls, repeats).items()}
        ms = {f"{which}, ms of processors": round(1e3 * one, 1) for which, one in cpu.items()}
        ratio = round(cpu["this lens"] / cpu["logit lens"], 2)
        rows.append({"model": name, "lens": lens.name, "images": n, **ms, "ratio": ratio})
    return rows


def _asked(lens: vl.Lens, trace: vl.Trace) -> None:
    reading = lens.read(trace)
    reading.top(5)
    reading.readout.top(5)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fits", type=int, default=160, help="images of a whole fit; 0 for none")
    args = parser.parse_args()
    print(machine())
    rows, read, fits = [], [], []
    for name in args.models:
        words = {"model": name, "images": args.images}
        ways = {"forward": forward, "closed form": closed_form, "step of descent": descent}
        calls = {which: partial(way, name, args.images) for which, way in ways.items()}
        rows += beside_forward(calls, args.repeats, **words)
        for rank in (None, model_of(name).width // 4, 0):
            read += read_beside(name, identity_lens(name, rank), 3 * args.repeats)
        fits += whole_fit(name, args.fits, 0) if args.fits else []
    print(*map(table, filter(None, (rows, read, fits))), sep="\n\n")


if __name__ == "__main__":
    main()
