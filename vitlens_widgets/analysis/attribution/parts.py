"""What each component of one run adds to the answer, computed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.attribution.rows import Asked
from vitlens_widgets.analysis.attribution.sources import read_keys
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import is_edited
from vitlens_widgets.trace.embedded import positions_of
from vitlens_widgets.trace.frozen_branch import Branch, branch
from vitlens_widgets.trace.frozen_readout import FrozenReadout, frozen_readout
from vitlens_widgets.trace.steady import in_a_row

STREAM = ("resid_pre", "resid_mid", "resid_post")


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each component adds, float64; the first axes are `[row, image]` everywhere.

    Attributes:
        logits: The model's own answer to what is asked, `[row, image]`.
        embedding: By name, `[row, image]`.
        heads: `[row, image, layer, head]`.
        attention_biases: What attention adds whatever its heads are, `[row, image, layer]`.
        mlps: `[row, image, layer]`; None where blocks have no MLP.
        edits: What edits of the stream, or of what is added to it, have put in,
            `[row, image, layer]`; None for a run without edits.
        constants: By name, `[row, image]`: see `FrozenReadout`.
        cumulative: After the embedding, and after attention and MLP of each block,
            `[row, image, 2 L + 1]`.
        sources: What each head adds by the key it read, float32
            `[row, image, layer, head, position]`; None where it was not asked for.
        neurons: What each neuron adds, float32 `[row, image, layer, neuron]`; None likewise.
        mlp_biases: With `neurons`: what the MLP adds whatever they are, `[row, image, layer]`.
    """

    logits: np.ndarray
    embedding: dict[str, np.ndarray]
    heads: np.ndarray
    attention_biases: np.ndarray
    mlps: np.ndarray | None
    edits: np.ndarray | None
    constants: dict[str, np.ndarray]
    cumulative: np.ndarray
    sources: np.ndarray | None = None
    neurons: np.ndarray | None = None
    mlp_biases: np.ndarray | None = None


@dataclass
class _Found:
    """What is found of one block, each `[asked, image, ...]`."""

    heads: Tensor
    bias: Tensor
    mlp: Tensor
    edits: Tensor
    before: Tensor
    """What state k adds."""
    middle: Tensor
    """The same after attention."""
    more: dict[str, Tensor] = field(default_factory=dict[str, Tensor])


def parts_of(
    trace: Trace, asked: Asked, *, sources: bool = False, neurons: bool = False
) -> Contributions:
    """Every component's part.

    Args:
        trace: The run.
        asked: What is asked of its logits.
        sources: Whether heads are split by the keys that they read.
        neurons: Whether MLPs are split into neurons; each block is run once more.

    Raises:
        UsageError: As `frozen_readout` and `branch`.
    """
    weights, layers = asked.weights.to(trace.states.device), range(trace.vit.n_layers)

    def found() -> tuple[FrozenReadout, list[_Found], dict[str, Tensor]]:
        readout = frozen_readout(trace, weights)
        blocks = [_of_block(trace, layer, readout, sources, neurons) for layer in layers]
        return readout, blocks, _embedding(trace, readout)

    readout, blocks, embedding = in_a_row(trace, "split into parts", found)

    def mixed(values: Tensor) -> np.ndarray:
        exact = values.detach().double().cpu()
        return np.tensordot(asked.mixing.numpy(), exact.numpy(), axes=1)

    def over_layers(name: str) -> np.ndarray:
        return mixed(torch.stack([getattr(block, name) for block in blocks], dim=2))

    more = {
        name: mixed(torch.stack([block.more[name] for block in blocks], dim=2))
        for name in blocks[0].more
    }
    has_mlp = "mlp_out" in trace.vit.adapter.hook_points(0)
    last = readout.adds(trace.states[-1])
    points = [one for block in blocks for one in (block.before, block.middle)]
    return Contributions(
        logits=mixed(readout.logits),
        embedding={name: mixed(one) for name, one in embedding.items()},
        heads=over_layers("heads"),
        attention_biases=over_layers("bias"),
        mlps=over_layers("mlp") if has_mlp else None,
        edits=over_layers("edits") if trace.edits else None,
        constants={name: mixed(one) for name, one in readout.constants.items()},
        cumulative=mixed(torch.stack([*points, last], dim=2)),
        sources=_short(more.get("sources")),
        neurons=_short(more.get("neurons")),
        mlp_biases=more.get("mlp bias"),
    )


