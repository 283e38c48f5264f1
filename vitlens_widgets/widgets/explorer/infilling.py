"""What paints in an Explorer: one image at a time, under a mask that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vitlens_widgets.widgets.infill_strip import data
from vitlens_widgets.widgets.infill_strip.infiller import Infiller
from vitlens_widgets.widgets.infill_strip.objects import Objects
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike
from vitlens_widgets.widgets.infill_strip.traits import InfillTraits

if TYPE_CHECKING:
    from PIL.Image import Image

    from vitlens_widgets.lenses import InfillLens
    from vitlens_widgets.world.scene import Scene


class NextImage(NamedTuple):
    """Another image, infilled and packed, but not shown yet."""

    infilling: InfillingLike
    objects: Objects
    packed: dict[str, Any]


class ImageInfiller(Infiller):
    """Infills one image, and others after it.

    Args:
        widget: Whose traits it fills.
        lens: An `InfillLens`.
        picture: The first image.
        scene: The scene of the world that it shows, or None.
        **of_mask: What `lens.read` takes.
    """

    def __init__(
        self,
        widget: InfillTraits,
        lens: InfillLens,
        picture: Image,
        scene: Scene | None,
        **of_mask: Any,
    ) -> None:
        infilling = lens.read(picture, **of_mask)
        objects, shrink = Objects(infilling, scene, None), data.shrinkage(infilling, None)
        super().__init__(widget, infilling, objects, shrink)
        self._lens = lens

    @property
    def description(self) -> dict[str, Any]:
        """Names and sizes, as JSON."""
        return data.description(self.given, self.shrink, "") | {"has_iou": False}

    def next(self, picture: Image, scene: Scene | None) -> NextImage:
        """Infills another image under the same mask."""
        infilling = self._lens.read(picture, mask=self._widget.mask)
        objects = Objects(infilling, scene, None)
        return NextImage(infilling, objects, self.packed_image(infilling, objects))

    def show_next(self, image: NextImage) -> None:
        """Shows it from now on."""
        self.take(image.infilling, image.objects)
        self.show(image.packed)
