"""`SavedClassifier`: taught classes as they lie in a file, and by what their model is known."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from vitlens_widgets.data import LabelSet
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.models.patch_readout import own_adapter
from vitlens_widgets.models.vit import with_adapter
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import fingerprint, fingerprint_at_any_size

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self


_AT_ANY_SIZE = "model_at_any_size"
"""Where the settings have by what the model is known, whatever the size of its images."""


@dataclass(frozen=True)
class SavedClassifier(SavedLens):
    """As `SavedLens`, of a model whose patches alone are read: what else answers does not count."""

    key: ClassVar[str] = "vitlens_widgets classifier"
    thing: ClassVar[str] = "classifier"

    @classmethod
    def about(cls, lens: Any, settings: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """What is known of something by these arguments, and of its model."""
        vit: ViT = lens.vit
        bare = _bare(vit)
        at = {"image_size": list(vit.image_size), _AT_ANY_SIZE: fingerprint_at_any_size(bare)}
        return cls(type(lens).__name__, vit.name, fingerprint(bare), settings | at, tensors)

    def arguments_for(self, vit: ViT) -> dict[str, Any]:
        """See `SavedLens`; at another image size the model may answer otherwise, yet is the same.

        Raises:
            UsageError: It was taught by another model.
        """
        bare, taught = _bare(vit), self.settings["image_size"]
        if taught != list(vit.image_size):
            if self.settings.get(_AT_ANY_SIZE) != fingerprint_at_any_size(bare):
                self.refuse(vit)
            return self.arguments(vit)
        return super().arguments_for(bare)


def _bare(vit: ViT) -> ViT:
    """The model as it is loaded, without classes that were given or taught to it."""
    adapter = copy.copy(own_adapter(vit.adapter))
    adapter.classifier = None
    return with_adapter(vit, adapter, LabelSet((), (), "no classifier"))
