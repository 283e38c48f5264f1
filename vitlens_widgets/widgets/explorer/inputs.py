"""What a user gives to Explorer, checked: the model, a lens, a masked autoencoder, an image."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_path

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


def lens_of(vit: ViT, lens: Any) -> Lens | None:
    """What reads the model's states; None where it has no classifier.

    Raises:
        UsageError: The lens is none.
    """
    from vitlens_widgets.lenses import LogitLens
    from vitlens_widgets.lenses.lens import check_lens

    if lens is not None:
        return check_lens(lens, "lens=")
    return LogitLens(vit) if len(vit.labels) else None


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
