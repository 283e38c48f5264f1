"""How far what the package says of a model is from what the model does, as relative numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import vitlens_widgets as vl
from vitlens_widgets.trace.check import off, residual_sum, run_again, weighted_values

N_CLASSES = 11


@dataclass(frozen=True)
class Measured:
    """One row of the table; differences are the largest, relative to the largest value."""

    name: str
    library: str
    tokens: int = 0
    prefix: str = ""
    grid: str = ""
    readout: str = ""
    logits: float | None = None
    residual: float | None = None
    attention: float | None = None
    again: float | None = None
    refused: str = ""

    @property
    def worst(self) -> float:
        """The largest of all differences."""
        found = (self.logits, self.residual, self.attention, self.again)
        return max(value for value in found if value is not None)


Forward = Callable[[Tensor], "Tensor | None"]
"""The library's own forward: pixels to logits, or, without a classifier, to what it pools."""


def measure(
    name: str,
    library: str,
    model: nn.Module,
    forward: Forward,
    **load_words: Any,
) -> Measured:
    """One model against itself; one that is refused gives its sentence."""
    try:
        vit = vl.load(model, **load_words)
    except vl.UnsupportedModelError as refusal:
        return Measured(name, library, refused=str(refusal))
    pixels = random_pixels(vit.image_size)
    with torch.no_grad():
        answer = forward(pixels)
    trace = vit.trace(pixels, keep="all", preprocessed=True)
    layout, layers = vit.layout, range(vit.n_layers)
    return Measured(
        name=name,
        library=library,
        tokens=layout.n_tokens,
        prefix=_counted(layout.prefix),
        grid=f"{layout.rows} x {layout.cols}",
        readout=vit.readout.name + ("" if vit.adapter.has_classifier else " (no classifier)"),
        logits=None if answer is None else _final_readout(vit, trace, pixels, answer),
        residual=max(residual_sum(trace, layer) for layer in layers),
        attention=max(weighted_values(trace, layer) for layer in layers),
        again=max(run_again(trace, layer) for layer in layers),
    )


def random_pixels(image_size: tuple[int, int]) -> Tensor:
    """Two images of normalised noise."""
    return torch.randn(2, 3, *image_size, generator=torch.Generator().manual_seed(1))


def _final_readout(vit: vl.ViT, trace: vl.Trace, pixels: Tensor, answer: Tensor) -> float:
    """The lens at the last state, read at the readout, against the library's own forward.

    Where there is no classifier, a random one is given, and put on what the library pools.
    """
    if not vit.adapter.has_classifier:
        generator = torch.Generator().manual_seed(2)
        weight = torch.randn(N_CLASSES, answer.shape[1], generator=generator)
        bias = torch.randn(N_CLASSES, generator=generator)
        size = vit.image_size
        vit = vl.load(vit.model, classifier=(weight, bias), image_size=size)
        trace = vit.trace(pixels, preprocessed=True)
        answer = answer @ weight.T + bias
    reading = vl.LogitLens(vit).read(trace)
    assert reading.logits(vit.n_layers).shape == (2, vit.layout.n_tokens, answer.shape[1])
    return off(reading.readout.logits(vit.n_layers), answer)


def _counted(prefix: tuple[str, ...]) -> str:
    registers = sum(name.startswith("register") for name in prefix)
    named = [name for name in prefix if not name.startswith("register")]
    counted = [f"{registers} register{'s' if registers > 1 else ''}"] if registers else []
    return " + ".join(named + counted) or "none"
