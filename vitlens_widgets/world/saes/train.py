"""Training an embedded SAE anew: `python -m vitlens_widgets.world train toy/p32/2`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from vitlens_widgets.data import Dataset
from vitlens_widgets.features import SAE, train_sae
from vitlens_widgets.files import made_folder
from vitlens_widgets.world.embedded import embedded_vit
from vitlens_widgets.world.saes.recipes import FIRST_SEED, OBJECTS, SAE_RECIPES, sae_file
from vitlens_widgets.world.scene import Scenes


def train_embedded_sae(name: str, folder: Path, n_images: int | None = None) -> Path:
    """Train it, or go on where it stopped; the finished one is in half precision.

    Args:
        name: Of one that there is a recipe of.
        folder: Where it is written, and kept meanwhile.
        n_images: How many scenes, those held out among them; None for as many as in the recipe.

    Returns:
        The file.

    Raises:
        UsageError: It cannot be written there, or another training is there.
    """
    recipe, place = SAE_RECIPES[name], sae_file(name, made_folder(folder))
    whole = place.with_suffix(".full.safetensors")
    words: dict[str, Any] = recipe.words
    if n_images is not None:
        words["n_images"] = n_images
    vit, data = embedded_vit(recipe.model), cast("Dataset", Scenes(FIRST_SEED, OBJECTS))
    sae = train_sae(vit, data, **words, save_to=whole)
    replace(sae, name=name).save(place, half=True)
    return place


def embedded_sae(name: str) -> SAE:
    """The embedded SAE of this name, as `vl.load_sae` gives it."""
    return SAE.load(sae_file(name))
