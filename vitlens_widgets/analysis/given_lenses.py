"""Lenses as an experiment is given them, and the images that it fits some to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vitlens_widgets.data import Dataset
from vitlens_widgets.data.overlap import share_images, was_fitted_to
from vitlens_widgets.errors import UsageError, check_count, warn
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.lenses import Lens, LogitLens
from vitlens_widgets.lenses.lens import check_lens
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import check_data, how_many


def named_lenses(vit: ViT, lenses: Any) -> dict[str, Lens]:
    """Lenses by name, the logit lens first.

    Args:
        vit: The model.
        lenses: One lens, several, or several by names of one's own.

    Raises:
        UsageError: They are no lenses, have one name in common, or do not fit the model.
    """
    found: dict[str, Lens] = {LogitLens.name: LogitLens(vit)}
    for name, lens in _pairs(lenses):
        check_lens(lens, "lenses=")
        if name in found:
            raise UsageError(
                f'Two lenses are called "{name}", and the logit lens is always there; give names '
                f'of their own, lenses={{"seed 0": ..., "seed 1": ...}}.'
            )
        for what, own in _shape(vit).items():
            if _shape(lens.vit)[what] != own:
                raise UsageError(
                    f'The lens "{name}" is of {lens.vit.name}, which has other {what} than '
                    f"{vit.name}; lenses are compared on models of the same shape and "
                    "preprocessing."
                )
        found[name] = lens
    return found


def lenses_of(vit: ViT, lenses: Any) -> dict[str, Lens]:
    """As `named_lenses`, of this very model alone.

    Raises:
        UsageError: As `named_lenses`, or one is of another model.
    """
    named = named_lenses(vit, lenses)
    for name, lens in named.items():
        if lens.vit.model is not vit.model:
            raise UsageError(
                f'The lens "{name}" is of {lens.vit.name}, another model than this {vit.name}: '
                "what it reads cannot be changed here; give lenses of the model itself."
            )
    return named


def number_to_fit(
    train: Dataset, n_train: int | None, usual: int, data: Dataset, n_images: int | None, what: str
) -> int:
    """How many images of a data set something is fitted to, which is then measured on others.

    Args:
        train: To fit to, from the first image on.
        n_train: How many were asked for; None for the usual number, or all where it has fewer.
        usual: That number.
        data: To measure on, from the first image on.
        n_images: How many of those; None for all.
        what: Is done on other images than which, to begin the sentence.

    Raises:
        UsageError: No data sets, numbers that they do not have, or images that both have.
    """
    for one in (train, data):
        check_data(one, needs_masks=False)
    there = train.count or float("inf")
    n_train = check_count(
        "n_train=", min(usual, there) if n_train is None else n_train, 2, most=there
    )
    if share_images(train, range(n_train), data, how_many(data, n_images)):
        raise UsageError(
            f"{what}, and {data!r} has some of the first {n_train} of {train!r}: give scenes of "
            "another seed, or another folder."
        )
    return n_train


def warn_of_known_images(name: str, lens: Lens, data: Dataset, n_images: int) -> None:
    """Says so where a lens was fitted to some of the images that it is measured on.

    Args:
        name: Of the lens.
        lens: The lens; one that keeps no word on its fit is taken to be fitted to nothing.
        data: The images.
        n_images: How many of them, from the first on.
    """
    about: dict[str, Any] = getattr(lens, "fitted", {})
    if was_fitted_to(about.get("of", about), data, n_images):
        warn(
            f'The lens "{name}" was fitted to images of {data!r}, and is nearer to the model on '
            "these than on others: measure it on other ones, such as scenes of another seed."
        )


def _shape(vit: ViT) -> dict[str, Any]:
    """What lenses of other models must have in common with this one."""
    return {
        "classes": list(vit.labels),
        "image sizes": tuple(vit.image_size),
        "states": vit.n_layers + 1,
        "preprocessing": str(vit.preprocessing),
    }


def _pairs(lenses: Any) -> Iterator[tuple[str, Any]]:
    if is_mapping(lenses):
        yield from ((str(name), lens) for name, lens in lenses.items())
    elif is_several(lenses):
        yield from ((getattr(lens, "name", ""), lens) for lens in lenses)
    else:
        yield getattr(lenses, "name", ""), lenses
