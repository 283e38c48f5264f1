"""What a user gives to Explorer, checked: the model, a lens, a masked autoencoder, an image."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_mapping, is_path, is_several
from vitlens_widgets.widgets.shared.checks import distinct_names

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch.nn import Module

    from vitlens_widgets.lenses import InfillLens, Lens
    from vitlens_widgets.trace import ViT
    from vitlens_widgets.world.scene import Scene

    AnyModel = ViT | str | os.PathLike[str] | Module


def vit_of(given: Any, what: str, such_as: str = "toy/p32") -> ViT:
    """The model; a name, a path or a module is loaded, as `vl.load` does it.

    Args:
        given: What was given.
        what: Takes it, to begin the sentence.
        such_as: The name of a model that would do.

    Raises:
        UsageError: It is none of these.
        UnsupportedModelError: `vl.load` refuses it.
    """
    from torch.nn import Module

    from vitlens_widgets.trace.vit import check_vit
    from vitlens_widgets.zoo import load

    is_source = isinstance(given, Module) or is_path(given)
    return load(given) if is_source else check_vit(given, what, such_as)


def lenses_of(vit: ViT, given: Any) -> dict[str, Lens]:
    """What reads the model's states, by the names of the lenses; none where it has no classifier.

    Args:
        vit: The model.
        given: A lens, a list of them, a dict of them by name, or None.

    Raises:
        UsageError: One is no lens, two have one name, or there is none in the list.
    """
    from vitlens_widgets.lenses import LogitLens
    from vitlens_widgets.lenses.lens import check_lens

    if given is None:
        return {LogitLens.name: LogitLens(vit)} if len(vit.labels) else {}
    if not is_several(given) and not is_mapping(given):
        only = check_lens(given, "lens=")
        return {only.name: only}
    every = list(given.values()) if is_mapping(given) else given
    lenses = [check_lens(one, "lens=") for one in every]
    names = list(given) if is_mapping(given) else [lens.name for lens in lenses]
    if not lenses:
        raise UsageError("lens= takes at least one lens, and the list is empty.")
    return dict(zip(distinct_names("lens", names), lenses, strict=True))


def mae_lens_of(mae: Any, about_infilling: Collection[str]) -> InfillLens | None:
    """What infills; None where nothing is to be infilled.

    Args:
        mae: The masked autoencoder, what `vl.load` makes it of, or None.
        about_infilling: The choices that were given and need one.

    Raises:
        UsageError: It is no masked autoencoder, or it is missing.
    """
    from vitlens_widgets.lenses import InfillLens

    if mae is not None:
        return InfillLens(vit_of(mae, "mae=", "toy/mae"))
    if about_infilling:
        name = min(about_infilling)
        raise UsageError(f'{name}= is about infilling: give mae=, such as vl.load("toy/mae").')
    return None


def picture_of(image: Any) -> tuple[Image, Scene | None]:
    """The image in RGB, and the scene of the world that it shows, if it is one.

    Raises:
        UsageError: It cannot be read.
    """
    from vitlens_widgets.data import read_image

    if hasattr(image, "instance_mask"):
        return read_image(image.image), image
    return read_image(image), None