def _short(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else values.astype(np.float32)


def _of_block(
    trace: Trace, layer: int, readout: FrozenReadout, sources: bool, neurons: bool
) -> _Found:
    """One block's parts; of the stream only the tokens that are read."""
    attention = branch(trace, layer, "z", readout, *(("q", "k", "v") if sources else ()))
    before, after = (readout.adds(trace.states[k]) for k in (layer, layer + 1))
    added = after - before - attention.whole
    mlp, edits = _mlp_and_edits(trace, layer, readout, added)
    found = _Found(
        heads=_summed(attention),
        bias=attention.bias,
        mlp=mlp,
        edits=edits + attention.edited,
        before=before,
        middle=before + attention.whole,
    )
    if sources:
        found.more["sources"] = read_keys(trace, layer, readout.tokens, attention)
    if neurons:
        inside = branch(trace, layer, "mlp_post", readout)
        found.more["neurons"] = torch.einsum("cirn,irn->cin", inside.gradient, inside.values)
        found.more["mlp bias"] = inside.bias
    return found


def _mlp_and_edits(
    trace: Trace, layer: int, readout: FrozenReadout, added: Tensor
) -> tuple[Tensor, Tensor]:
    """What the MLP adds, and what edits of the stream put in: the rest of the block's step."""
    points = trace.vit.adapter.hook_points(layer)
    edited = is_edited(trace, layer, *STREAM) or is_edited(trace, layer + 1, "resid_pre")
    if not edited and "mlp_out" in points:
        return added, torch.zeros_like(added)
    has_mlp = "mlp_out" in points
    mlp = readout.adds(trace["mlp_out", layer]) if has_mlp else torch.zeros_like(added)
    return mlp, added - mlp if edited else torch.zeros_like(added)


def _summed(attention: Branch) -> Tensor:
    """What each head adds, `[asked, image, head]`."""
    values, gradient = attention.values.double(), attention.gradient.double()
    return torch.einsum("cirhd,irhd->cih", gradient, values)


def _embedding(trace: Trace, readout: FrozenReadout) -> dict[str, Tensor]:
    """What state 0 adds, of prefix tokens and of patches, `[asked, image]` by name."""
    return {
        name: torch.einsum("cird,ird->ci", direction.to(vectors), vectors)
        for name, direction, vectors in _embedded(trace, readout)
    }


def _embedded(trace: Trace, readout: FrozenReadout) -> Iterator[tuple[str, Tensor, Tensor]]:
    """The parts of state 0 at the tokens that are read, with their directions."""
    tokens = trace.tokens[readout.tokens.cpu()]
    of_prefix = (tokens < trace.layout.n_prefix).to(readout.tokens.device)
    fine = torch.promote_types(trace.states.dtype, torch.float32)
    state = trace.states[0][:, readout.tokens].to(fine)
    for at in cast("list[int]", of_prefix.nonzero()[:, 0].tolist()):
        name = trace.layout.describe(int(tokens[at]))
        yield name, readout.direction[:, :, [at]], state[:, [at]]
    if of_prefix.all():
        return
    direction, patches = readout.direction[:, :, ~of_prefix], state[:, ~of_prefix]
    positions = positions_of(trace)
    if positions is None:
        yield "patches", direction, patches
        return
    n_prefix = int((trace.tokens < trace.layout.n_prefix).sum())
    own = positions[readout.tokens[~of_prefix] - n_prefix].to(fine).expand_as(patches)
    yield "patch projection", direction, patches - own
    yield "position", direction, own
