"""`SavedClassifier`: taught classes as they lie in a file, and by what their model is known."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.models.patch_readout import own_adapter
from vitlens_widgets.models.vit import with_adapter
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import fingerprint

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self


@dataclass(frozen=True)
class SavedClassifier(SavedLens):
    """As `SavedLens`, of a model whose patches alone are read: what else answers does not count."""

    key: ClassVar[str] = "vitlens_widgets classifier"
    thing: ClassVar[str] = "classifier"

    @classmethod
    def about(cls, lens: Any, settings: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """What is known of something by these arguments, and of its model."""
        vit: ViT = lens.vit
        settings = settings | {"image_size": list(vit.image_size)}
        return cls(type(lens).__name__, vit.name, fingerprint(_bare(vit)), settings, tensors)

    def arguments_for(self, vit: ViT) -> dict[str, Any]:
        """See `SavedLens`.

        Raises:
            UsageError: It was taught on images of another size, or by another model.
        """
        taught, here = self.settings["image_size"], list(vit.image_size)
        if taught != here:
            raise UsageError(
                f"This classifier was taught on images of {taught[0]} x {taught[1]} pixels, and "
                f"{vit.name} takes {here[0]} x {here[1]}: load {self.model} with "
                f"image_size=({taught[0]}, {taught[1]}), or teach anew at this size."
            )
        return super().arguments_for(_bare(vit))


def _bare(vit: ViT) -> ViT:
    """The model as it is loaded, without classes that were given or taught to it."""
    adapter = copy.copy(own_adapter(vit.adapter))
    adapter.classifier = None
    return with_adapter(vit, adapter, LabelSet((), (), "no classifier"))
