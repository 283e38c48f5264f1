"""A decoder whose pictures are known: a linear map of what it reads."""

from __future__ import annotations

import numpy as np
import torch

from vitlens_widgets.lenses.decoder import Decoder, Reads

SIZE = (16, 12)


class Fixed(Decoder):
    """Paints a linear map of what it reads, in steps that add noise of its seed."""

    def __init__(self, vit, what="readout", steps=3):
        self.name, self.size, self.steps, self.at_once = "fixed", SIZE, steps, 2
        tokens = (vit.layout.n_tokens, vit.width)
        shape = tokens if what == "tokens" else (vit.adapter.n_features,)
        states = vit.n_layers + 1 if what == "tokens" else 0
        self.reads = Reads(what, vit.name, shape, "as it is", states)
        generator = torch.Generator().manual_seed(4)
        self.weight = 0.2 * torch.randn(3 * 16 * 12, int(np.prod(shape)), generator=generator)
        self.hides, self.painted = what == "tokens", 0
        self.stop_after = None

    def paint(self, embedding, request):
        if self.stop_after is not None and self.painted >= self.stop_after:
            raise KeyboardInterrupt
        self.painted += len(embedding)
        seen = embedding
        if request.hidden is not None:
            seen = embedding.masked_fill(request.hidden[..., None], 0)
        levels = seen.flatten(1) @ self.weight.T / seen[0].numel() ** 0.5 + 0.5
        noise = torch.rand(1, generator=torch.Generator().manual_seed(request.seed)) * 0.1
        return (levels + noise + 0.01 * sum(request.states)).unflatten(1, (3, *SIZE))
