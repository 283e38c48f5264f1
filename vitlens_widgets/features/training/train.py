"""`train_sae`: a sparse autoencoder of a model's own activations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import (
    UsageError,
    as_list,
    check_choice,
    check_count,
    check_from_0,
    check_number,
    check_seed,
)
from vitlens_widgets.features.known import seen_by
from vitlens_widgets.features.measured import SAEWorth, measured
from vitlens_widgets.features.sae import READS, SAE, Tokens
from vitlens_widgets.features.training.checks import Checks
from vitlens_widgets.features.training.fit import Trainer, Training, trained
from vitlens_widgets.features.training.kept import KeptTraining
from vitlens_widgets.features.training.plan import KINDS, Kind, SAEPlan, usual_rate
from vitlens_widgets.features.training.pools import Pools
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

_TIMES = 8
_NESTS = 5
_CURVE = 100
"""How many steps of a training its card tells of."""
_BATCH = 32


def train_sae(
    vit: ViT,
    data: Dataset,
    layer: int,
    *,
    site: str = "resid_post",
    tokens: Tokens = "all",
    kind: Kind = "topk",
    n_latents: int | None = None,
    k: int = 32,
    l1: float = 5.0,
    nested: Sequence[int] | None = None,
    n_images: int | None = None,
    held_out: int | None = None,
    steps: int = 4000,
    batch_size: int = 1024,
    rate: float | None = None,
    center: str = "median",
    auxiliary: float = 1 / 32,
    dead_after: int = 100_000,
    buffer: int = 65_536,
    seed: int = 0,
    save_to: str | os.PathLike[str] | None = None,
) -> SAE:
    """Train a sparse autoencoder on a site of a model, and measure it on images held out.

    Images are run in a random order, and their tokens put in a buffer and shuffled, of which
    batches are taken until it is used up; where it has room for all images, they are run once.
    Tokens are divided by one number, so that channels vary by 1 in the mean. Latents begin reading
    what they write, and the decoder's bias, which the encoder subtracts, at the middle of the
    tokens. Adam (betas .9 and .999, gradients together cut back to a norm of 1) goes up to its rate
    in a twentieth of the steps and down to 0 in the last fifth. Columns of the decoder keep a norm
    of 1: the gradient's part along them is left out, and they are scaled back after each step. A
    latent that was off for long is dead, and is revived by an auxiliary loss: together the dead
    ones are to explain what the others leave.

    While it goes on, the progress bar tells of the last batch which share of the variance is
    explained, how many latents are on (L0), and which share is dead; and, of a model with a
    classifier, which share of its answer was recovered on a few of the images held out when that
    was last looked at (every 100 steps, or 20 times in all where that is rarer). Interrupted, it
    goes on where it was with `save_to`, and ends with the same numbers as if nothing had happened.

    Args:
        vit: The model, from `vl.load`.
        data: The images; their classes play no part.
        layer: Of which block.
        site: A site of `vl.SITES` that has one vector a token, such as `"resid_post"`, `"mlp_out"`
            or `"mlp_post"`.
        tokens: `"all"`, `"patches"`, or `"readout"`: the prefix tokens that the classifier reads.
        kind: `"topk"`: the k largest latents of each token are on. `"batchtopk"`: the largest of a
            batch are, k a token in the mean; the trained SAE has a threshold instead. `"relu"`: all
            above 0, which L1 keeps small. `"matryoshka"`: as `"batchtopk"`, but the first latents
            must do by themselves, for each number of `nested`.
        n_latents: How many; None for 8 times the width of the site.
        k: Of all kinds but `"relu"`.
        l1: Of `"relu"`: times the sum of latents, added to the squared length of the error, both
            where the tokens' squared length is d in the mean.
        nested: Of `"matryoshka"`: rising numbers of latents; None for a sixteenth, an eighth, a
            quarter, half and all of them.
        n_images: How many images; None for all.
        held_out: How many of those are held out, drawn at random; None for a fifth, 256 at most.
        steps: How many steps.
        batch_size: Tokens of a step.
        rate: Adam's; None for 2e-4 at 16,384 latents, as one over the root of their number.
        center: `"median"`: the decoder's bias begins at the geometric median of the first buffer,
            `"mean"`: at its mean.
        auxiliary: Times the auxiliary loss; 0 for none.
        dead_after: For how many tokens a latent must have been off to be dead.
        buffer: How many tokens are shuffled together.
        seed: Of which images are held out, of all orders and of the first directions.
        save_to: A file for the SAE. Until it is done the training is kept beside it
            (`sae.safetensors.fit`), every half minute and when it is interrupted; the same call
            goes on from there, or reads the SAE that is finished.

    Returns:
        The SAE. Its `card` says what it was trained by (`"of"`), how it went (`"curve"`), which
        share of the answer was recovered on the way, on at most eight images held out (`"checks"`),
        and what it is worth on all that were held out (`"held_out"`): explained variance, L0, the
        share of latents that were never on, the KL in nats of the model's answer from that with the
        reconstruction in the site's place, and the share of the answer so recovered, where the mean
        token in the place of each recovers none.

    Raises:
        UsageError: An argument out of range, too few images, a training that diverges, a file of
            another training, or one that cannot be written.

    Source:
        Gao et al. (2024), "Scaling and evaluating sparse autoencoders", section 2 and its appendix
        on training, for TopK, the beginning, dead latents and the rate; Bussmann et al. (2024),
        "BatchTopK sparse autoencoders"; Bussmann et al. (2025), "Learning multi-level features with
        Matryoshka sparse autoencoders"; Bricken et al. (2023), "Towards monosemanticity", for L1
        and unit columns.

    Example:
        >>> vit = vl.load("toy/p32")
        >>> sae = vl.train_sae(vit, vl.world.Scenes(), 4, n_images=4000, save_to="sae.safetensors")
        >>> sae.card["held_out"]["explained"]
    """
    plan = SAEPlan(
        site=site,
        layer=check_index("layer", layer, check_vit(vit, "train_sae").n_layers),
        tokens=check_choice("tokens=", tokens, ("all", "patches", "readout")),
        kind=check_choice("kind=", kind, KINDS),
        n_latents=0 if n_latents is None else check_count("n_latents=", n_latents, least=2),
        k=check_count("k=", k, least=1),
        l1=check_from_0("l1=", l1),
        nested=(),
        steps=check_count("steps=", steps, least=1),
        batch_size=check_count("batch_size=", batch_size, least=2),
        rate=0.0 if rate is None else check_number("rate=", rate, above=0),
        center=check_choice("center=", center, ("median", "mean")),
        auxiliary=check_from_0("auxiliary=", auxiliary),
        dead_after=check_count("dead_after=", dead_after, least=1),
        buffer=check_count("buffer=", buffer, least=2),
        seed=check_seed(seed),
    )
    split = HeldOutSplit(data, n_images, held_out, plan.seed, what="An SAE")
    return _trained(vit, split, _whole(vit, plan, nested), save_to)


def _whole(vit: ViT, plan: SAEPlan, nested: Sequence[int] | None) -> SAEPlan:
    """With the numbers that depend on the site's width or on one another.

    Raises:
        UsageError: The site has no one vector a token, or more latents are on than there are.
    """
    check_choice("site=", plan.site, READS)
    width = len(seen_by(vit, plan.site, plan.layer)["mean"])
    n = plan.n_latents or _TIMES * width
    if plan.kind != "relu" and plan.k > n:
        raise UsageError(f"k={plan.k} latents of a token cannot be on where there are {n}.")
    if plan.kind == "matryoshka":
        usual = sorted({max(1, n >> power) for power in range(_NESTS)})
        given = usual if nested is None else as_list("nested=", nested, "[64, 256, 768]")
        sizes = [check_count("A number of nested=", one, least=1) for one in given]
        if sorted(set(sizes)) != sizes or sizes[-1:] != [n]:
            raise UsageError(
                f"nested={list(given)} is to be rising numbers of latents that end with all {n}."
            )
        plan = replace(plan, nested=tuple(sizes))
    elif nested is not None:
        raise UsageError(f'nested= is of kind="matryoshka", not of kind="{plan.kind}".')
    return replace(plan, n_latents=n, rate=plan.rate or usual_rate(n))


def _trained(vit: ViT, split: HeldOutSplit, plan: SAEPlan, save_to: Any) -> SAE:
    facts = {**plan.facts, **split.facts()}
    kept = None if save_to is None else KeptTraining(save_to, "SAE", vit, facts)
    if kept is not None and kept.check_finished():
        return SAE.load(kept.finished)
    checks = Checks(vit, split, plan) if vit.adapter.has_classifier else None
    trainer = Trainer(plan, Pools(vit, split, plan), checks)
    done = trained(trainer, kept)
    sae = trainer.sae(done).made_for(vit)
    worth = measured(sae, vit, lambda: _pixels(vit, split))
    card = {"of": facts, "curve": _curve(done), "held_out": in_numbers(worth)}
    if checks is not None:
        card["checks"] = _checks(done, checks.n_images)
    sae = replace(sae, card=card, name=f"{plan.kind} of {vit.name}")
    if kept is not None:
        sae.save(kept.finished)
        kept.end()
    return sae


def _pixels(vit: ViT, split: HeldOutSplit) -> Any:
    return (batch.pixels for batch in split.batches(vit, split.held_out, _BATCH))


def _curve(done: Training) -> dict[str, list[float]]:
    """What some of the steps told, evenly over all of them, to four digits."""
    n = len(done.curve)
    steps = sorted({round(i * (n - 1) / _CURVE) for i in range(_CURVE + 1)})
    columns = zip(*(done.curve[step] for step in steps), strict=True)
    names = type(done.curve[0])._fields
    return {"step": [float(step) for step in steps]} | {
        name: [float(f"{value:.4g}") for value in column]
        for name, column in zip(names, columns, strict=True)
    }


def _checks(done: Training, n_images: int) -> dict[str, Any]:
    """What the checks have found, to six digits."""
    found = [float(f"{one.recovered:.6g}") for one in done.checks]
    steps = [one.step for one in done.checks]
    return {"images": n_images, "step": steps, "recovered": found}


def in_numbers(worth: SAEWorth) -> dict[str, float | int | None]:
    """What a card says of it, to six digits."""
    means = {
        "kl": None if worth.kl is None else worth.kl.mean().item(),
        "kl_mean": None if worth.kl_mean is None else worth.kl_mean.mean().item(),
        "recovered": worth.recovered,
        "explained": worth.explained,
        "l0": worth.l0,
        "dead": worth.dead,
    }
    rounded = {name: one and float(f"{one:.6g}") for name, one in means.items()}
    return {"images": worth.n_images, "tokens": worth.n_tokens, **rounded}
