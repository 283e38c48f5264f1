"""What a user gives to Explorer, checked: the model, a lens, a masked autoencoder, an image."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from vitlens_widgets.lenses import InfillLens, Lens
    from vitlens_widgets.world.scene import Scene


def lens_of(vit: Any, lens: Any) -> Lens | None:
    """What reads the model's states; None where it has no classifier.

    Raises:
        UsageError: The model or the lens is none.
    """
    from vitlens_widgets.lenses import LogitLens
    from vitlens_widgets.lenses.lens import check_lens
    from vitlens_widgets.trace.vit import check_vit

    check_vit(vit, "vl.explore")
    if lens is not None:
        return check_lens(lens, "lens=")
    return LogitLens(vit) if len(vit.labels) else None


def mae_lens_of(mae: Any, about_infilling: Collection[str]) -> InfillLens | None:
    """What infills; None where nothing is to be infilled.

    Args:
        mae: The masked autoencoder, or None.
        about_infilling: The choices that were given and need one.

    Raises:
        UsageError: It is no masked autoencoder, or it is missing.
    """
    from vitlens_widgets.lenses import InfillLens
    from vitlens_widgets.trace.vit import check_vit

    if mae is not None:
        return InfillLens(check_vit(mae, "mae=", "toy/mae"))
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
