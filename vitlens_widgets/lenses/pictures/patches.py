"""`PatchDecoderLens`: all tokens of each state as a picture, painted in one pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.lenses.pictures.decoded_pictures import DecodedPictures
from vitlens_widgets.lenses.pictures.diffusion import States, chosen_states
from vitlens_widgets.lenses.pictures.lens import PictureLens
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.selection import position


class PatchDecoderLens(PictureLens):
    """A decoder that was trained on the model's tokens, laid on every state.

    Nothing is filled in from one vector: what is painted at a place comes from the tokens around.
    What cannot be recovered of a state is a finding about the model as much as about the decoder.

    Args:
        vit: The encoder.
        decoder: What paints its tokens, from `vl.load_decoder`.
        same_encoder: Say so of a copy under another name; see `Decoder.check_reads`.

    Raises:
        UsageError: A decoder of another encoder, or one that reads the readout.

    Source:
        Zheng et al. (2025), "Diffusion transformers with representation autoencoders", for
        decoders of tokens; Xu (2023), section 4.2, for one laid on every state.
    """

    name = "patch decoder lens"
    reads = "tokens"

    @clean
    def read(self, trace: Trace, states: States = None, *, alone: Any = None) -> DecodedPictures:
        """Paint states; each is told to the decoder.

        An interrupt (Ctrl-C) ends it and gives the pictures that are done, if any.

        Args:
            trace: The run, with its edits; the decoder does not see tokens that it dropped.
            states: Which, by number or name; None for all L + 1.
            alone: One token that the decoder shall see alone, by its index, the (row, column) of a
                patch or a prefix token's name; None for all.

        Raises:
            UsageError: A trace of another model, or a state or token that is not there.
        """
        trace = self.check(trace)
        chosen = chosen_states(trace, states)
        names = [self.vit.state_names[k] for k in chosen]
        whole = whole_states(trace, trace.states[chosen])
        how = self.how(1, None, None)._replace(hidden=hidden_tokens(trace, alone))
        final = whole_states(trace, trace.states[-1:])[0]
        return self._read(trace, names, whole, final, how, chosen, alone=alone)


def whole_states(trace: Trace, states: Tensor) -> Tensor:
    """States with zeros where tokens were dropped, float32 `[state, image, token, d]`."""
    every = states.new_zeros(*states.shape[:2], trace.layout.n_tokens, states.shape[-1])
    every[:, :, trace.tokens] = states.detach()
    return every.float()


def hidden_tokens(trace: Trace, alone: Any) -> Tensor | None:
    """Bool `[token]`: what was dropped, or all but one; None where nothing is hidden."""
    hidden = torch.ones(trace.layout.n_tokens, dtype=torch.bool)
    seen = (
        trace.tokens
        if alone is None
        else trace.tokens[[position(alone, trace.layout, trace.tokens)]]
    )
    hidden[seen.cpu()] = False
    return hidden if hidden.any() else None
