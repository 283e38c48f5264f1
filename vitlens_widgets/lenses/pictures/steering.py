"""`SteeringLens`: what one head, or one MLP, writes, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, as_list, check_choice, check_count, check_seed
from vitlens_widgets.lenses.pictures.decoded_pictures import DecodedPictures
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds, readout_of
from vitlens_widgets.lenses.pictures.steered import (
    Mode,
    Writer,
    WrittenBy,
    added,
    scaled_to,
    steered,
)
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

Components = Literal["heads", "mlps"] | Sequence[Any]
Null = Literal["random", "other image"]
_SUCH_AS = "[(5, 0), (5, 1)]"


class SteeringLens(PictureLens):
    """The run's own readout with the contribution of one component made stronger, then its decoder.

    A head's raw output rarely looks like anything. Added to the last state it says what the head
    gives to the picture: with `mode="frozen"` by its direct path alone.

    Args:
        vit: The encoder.
        decoder: What paints its readout, from `vl.load_decoder`.
        same_encoder: Say so of a copy under another name; see `Decoder.check_reads`.

    Raises:
        UsageError: A decoder of another encoder, or one that reads tokens.

    Source:
        Takatsuki, Joseph, Fujisawa & Kanai (2025), "Decoding vision transformers: the diffusion
        steering lens". Their code cannot be had; for the algebra see `steered`.

    Example:
        >>> lens = SteeringLens(vit, decoder)
        >>> found = lens.read(vit.trace(image), [(5, 0), (5, None)], strength=8, seeds=1)
        >>> found.ranking()
    """

    name = "steering lens"
    reads = "readout"

    @clean
    def read(
        self,
        trace: Trace,
        components: Components = "heads",
        *,
        strength: float = 8.0,
        mode: Mode = "frozen",
        seeds: Seeds = 1,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> DecodedPictures:
        """Paint components, in the order in which they are given.

        An interrupt (Ctrl-C) ends it and gives the pictures that are done, if any.

        Args:
            trace: The run, with its edits.
            components: `"heads"`, `"mlps"`, or a list of (layer, head), of which the head is None
                for the MLP.
            strength: What the contribution is multiplied by; 1 changes nothing, 0 takes it away,
                infinity leaves nothing else.
            mode: `"frozen"` or `"rerun"`; see `steered`.
            seeds: How many, or which.
            steps: Of the decoder; None for its own number.
            guidance: Likewise.

        Raises:
            UsageError: A trace of another model, a component that is not there or has no output of
                its own, or what the decoder does not take.
        """
        trace = self.check(trace)
        chosen = self._chosen(components)
        how = self.how(seeds, steps, guidance)
        written = WrittenBy(trace)
        embeddings = torch.stack(
            [readout_of(self.vit, steered(trace, one, strength, mode, written)) for one in chosen]
        )
        final = readout_of(self.vit, trace.states[-1])
        names = [str(one) for one in chosen]
        return self._read(trace, names, embeddings, final, how, strength=strength, mode=mode)

    @clean
    def null(
        self,
        trace: Trace,
        components: Components = "heads",
        kind: Null = "random",
        *,
        n: int = 1,
        strength: float = 8.0,
        mode: Mode = "frozen",
        seeds: Seeds = 1,
        steps: int | None = None,
        guidance: float | None = None,
        directions_seed: int = 0,
    ) -> DecodedPictures:
        """Paint, in the place of what components write, what says nothing of the image.

        All is as in `read` with the same strength, mode and seeds.

        Args:
            trace: The run.
            components: As in `read`.
            kind: `"random"`: random directions, at each token as long as what the component writes
                there; `"other image"`: what it writes in another image of the run.
            n: How many of each component: random directions, or images further on.
            strength: As in `read`.
            mode: As in `read`.
            seeds: As in `read`.
            steps: As in `read`.
            guidance: As in `read`.
            directions_seed: Of the random directions.

        Raises:
            UsageError: As `read`, or more other images than there are.
        """
        trace = self.check(trace)
        check_choice("kind", kind, ("random", "other image"))
        random = kind == "random"
        check_count("n", n, least=1, most=float("inf") if random else trace.n_images - 1)
        generator = torch.Generator().manual_seed(check_seed(directions_seed))
        names: list[str] = []
        found: list[Tensor] = []
        written = WrittenBy(trace)
        for one in self._chosen(components):
            own = written.of(one)
            for i in range(1, n + 1):
                other = as_long(own, generator) if random else own.roll(i, 0)
                names.append(f"{one}, {kind} {i}")
                found.append(readout_of(self.vit, added(trace, one, other, strength, mode)))
        final, how = readout_of(self.vit, trace.states[-1]), self.how(seeds, steps, guidance)
        return self._read(trace, names, torch.stack(found), final, how)

    def _chosen(self, components: Any) -> list[Writer]:
        layers, heads = range(self.vit.n_layers), range(self.vit.n_heads)
        if isinstance(components, str):
            if components not in ("heads", "mlps"):
                raise UsageError(
                    f'components takes "heads", "mlps" or a list such as {_SUCH_AS}, not '
                    f'"{components}".'
                )
            every = heads if components == "heads" else (None,)
            return [Writer(layer, head) for layer in layers for head in every]
        given = as_list("components", components, _SUCH_AS)
        if not given:
            raise UsageError(f"components takes some, such as {_SUCH_AS}, not none.")
        return [self._component(one) for one in given]

    def _component(self, given: Any) -> Writer:
        try:
            layer, head = given
        except (TypeError, ValueError):
            raise UsageError(
                f"A component is a pair (layer, head), or (layer, None) for an MLP, not {given!r}."
            ) from None
        layer = check_index("layer", layer, self.vit.n_layers)
        return Writer(layer, None if head is None else check_index("head", head, self.vit.n_heads))


def as_long(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Random directions, each as long as one of the vectors `[..., d]`, of the same shape."""
    return scaled_to(torch.randn(vectors.shape, generator=generator).to(vectors), vectors)
