"""`DiffusionLens`: each state as a picture, painted from what the readout would read of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import as_list
from vitlens_widgets.lenses.pictures.decoded_pictures import DecodedPictures
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds, readout_of
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.selection import position
from vitlens_widgets.trace.sites import check_state

States = Sequence[int | str] | None
READOUT = "readout"


class DiffusionLens(PictureLens):
    """The model's own final norm and projection on each state, then its decoder.

    All states of a seed begin as the same noise: a difference between them comes from the states
    alone. What the embedding does not say the decoder fills in by itself.

    Args:
        vit: The encoder.
        decoder: What paints its readout, from `vl.load_decoder`.
        same_encoder: Say so of a copy under another name; see `Decoder.check_reads`.

    Raises:
        UsageError: A decoder of another encoder, or one that reads tokens.

    Source:
        Toker et al. (2024), "Diffusion lens", for text encoders; Takatsuki et al. (2025), for the
        readout of an image encoder.

    Example:
        >>> lens = DiffusionLens(vit, decoder)
        >>> found = lens.read(vit.trace(image), seeds=2)
        >>> found.similarity().mean(-1)             # [state, image]
    """

    name = "diffusion lens"
    reads = "readout"

    @clean
    def read(
        self,
        trace: Trace,
        states: States = None,
        *,
        tokens: Any = READOUT,
        seeds: Seeds = 4,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> DecodedPictures:
        """Paint states.

        An interrupt (Ctrl-C) ends it and gives the pictures that are done, if any.

        Args:
            trace: The run, with its edits.
            states: Which, by number or name; None for all L + 1.
            tokens: `"readout"`: what the model's own readout reads; or one token, by its index, the
                (row, column) of a patch or a prefix token's name, read as if it were the readout.
            seeds: How many, or which.
            steps: Of the decoder; None for its own number.
            guidance: Likewise.

        Raises:
            UsageError: A trace of another model, a state or token that is not there, or what the
                decoder does not take.
        """
        trace = self.check(trace)
        chosen = chosen_states(trace, states)
        how = self.how(seeds, steps, guidance)
        embeddings = torch.stack([self._embedding(trace, k, tokens) for k in chosen])
        final = self._embedding(trace, self.vit.n_layers, READOUT)
        names = [self.vit.state_names[k] for k in chosen]
        return self._read(trace, names, embeddings, final, how, tokens=tokens)

    @clean
    def _embedding(self, trace: Trace, k: int, token: Any) -> Tensor:
        """Of state k, `[image, feature]`."""
        state = trace.states[k]
        if isinstance(token, str) and token == READOUT:
            return readout_of(self.vit, state)
        at = position(token, trace.layout, trace.tokens)
        with torch.no_grad():
            return self.vit.adapter.token_features(state)[:, at].detach().float()


def chosen_states(trace: Trace, states: States) -> list[int]:
    """The numbers of some states; None for all.

    Raises:
        UsageError: One is not there.
    """
    names = trace.vit.state_names
    if states is None:
        return list(range(len(names)))
    return [check_state(one, names) for one in as_list("states=", states, '[0, "final"]')]
