"""`Decoder`: from what an encoder made of an image back to a picture.

A decoder belongs to one encoder. Some read its readout embedding, one vector, and fill in by
themselves what that does not say; others read all tokens of a state, and paint what is there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import (
    UsageError,
    as_list,
    check_count,
    check_flag,
    check_number,
    check_seed,
    check_type,
)
from vitlens_widgets.kinds import is_several
from vitlens_widgets.lenses.same_encoder import makes_the_same
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT

MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Reads:
    """What a decoder reads.

    Attributes:
        what: `"readout"`, the pooled features that the encoder's classifier reads, `[feature]`; or
            `"tokens"`, a state of the residual stream, `[token, d]`.
        encoder: The model that it was trained on, as `vl.load` takes it; "" where it does not say.
        shape: Of one embedding: `(feature,)` or `(token, d)`.
        normalised: What the decoder itself does to an embedding first, in words.
        states: How many states it can be told to read; 0 where it is not told.
    """

    what: Literal["readout", "tokens"]
    encoder: str
    shape: tuple[int, ...]
    normalised: str
    states: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What a decoder is asked beside the embeddings; see `Decoder.decode`."""

    seed: int
    steps: int
    guidance: float
    states: tuple[int, ...]
    hidden: Tensor | None


class Decoder(ABC):
    """Paints pictures from the embeddings of one encoder: `vl.load_decoder` makes one.

    Attributes:
        name: What it is loaded as.
        reads: What it reads; see `Reads`.
        size: (height, width) of its pictures in pixels.
        steps: Steps from noise to a picture, by default; 1 for one that paints at once.
        guidance: How far it goes from what it paints of nothing towards what it paints of the
            embedding, by default: 1 is what it was trained on.
        at_once: How many pictures it paints together.
        hides: Whether tokens can be hidden from it.
    """

    name: str
    reads: Reads
    size: tuple[int, int]
    steps: int = 1
    guidance: float = 1.0
    at_once: int = 8
    hides: bool = False

    def __repr__(self) -> str:
        height, width = self.size
        of = f"{self.reads.what} of {self.reads.encoder or 'its encoder'}"
        return f"{type(self).__name__}({self.name}: {of} -> {height} x {width} pixels)"

    def decode(
        self,
        embedding: Any,
        *,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        state: int | Sequence[int] | None = None,
        hidden: Any = None,
    ) -> Iterator[np.ndarray]:
        """Paint one picture after the other.

        It can be stopped at any time: no more is painted than is asked for, a few pictures ahead.

        Args:
            embedding: `[picture, *reads.shape]`, or one without the first axis. What the encoder
                gives, not normalised: see `reads`.
            seed: Of the noise that pictures begin as: one noise for all of a call, so that a
                difference between them comes from the embeddings. Without effect on decoders of
                one step.
            steps: From noise to a picture; more are finer and slower.
            guidance: See the attribute.
            state: Which state the tokens are, 0 to L, one for all or for each; for decoders that
                must be told (`reads.states`).
            hidden: Bool `[token]` or `[picture, token]`: tokens that it shall not see; for decoders
                that can do so (`hides`).

        Yields:
            uint8 `[height, width, 3]`, in the order of the embeddings.

        Raises:
            UsageError: An embedding of another shape or that is not finite, or an argument that
                this decoder does not take.

        Example:
            >>> decoder = vl.load_decoder("my-decoder")
            >>> pictures = list(decoder.decode(trace.states[3], state=3))
        """
        embedding = self._checked(embedding)
        request = Request(
            check_seed(seed),
            self.steps if steps is None else self._checked_steps(steps),
            self.guidance if guidance is None else self._checked_guidance(guidance),
            self._checked_states(state, len(embedding)),
            self._checked_hidden(hidden, len(embedding)),
        )
        return self._stream(embedding, request)

    @property
    def device(self) -> torch.device:
        """Where it paints: what it is given is moved there."""
        return torch.device("cpu")

    def encoded(self, pixels: Tensor) -> Tensor | None:  # noqa: ARG002
        """What its own encoder makes of preprocessed pixels, for those that carry or know theirs.

        Args:
            pixels: `[image, 3, height, width]`.

        Returns:
            `[image, *reads.shape]`; None without an encoder, or where it takes another size.
        """
        return None

    @abstractmethod
    def paint(self, embedding: Tensor, request: Request) -> Tensor:
        """A few pictures at once.

        Args:
            embedding: Float32 `[picture, *reads.shape]`, on its own device.
            request: The rest; its states and hidden tokens are those of these pictures.

        Returns:
            `[picture, 3, height, width]`, brightness from 0 to 1; what is beyond is cut off.
        """

    def check_reads(self, vit: ViT, same_encoder: bool = False) -> None:
        """Refuse the model of another encoder than the one it was trained on.

        Both are shown one image, if the decoder carries its encoder or that is embedded, and if
        both take the same size. Else the name is held against that of its encoder.

        Args:
            vit: The model.
            same_encoder: Whether it is the decoder's own, whatever its name: then that is believed,
                where nothing else can be compared.

        Raises:
            UsageError: Its embeddings are of another shape, it makes something else of an image
                than the decoder's own encoder, or it has another name.
        """
        check_type("A decoder", vit, ViT, 'a model from vl.load, such as vl.load("toy/clip")')
        check_flag("same_encoder=", same_encoder)
        tokens = (vit.layout.n_tokens, vit.width)
        theirs = tokens if self.reads.what == "tokens" else (vit.adapter.n_features,)
        theirs_is = self.reads.encoder and f', vl.load("{self.reads.encoder}")'
        load = f"load the model that it was trained on{theirs_is}."
        if theirs != self.reads.shape:
            raise UsageError(
                f"{self.name} reads {_in_words(self.reads.shape)} numbers of {self.reads.what}, "
                f"and {vit.name} has {_in_words(theirs)}: {load}"
            )
        same = makes_the_same(vit, self.reads.what, self.encoded)
        if same is False:
            raise UsageError(
                f"{self.name} was trained on {self.reads.encoder or 'the encoder that it carries'},"
                f" and {vit.name} makes something else of an image: {load}"
            )
        named = not self.reads.encoder or vit.name == self.reads.encoder
        if same is None and not named and not same_encoder:
            raise UsageError(
                f"{self.name} was trained on {self.reads.encoder}; whether {vit.name} is a copy of "
                "it cannot be told here, and what another model makes of an image means something "
                f"else: {load[:-1]}, or say same_encoder=True if it is."
            )

    def _stream(self, embedding: Tensor, request: Request) -> Iterator[np.ndarray]:
        for start in range(0, len(embedding), self.at_once):
            these = slice(start, start + self.at_once)
            hidden = None if request.hidden is None else request.hidden[these]
            part = Request(
                request.seed, request.steps, request.guidance, request.states[these], hidden
            )
            yield from self._painted(embedding[these], part)

    @clean
    @torch.no_grad()
    def _painted(self, embedding: Tensor, request: Request) -> np.ndarray:
        """uint8 `[picture, height, width, 3]`."""
        hidden = None if request.hidden is None else request.hidden.to(self.device)
        request = replace(request, hidden=hidden)
        levels = self.paint(embedding.to(self.device), request).float().clamp(0, 1).mul(255).round()
        return levels.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()

    def _checked(self, embedding: Any) -> Tensor:
        """Float32 `[picture, *shape]`."""
        shape = self.reads.shape
        try:
            given = torch.as_tensor(embedding).detach().float()
        except (TypeError, ValueError, RuntimeError):
            given = None
        if given is not None and tuple(given.shape) == shape:
            given = given[None]
        if given is None or given.ndim != len(shape) + 1 or tuple(given.shape[1:]) != shape:
            found = type(embedding).__name__ if given is None else _in_words(tuple(given.shape))
            raise UsageError(
                f"{self.name} decodes [picture, {_in_words(shape)}], the {self.reads.what} of "
                f"{self.reads.encoder or 'its encoder'}, not {found}."
            )
        if not given.isfinite().all():
            raise UsageError(f"What {self.name} shall decode has numbers that are not finite.")
        return given

    def _checked_steps(self, steps: Any) -> int:
        if self.steps == 1 and steps != 1:
            raise UsageError(f"{self.name} paints in one step; steps= is for decoders of several.")
        return check_count("steps", steps, 1, MOST_STEPS)

    def _checked_guidance(self, guidance: Any) -> float:
        if self.steps == 1 and guidance != 1:
            raise UsageError(f"{self.name} paints in one step, which nothing can guide.")
        return check_number("guidance", guidance)

    def _checked_states(self, state: Any, pictures: int) -> tuple[int, ...]:
        """One for each picture; none where they are not told."""
        if self.reads.states == 0:
            if state is not None:
                raise UsageError(f"{self.name} is not told which state it reads; leave out state=.")
            return ()
        if state is None:
            last = self.reads.states - 1
            raise UsageError(
                f"{self.name} must be told which state the tokens are: state=0 to {last}."
            )
        states = as_list("state=", state, "[0, 3]") if is_several(state) else [state] * pictures
        if len(states) != pictures:
            raise UsageError(f"There are {pictures} embeddings and {len(states)} states in state=.")
        return tuple(check_count("state", one, 0, self.reads.states - 1) for one in states)

    def _checked_hidden(self, hidden: Any, pictures: int) -> Tensor | None:
        """Bool `[picture, token]`."""
        if hidden is None:
            return None
        if not self.hides:
            raise UsageError(f"{self.name} reads all of an embedding; leave out hidden=.")
        tokens = self.reads.shape[0]
        mask = torch.as_tensor(hidden)
        if mask.dtype != torch.bool or tuple(mask.shape) not in ((tokens,), (pictures, tokens)):
            raise UsageError(
                f"hidden= is {mask.dtype} of {_in_words(tuple(mask.shape))}; it must be bool, "
                f"[{tokens}] or [{pictures}, {tokens}], True where a token is hidden."
            )
        return mask.expand(pictures, tokens)


def _in_words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
