"""`ModelRecipe`: how a worker gets a model without being sent its weights."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, eq=False)
class ModelRecipe:
    """A model by the call that made it.

    Attributes:
        load: The function, which gives a ViT; of a module, so that it travels by its name.
        source: What it was given first: a name, a folder or a file.
        words: And by name.
    """

    load: Callable[..., Any]
    source: str
    words: Mapping[str, Any]

    def module(self, device: str | None) -> nn.Module:
        """The model, loaded anew.

        Args:
            device: Where to; None for where it is loaded to if nothing is said.
        """
        return self.load(self.source, device=device, **self.words).model


_recipes: weakref.WeakKeyDictionary[nn.Module, ModelRecipe] = weakref.WeakKeyDictionary()


def note(model: nn.Module, recipe: ModelRecipe) -> None:
    """Remember how a model was made, as long as it is there."""
    _recipes[model] = recipe


def recipe_of(model: nn.Module) -> ModelRecipe | None:
    """How a model was made; None where no call makes the same one again."""
    return _recipes.get(model)
