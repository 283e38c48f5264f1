"""timm's `NaFlexVit` on images of one size: one grid, no padding, no mask."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor

from vitlens_widgets.models.families.timm_eva import TimmEva
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.registry import register


@register("timm.models.naflexvit.NaFlexVit")
class TimmNaFlex(TimmEva):
    """A NaFlexVit that is given ordinary images `[image, 3, height, width]`, all of one size."""

    @property
    def _patches(self) -> Foreign:
        return self.model.embeds

    @property
    def n_channels(self) -> int:
        """How many channels an image has."""
        return self.model.in_chans

    @property
    def own_size(self) -> tuple[int, int]:
        """The size it was made for; else that of the checkpoint's configuration."""
        from timm import data

        own = self.model.embeds.default_img_size
        if not own:
            config = cast("dict[str, Any]", data.resolve_model_data_config(self.model))
            own = config["input_size"][1:]
        height, width = own
        return height, width

    @property
    def _pools_prefix(self) -> bool:
        return bool(self.model.pool_include_prefix)

    def _fixed_size(self) -> tuple[int, int] | None:
        """The size it was loaded for, where a block run alone must know its rows."""
        return self.image_size if self.positions_in_blocks else None

    def _has_cls(self) -> bool:
        return self.model.has_class_token

    def _rotation(self, layer: int) -> Tensor | None:
        """Sines and cosines per patch, as the model hands them to a block."""
        if self.model.rope is None:
            return None
        rotation = self.model.rope.get_embed(shape=list(self.layout().grid))
        return rotation[layer] if self.model.rope_is_mixed else rotation

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        rotation = self._rotation(layer)
        words: dict[str, Any] = {} if rotation is None else {"rope": rotation}
        return self.blocks[layer](state, **words)
