"""transformers' C-RADIO: several CLS tokens of which some are read side by side, and registers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.readout import Readout
from vitlens_widgets.models.registry import register


@register("transformers.models.radio.modeling_radio.RadioModel")
class HFRadio(HFViT):
    """A C-RADIO without a final norm, which norms its pixels itself."""

    processor_class = "CLIPImageProcessor"
    follows_images = True
    processor_words = {"do_normalize": False}  # noqa: RUF012

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        names = [f"CLS {i}" for i in range(1, model.config.num_cls_tokens + 1)]
        self._read = cast("list[int]", model.summary_idxs.tolist())
        registers = (f"register {i}" for i in range(1, model.config.num_registers + 1))
        self.prefix = (*names, *registers)
        self.readout = Readout(" and ".join(names[i] for i in self._read), tuple(self._read))
        super().__init__(model, image_size)

    @property
    def tower(self) -> Foreign:
        """The model itself."""
        return self.model

    @property
    def norm(self) -> Foreign:
        """Nothing."""
        return nn.Identity()

    def pool(self, normed: Tensor) -> Tensor:
        """The CLS tokens that are read, side by side, `[image, read * d]`."""
        return normed[:, self._read].flatten(1)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token as if it were every token that is read, `[image, token, read * d]`."""
        return torch.cat([state] * len(self._read), dim=-1)
