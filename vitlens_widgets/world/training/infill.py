"""The task of the world's masked autoencoders: to paint the patches they are not shown.

Source: He et al. (2022), "Masked Autoencoders Are Scalable Vision Learners", section 3: a random
share of the patches is hidden, and the squared error of the pixels painted there is the loss.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from transformers import ViTMAEForPreTraining

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.autoencoder import SIDE, MAEDesign, make_autoencoder
from vitlens_widgets.world.network import normalized
from vitlens_widgets.world.training.task import Task, fresh_scenes, stacked_images


@dataclass(frozen=True, slots=True)
class Infill(Task[ViTMAEForPreTraining, torch.Tensor]):
    """A masked autoencoder of the world's scenes.

    Attributes:
        design: Its network, with the share of hidden patches and what is painted.
    """

    design: MAEDesign

    def make_model(self) -> ViTMAEForPreTraining:
        """The network; plain attention, whose gradients are the faster ones for short sequences."""
        return make_autoencoder(self.design, attention="eager")

    def draw(self, index: int, batch_size: int) -> torch.Tensor:
        """Fresh scenes, uint8 `[image, H, W, 3]`."""
        return torch.from_numpy(stacked_images(fresh_scenes(index, batch_size, SIDE)))

    @clean
    def learn(self, model: ViTMAEForPreTraining, batch: torch.Tensor) -> torch.Tensor:
        """The model's own loss, on masks drawn from torch's generator."""
        with torch.autocast("cpu", torch.bfloat16):
            return model(normalized(batch)).loss

    def facts(self) -> dict[str, Any]:
        """The design, and what it is asked by its name in the catalogue."""
        goal = "infilling, normalised" if self.design.norm_pix_loss else "infilling"
        return {"kind": "infilling", "goal": goal, **asdict(self.design)}
