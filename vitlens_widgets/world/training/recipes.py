"""The recipe of every embedded model: what it is, what it is asked, how long it learns."""

from __future__ import annotations

from ..mae import MAEDesign
from ..mae_task import Infill
from .classify import Classify
from .task import Recipe

RECIPES = {
    "toy/p32": Recipe(Classify("multiple-instance"), images=80_000),
    "toy/p32-cls": Recipe(Classify("class"), images=96_000),
    "toy/p32-taught": Recipe(Classify("patches"), images=336_000),
    "toy/mae": Recipe(Infill(MAEDesign()), images=150_000, rate=3),
    "toy/mae-norm": Recipe(Infill(MAEDesign(norm_pix_loss=True)), images=96_000, rate=3),
}
"""Model name -> its recipe."""
