"""`decoded_states`: from which state on pictures are of the image, and not of any image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.decoded.kinds import OF_OTHER, RANDOM, kinds, with_nulls
from vitlens_widgets.analysis.decoded.others import OtherImages, OwnNoise
from vitlens_widgets.analysis.decoded.painter import LensPainter, painter_of, settings_of, units
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_seed
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds, readout_of
from vitlens_widgets.lenses.pictures.steered import scaled_to
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


_KINDS = 3  # a state's own, another image's, and random


@dataclass(frozen=True, repr=False, eq=False)
class DecodedStates(Result):
    """What `decoded_states` found.

    Attributes:
        title: The model, the images, and unusual settings.
        state_names: Of the states.
        names: What was measured: `"picture"`, `"embedding"`, and both `" of another image"` and
            `" of a random direction"`; without a lens no picture.
        alike: The likeness to the input, `[measure, state]`, over images.
        ahead: The likeness of the state's own picture, or embedding, less each of the same kind,
            image by image, `[measure, state]`.
    """

    title: str
    state_names: tuple[str, ...] = field(repr=False)
    names: tuple[str, ...]
    alike: OverImages = field(repr=False)
    ahead: OverImages = field(repr=False)

    @property
    def first(self) -> int | None:
        """The first state from which on to the last one the likeness is above another image's.

        By the interval of their difference; None where the last one is not, or there is no other.
        """
        low = self.ahead.low[self.names.index(f"{self.names[0]}{OF_OTHER}")]
        not_above = np.flatnonzero(~(low > 0))
        start = int(not_above.max()) + 1 if len(not_above) else 0
        return start if start < len(low) else None

    def of(self, name: str) -> OverImages:
        """One measure's likeness, `[state]`.

        Raises:
            UsageError: It was not measured.
        """
        return self.alike.at(self.names.index(check_name(name, self.names)))

    def table(self) -> DataFrame:
        """A row per state: every likeness, and the lead over the nulls, with half the intervals."""
        columns: dict[str, list[Any]] = {"state": list(self.state_names)}
        for name in self.names:
            found = self.of(name)
            columns |= {name: found.mean.tolist(), f"± ({name})": found.half.tolist()}
        for i, name in enumerate(self.names):
            if OF_OTHER in name or RANDOM in name:
                lead = self.ahead.at(i)
                said = f"ahead of {name}"
                columns |= {said: lead.mean.tolist(), f"± ({said})": lead.half.tolist()}
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """Every likeness over the states, with 95 % intervals."""
        title = self.titled("likeness of states to the input")
        plot = charts.figure_over_states(title, list(self.state_names), "likeness, cosine")
        means = {name: self.of(name) for name in self.names}
        return charts.with_means(plot, "state", list(self.state_names), means)

    def summary(self) -> str:
        """The likenesses of the last state, and from which state on they are the image's own."""
        lines = [self.title, "likeness of the last state to the input:"]
        lines += [f"  {name}: {mean_and_half(self.of(name), -1)}" for name in self.names]
        start = "no state" if self.first is None else f"{self.state_names[self.first]} on"
        return "\n".join([*lines, f"above another image's {self.names[0]} from {start}"])


@over_data(DecodedStates, needs_classifier=False)
def decoded_states(
    vit: ViT,
    data: Dataset,
    *,
    lens: PictureLens | None = None,
    seeds: Seeds = 1,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
) -> Measures[DecodedStates]:
    """From which state on a picture is of its image: likeness of every state to the input.

    Likeness is the cosine of what the model pools of the picture and of the input. Beside it stand
    the likeness of the embedding itself, what the readout reads of the state, before any picture;
    and both of another image's state (one of the data set's first eight) to this image's input, and
    of a random direction as long as the state at each token. A picture that is no more alike than
    these says nothing of its image.

    Args:
        vit: The model.
        data: Images; their classes are not looked at.
        lens: What paints: `vl.DiffusionLens(vit, decoder)`, or `vl.PatchDecoderLens` of all tokens;
            None: no pictures, embeddings alone.
        seeds: Of the pictures, how many or which; likeness is a mean over them.
        steps: Of the decoder; None for its own number.
        guidance: Likewise.
        seed: Of the random directions.

    Raises:
        UsageError: A lens of another model, or what `run` refuses.

    Source:
        Toker et al. (2024), "Diffusion lens", for pictures of states; the nulls are our own.

    Example:
        >>> lens = vl.DiffusionLens(vit, decoder)
        >>> found = vl.analysis.decoded_states(vit, vl.world.Scenes(), lens=lens, n_images=50)
        >>> found.first, found.table()
    """
    painter = painter_of(vit, lens, None, seeds, steps, guidance)
    return _States(vit, data, painter, check_seed(seed))


class _States(Measures[DecodedStates]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "decoded states"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at
    usual: ClassVar = {
        "decoder": None,
        "seeds": [0],
        "steps": None,
        "guidance": None,
        "seed": 0,
    }

    def __init__(self, vit: ViT, data: Dataset, painter: LensPainter | None, seed: int) -> None:
        self._vit, self._painter, self._seed = vit, painter, seed
        self._others = OtherImages(vit, data)
        self.settings = {**settings_of(painter), "seed": seed}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the likenesses and the leads of their own."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        alike = self._alike(trace, batch)
        own = np.tile(alike[:, : alike.shape[1] // _KINDS], (1, _KINDS, 1))
        return {"alike": tally(alike), "ahead": tally(own - alike)}

    def result(self, done: Totals) -> DecodedStates:
        """What it all says."""
        names = with_nulls(kinds(self._painter))
        found = {name: spread(one) for name, one in done.tallies.items()}
        return DecodedStates(done.title, tuple(self._vit.state_names), tuple(names), **found)

    @clean
    @torch.no_grad()
    def _alike(self, trace: Trace, batch: ExampleBatch) -> np.ndarray:
        """By every measure, `[image, measure, state]`."""
        to = units(readout_of(self._vit, trace.states[-1]))
        others, noise = self._others.of(batch), OwnNoise(batch, self._seed)
        missing = np.array([one is None for one in others])
        another = self._others.trace.states[:, [0 if one is None else one for one in others]]
        random = torch.stack([scaled_to(noise.like(one), one) for one in trace.states])
        found: list[np.ndarray] = []
        for states in (trace.states, another, random):
            for by in self._of_states(states, to):
                found.append(np.where(missing, np.nan, by) if states is another else by)
        return np.stack(found).transpose(2, 0, 1)

    def _of_states(self, states: Tensor, to: np.ndarray) -> list[np.ndarray]:
        """The likeness of pictures, if any, and of embeddings: `[state, image]` each."""
        embeddings = torch.stack([readout_of(self._vit, one) for one in states])
        by = [(units(embeddings) * to).sum(-1)]
        if self._painter is None:
            return by
        tokens = self._painter.lens.reads == "tokens"
        decoded, told = (
            (states.detach().float(), range(len(states))) if tokens else (embeddings, None)
        )
        return [self._painter.alike(decoded, to, told), *by]
