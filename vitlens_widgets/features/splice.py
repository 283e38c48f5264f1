"""`Reconstructed`: an edit that puts what an SAE makes of a site in the site's place."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vitlens_widgets.features.base import BaseSAE
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.edits import Edit
from vitlens_widgets.trace.region import Region


@dataclass(frozen=True, repr=False, eq=False)
class Reconstructed(Edit):
    """The chosen tokens are replaced by what the SAE makes of them; its error is lost."""

    sae: BaseSAE

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """The reconstruction."""
        return self.sae.reconstruct(value)


def spliced(sae: BaseSAE, vit: ViT) -> Reconstructed:
    """The edit at the SAE's own site and tokens.

    Raises:
        UsageError: The SAE is not of this model.
    """
    sae.check(vit)
    tokens = sae.where(vit).nonzero()[0].tolist()
    return Reconstructed(sae.site, sae.layer, token=tokens, sae=sae.to(vit.device))
