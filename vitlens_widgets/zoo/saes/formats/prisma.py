"""Prisma: weights by torch and `config.json`.

Source: the repository Prisma-Multimodal/ViT-Prisma, `vit_prisma.sae` (StandardSparseAutoencoder and
VisionModelSAERunnerConfig). The bias of the decoder is subtracted after scaling.
"""

from __future__ import annotations

from vitlens_widgets.features import Scaling
from vitlens_widgets.zoo.saes.format import (
    SCALINGS,
    ReadSAE,
    SAEFormat,
    by_columns,
    hook_point,
    refuse_kind,
    relu_or_topk,
)
from vitlens_widgets.zoo.saes.found import Found


class Prisma(SAEFormat):
    """A folder, or a file whose settings are in it as an object of which plain values are read."""

    name = "Prisma"

    def takes(self, found: Found) -> bool:
        """Whether its settings are Prisma's."""
        return "layer_subtype" in found.said and "hook_point_layer" in found.said

    def parts(self, found: Found) -> ReadSAE:
        """See `SAEFormat`."""
        said = found.said
        if said.get("is_transcoder"):
            raise refuse_kind(found, "transcoder")
        if (kind := said.get("architecture", "standard")) != "standard":
            raise refuse_kind(found, f"sparse autoencoder of the architecture {kind!r}")
        hook = f"blocks.{said['hook_point_layer']}.{said['layer_subtype']}"
        site, layer = hook_point(found, hook)
        tokens = "readout" if said.get("cls_token_only") else "all"
        return ReadSAE(
            by_columns(found),
            relu_or_topk(found),
            SCALINGS.get(said.get("normalize_activations", "layer_norm"), Scaling()),
            subtracts_bias=True,
            site=site,
            layer=layer,
            tokens="patches" if said.get("use_patches_only") else tokens,
            model=str(said.get("model_name", "")),
        )
