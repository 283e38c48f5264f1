"""The recipe of every embedded model: what it is, what it is asked, how long it learns."""

from __future__ import annotations

from vitlens_widgets.world.autoencoder import MAEDesign
from vitlens_widgets.world.decoders.flow import FlowDesign
from vitlens_widgets.world.decoders.patches import PatchDesign
from vitlens_widgets.world.training.classify import Classify
from vitlens_widgets.world.training.infill import Infill
from vitlens_widgets.world.training.match import Match
from vitlens_widgets.world.training.paint import PaintReadout, PaintTokens
from vitlens_widgets.world.training.task import Recipe
from vitlens_widgets.world.weights import Design


def _small(layers: int, mlp: bool) -> Recipe:
    """One of eight that differ in depth and in having MLPs, and in nothing else.

    After the toy ViTs of Joseph & Nanda (2024), which have no norms; these keep theirs.
    """
    design = Design(layers, width=128, heads=4, mlp=mlp)
    return Recipe(Classify("class", design), images=192_000)


RECIPES = {
    "toy/p32": Recipe(Classify("multiple-instance"), images=80_000),
    "toy/p32-cls": Recipe(Classify("class"), images=96_000),
    "toy/p32-taught": Recipe(Classify("patches"), images=336_000),
    **{f"toy/attn-only-{layers}l": _small(layers, mlp=False) for layers in (1, 2, 3, 4)},
    **{f"toy/attn-mlp-{layers}l": _small(layers, mlp=True) for layers in (1, 2, 3, 4)},
    "toy/mae": Recipe(Infill(MAEDesign()), images=150_000, rate=3),
    "toy/mae-norm": Recipe(Infill(MAEDesign(norm_pix_loss=True)), images=96_000, rate=3),
    "toy/clip": Recipe(Match(), images=204_800, batch_size=128),
    "toy/patch-decoder": Recipe(PaintTokens(PatchDesign("toy/p32")), images=320_000),
    "toy/patch-decoder-clip": Recipe(
        PaintTokens(PatchDesign("toy/clip")), images=128_000, begin_with="toy/patch-decoder"
    ),
    "toy/unclip": Recipe(PaintReadout(FlowDesign("toy/clip")), images=409_600, batch_size=128),
}
"""Model name -> its recipe."""
