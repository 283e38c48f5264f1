"""How far what the package says of a model is from what the model does, as relative numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import vitlens_widgets as vl
from vitlens_widgets.trace.check import off, residual_sum, run_again, weighted_values
from vitlens_widgets.trace.frozen_readout import frozen_readout

N_CLASSES = 11
NOT_SPLIT = ("torchvision VisionTransformer, two layers before its classes",)
"""Whose answer is no sum of parts, and is refused as such."""


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
    parts: float | None = None
    refused: str = ""

    @property
    def worst(self) -> float:
        """The largest of all differences."""
        found = (self.logits, self.residual, self.attention, self.again, self.parts)
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
    classified = None if answer is None else _classified(vit, trace, pixels, answer)
    return Measured(
        name=name,
        library=library,
        tokens=layout.n_tokens,
        prefix=_counted(layout.prefix),
        grid=f"{layout.rows} x {layout.cols}",
        readout=vit.readout.name + ("" if vit.adapter.has_classifier else " (no classifier)"),
        logits=None if classified is None else _final_readout(*classified),
        residual=max(residual_sum(trace, layer) for layer in layers),
        attention=max(weighted_values(trace, layer) for layer in layers),
        again=max(run_again(trace, layer) for layer in layers),
        parts=None if classified is None or name in NOT_SPLIT else _parts(classified[0]),
    )


def random_pixels(image_size: tuple[int, int]) -> Tensor:
    """Two images of normalised noise."""
    return torch.randn(2, 3, *image_size, generator=torch.Generator().manual_seed(1))


def _classified(
    vit: vl.ViT, trace: vl.Trace, pixels: Tensor, answer: Tensor
) -> tuple[vl.Trace, Tensor]:
    """The trace with logits, and what they must be.

    Where there is no classifier, a random one is given, and put on what the library pools.
    """
    if vit.adapter.has_classifier:
        return trace, answer
    generator = torch.Generator().manual_seed(2)
    weight = torch.randn(N_CLASSES, answer.shape[1], generator=generator)
    bias = torch.randn(N_CLASSES, generator=generator)
    given = vl.load(vit.model, classifier=(weight, bias), image_size=vit.image_size)
    return given.trace(pixels, preprocessed=True), answer @ weight.T + bias


def _final_readout(trace: vl.Trace, answer: Tensor) -> float:
    """The lens at the last state, read at the readout, against the library's own forward."""
    vit = trace.vit
    reading = vl.LogitLens(vit).read(trace)
    assert reading.logits(vit.n_layers).shape == (2, vit.layout.n_tokens, answer.shape[1])
    return off(reading.readout.logits(vit.n_layers), answer)


def _parts(trace: vl.Trace) -> float:
    """What components, sources and neurons add, summed, against the model's own logits.

    What an MLP adds is what is left of its block's step, and so in that sum whatever it is: it is
    held against what the MLP itself gave.
    """
    neurons = "mlp_post" in trace.vit.adapter.hook_points(0)
    words = {"against": 1, "sources": True, "neurons": neurons}
    found = vl.analysis.attribution(trace, [0, 2], **words)
    parts, logits = found.parts, trace.logits.double().numpy()
    largest = np.abs(logits).max()
    asked = np.stack([*logits[:, [0, 2, 1]].T, *(logits[:, [0, 2]] - logits[:, [1]]).T])
    pairs = [
        (found.over_images().adds.mean.sum(1), asked.mean(1)),
        (parts.sources.sum(-1), parts.heads),
    ]
    if parts.mlps is not None:
        pairs.append((parts.mlps[:3], _of_mlps(trace, [0, 2, 1])))
    if neurons:
        pairs.append((parts.neurons.sum(-1) + parts.mlp_biases, parts.mlps))
    return max(float(np.abs(one - other).max() / largest) for one, other in pairs)


def _of_mlps(trace: vl.Trace, classes: list[int]) -> np.ndarray:
    """What each block's own `mlp_out` adds to some classes, `[class, image, layer]`."""
    rows = torch.eye(trace.logits.shape[1])[classes][:, None].expand(-1, trace.n_images, -1)
    readout = frozen_readout(trace, rows)
    found = [readout.adds(trace["mlp_out", layer]) for layer in range(trace.vit.n_layers)]
    return torch.stack(found, 2).double().numpy()


def _counted(prefix: tuple[str, ...]) -> str:
    registers = sum(name.startswith("register") for name in prefix)
    named = [name for name in prefix if not name.startswith("register")]
    counted = [f"{registers} register{'s' if registers > 1 else ''}"] if registers else []
    return " + ".join(named + counted) or "none"
