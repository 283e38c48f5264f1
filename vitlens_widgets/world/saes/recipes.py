"""What the embedded sparse autoencoders are of, and how each was trained. Loads no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.world.catalogue import NAMES, SAES, one_of

FOLDER = Path(__file__).parent / "files"
"""Of the SAEs and what was measured of them."""

FIRST_SEED = 10_000_000
"""Of the scenes that they are trained on; measured they are on scenes from 0 on."""
OBJECTS = 2


@dataclass(frozen=True, slots=True)
class SAERecipe:
    """The words of `vl.train_sae` that are not as by default, and the model that it is of."""

    model: str
    layer: int
    n_latents: int = 768
    k: int = 16
    n_images: int = 2176
    held_out: int = 128
    steps: int = 1500
    buffer: int = 2**18

    @property
    def words(self) -> dict[str, Any]:
        """For `vl.train_sae`."""
        return {name: value for name, value in asdict(self).items() if name != "model"}


SAE_RECIPES = {
    "toy/p32/2": SAERecipe("toy/p32", layer=1),
    "toy/p32/5": SAERecipe("toy/p32", layer=4),
}
"""By name: the model, and the state that it is of."""


def known_sae(name: str) -> str:
    """The name, if it is that of an embedded SAE.

    Raises:
        UsageError: It is not; the message names the nearest.
    """
    if name in NAMES:
        raise UsageError(f'{name} is no SAE, but a model: vl.load("{name}") loads it.')
    return one_of(name, SAES, "SAE")


def sae_file(name: str, folder: Path = FOLDER) -> Path:
    """Where an SAE lies: that of "toy/p32/2" is toy-p32-2.safetensors."""
    return folder / f"{name.replace('/', '-')}.safetensors"
