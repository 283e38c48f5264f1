"""The recipe of every embedded model: what it is, what it is asked, how long it learns."""

from __future__ import annotations

from .classify import Classify
from .task import Recipe

RECIPES = {
    "toy/p32": Recipe(Classify("multiple-instance"), images=80_000),
    "toy/p32-cls": Recipe(Classify("class"), images=96_000),
    "toy/p32-taught": Recipe(Classify("patches"), images=336_000),
}
"""Model name -> its recipe."""
