"""What lenses that paint pictures have in common: a model, its decoder, seeds, and one loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, as_list, check_count, check_seed, check_type
from vitlens_widgets.kinds import is_several
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.lenses.pictures.decoded_pictures import DecodedPictures
from vitlens_widgets.lenses.pictures.painted import How, PictureMaker
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.live import Live, all_of
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.vit import check_vit

Seeds = int | Sequence[int]


class PictureLens(Live):
    """A model and what paints pictures from its embeddings.

    Pictures that were painted are kept with the lens, so that what is asked for again is there at
    once, and a reading that was interrupted goes on where it ended.

    Args:
        vit: The encoder.
        decoder: What was trained on it, from `vl.load_decoder`.
        same_encoder: Say so of a copy under another name; see `Decoder.check_reads`.

    Raises:
        UsageError: A decoder of another encoder, or one that reads something else.
    """

    name: ClassVar[str]
    reads: ClassVar[Literal["readout", "tokens"]]
    kept_by = "make it again of the model and its decoder"

    def __init__(self, vit: ViT, decoder: Decoder, *, same_encoder: bool = False) -> None:
        check_vit(vit, type(self).__name__)
        check_type(
            type(self).__name__,
            decoder,
            Decoder,
            "a decoder from vl.load_decoder (its help says where there are some)",
        )
        if decoder.reads.what != self.reads:
            raise UsageError(
                f"A {self.name} paints the {self.reads} of states, and {decoder.name} reads their "
                f"{decoder.reads.what}: take the {_OTHER[self.reads]}."
            )
        decoder.check_reads(vit, same_encoder)
        self.vit, self.decoder, self._painter = vit, decoder, PictureMaker(decoder)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vit.name}, {self.decoder.name})"

    def _shared(self) -> Iterable[object]:
        """The model, and the decoder."""
        return (*all_of(self.vit), self.decoder)

    def check(self, trace: Any) -> Trace:
        """The trace, if it is of this lens's model.

        Raises:
            UsageError: It is not, or its weights have changed.
        """
        check_type(f"A {self.name}", trace, Trace, "a trace, vit.trace(images)")
        if trace.vit.model is not self.vit.model:
            raise UsageError(
                f"This {self.name} was made for {self.vit.name} (id {id(self.vit):x}), the trace "
                f"is of {trace.vit.name} (id {id(trace.vit):x}); trace and read with the same "
                "vl.load result."
            )
        trace.check_weights("decoded")
        return trace

    def _read(
        self,
        trace: Trace,
        names: Sequence[str],
        embeddings: Tensor,
        final: Tensor,
        how: How,
        states: Sequence[int] | None = None,
        **asked: Any,
    ) -> DecodedPictures:
        """Paint the last state first, then row after row."""
        told = None if states is None else [self.vit.n_layers, *states]
        pictures, done = self.paint(torch.cat([final[None], embeddings]), how, told)
        return DecodedPictures(
            title=f"{self.name} of {self.vit.name} by {self.decoder.name}",
            names=tuple(names),
            pictures=pictures[1:],
            done=done[1:],
            embeddings=embeddings,
            final=pictures[0],
            final_done=done[0],
            input=trace.pictures,
            seeds=how.seeds,
            vit=self.vit,
            asked={"lens": self, "trace": trace, "how": how, **asked},
        )

    def paint(
        self, embeddings: Tensor, how: How, states: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pictures of any embeddings, kept as those of `read`; see `PictureMaker.paint`.

        Args:
            embeddings: `[row, image, ...]`.
            how: From `how`.
            states: Which state each row is, for decoders that are told.
        """
        return self._painter.paint(embeddings, how, states)

    def stream(
        self, embeddings: Tensor, how: How, states: Sequence[int] | None = None
    ) -> Iterator[np.ndarray]:
        """The same, uint8 `[height, width, 3]`, one after the other: seeds, and images, of rows."""
        return (picture for _, picture in self._painter.stream(embeddings, how, states))

    def how(self, seeds: Seeds, steps: int | None, guidance: float | None) -> How:
        """The seeds 0, 1, ... of a number, or those that are listed; one where none matters.

        Raises:
            UsageError: They are none.
        """
        if is_several(seeds):
            given = [check_seed(one) for one in as_list("seeds=", seeds, "[0, 1]")]
            if not given:
                raise UsageError("seeds= takes how many, or some, such as [0, 1], not none.")
        else:
            given = list(range(check_count("seeds", seeds, least=1)))
        return How(tuple(given[:1] if self.decoder.steps == 1 else given), steps, guidance)


_OTHER = {"readout": "PatchDecoderLens", "tokens": "DiffusionLens or the SteeringLens"}


@clean
@torch.no_grad()
def readout_of(vit: ViT, state: Tensor) -> Tensor:
    """What the model pools of a state, `[image, token, d] -> [image, feature]`, float32."""
    return vit.adapter.readout_features(state).detach().float()
