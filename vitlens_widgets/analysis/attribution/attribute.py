"""Direct logit attribution of a trace, and on average over a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.attribution.components import components, curve
from vitlens_widgets.analysis.attribution.mean import MeanAttribution
from vitlens_widgets.analysis.attribution.parts import Contributions, parts_of
from vitlens_widgets.analysis.attribution.result import Attribution
from vitlens_widgets.analysis.attribution.rows import Asked, Class, asked_of, targets_of
from vitlens_widgets.analysis.checks import check_trace, logits_of, title
from vitlens_widgets.analysis.experiment import Measures, experiment, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import check_flag
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.trace import Trace, ViT

Target = Class | Sequence[Class] | None


@experiment("trace")
def attribution(
    trace: Trace,
    target: Target = None,
    against: Class | None = None,
    *,
    sources: bool = False,
    neurons: bool = False,
    center: bool = False,
) -> Attribution:
    """What each component adds to the logit of a class, or to the difference of two.

    The final norm's scale is frozen at the value of the run (so is the length of an embedding that
    is compared with texts, and the weights of a pooling by attention); then what is written to the
    residual stream adds up. Components are the embedding (of each prefix token that is read, by its
    name, with its position; of patches their projection and position apart, where no norm stands
    behind them), each head
    through its gate, norm and layer scale, what each attention adds whatever its heads are, each
    MLP, and what the readout adds whatever the stream is: the norm's bias, a pooling's MLP and
    biases, the classifier's bias. They sum to the model's own logit, but for rounding (`rest`); in
    half precision, what rounding of the stream changes counts to the MLPs.

    Args:
        trace: The run, with its edits; what they put in is a component of its own.
        target: A class, or several to be asked about at once; None for each image's own answer.
        against: A class that every target is compared with; both biases are in the difference.
        sources: Whether heads are split by the keys that they read: which patch's value carried the
            class to the readout. `parts.sources`, and maps by `patches()`.
        neurons: Whether MLPs are split into neurons, `parts.neurons`; costs about two more forward
            passes.
        center: Whether the mean over all classes is taken from each logit, as TransformerLens and
            Prisma do (`center_unembed`); a difference of two classes is the same either way.

    Raises:
        UsageError: No trace, no classifier, a trace with gradients, no such class, one compared
            with itself, or a model whose answer is no sum of such parts (the sentence says why).

    Source:
        Elhage et al. (2021), "A mathematical framework for transformer circuits"; Wang et al.
        (2022), section 3.1; for a ViT, Joseph & Nanda (2024), "Laying the foundations for vision
        and multimodal mechanistic interpretability".

    Example:
        >>> found = vl.analysis.attribution(vit.trace(image), "cat", "dog", sources=True)
        >>> found.figure("curve")                   # the answer as it is put together
        >>> found.patches(layer=3, head=1)          # what one head carried, [row, col]
    """
    check_trace(trace)
    check_classifier(trace.vit)
    flags = {"sources": sources, "neurons": neurons, "center": center}
    sources, neurons, center = (check_flag(f"{name}=", one) for name, one in flags.items())
    labels, answers = trace.vit.labels, logits_of(trace).detach().argmax(-1).cpu()
    asked = asked_of(labels, *targets_of(labels, target, answers), against, center)
    return Attribution(
        title=title(trace, list(range(trace.n_images))),
        rows=asked.names,
        n_targets=asked.n_targets,
        parts=parts_of(trace, asked, sources=sources, neurons=neurons),
        layout=trace.layout,
        token_index=trace.tokens.cpu().numpy(),
    )


@over_data(MeanAttribution)
def mean_attribution(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    target: Target = None,
    against: Class | None = None,
    center: bool = False,
) -> Measures[MeanAttribution]:
    """What each component adds to the logit of a class, on average over images.

    As `attribution`, with half a 95 % interval over images for every number.

    Args:
        vit: The model.
        data: Images with their classes.
        target: A class, or several; None for each image's true class.
        against: A class that every target is compared with; with target=None no image may be of
            that class.
        center: Whether the mean over all classes is taken from each logit.

    Raises:
        UsageError: A data set or file that does not fit (see `run`), or as `attribution`.

    Example:
        >>> found = vl.analysis.mean_attribution(vit, vl.world.Scenes(), n_images=200)
        >>> found.figure("heads")
    """
    return _Mean(vit, target, against, center)


class _Mean(Measures[MeanAttribution]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "attribution"
    usual: ClassVar = {"target": None, "against": None, "center": False}

    def __init__(self, vit: ViT, target: Target, against: Class | None, center: bool) -> None:
        self._vit, self._target, self._against = vit, target, against
        self._center = check_flag("center=", center)
        targets = None if target is None else targets_of(vit.labels, target, _NO_ANSWERS)[1]
        self.settings = {
            "target": targets,
            "against": None if against is None else vit.labels[vit.labels.index(against)],
            "center": center,
        }

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the tallies of all parts, `[6, row, ...]` each."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        parts = parts_of(trace, self._asked(batch.classes))
        return {name: tally(one.swapaxes(0, 1)) for name, one in _listed(parts).items()}

    def result(self, done: Totals) -> MeanAttribution:
        """What it all says: components are found among tallies as they are among images."""
        parts = _unlisted({name: one.swapaxes(0, 1) for name, one in done.tallies.items()})
        listed = components(parts)
        adds = np.stack([one for _, one in listed], axis=1)  # [row, component, 6]
        asked = self._asked(_NO_ANSWERS)
        return MeanAttribution(
            title=done.title,
            rows=asked.names,
            n_targets=asked.n_targets,
            components=tuple(one for one, _ in listed),
            adds=spread(np.moveaxis(adds, -1, 0)),
            curve=spread(np.moveaxis(curve(parts), 1, 0)),
            n_images=done.n_images,
        )

    def _asked(self, classes: Tensor) -> Asked:
        labels = self._vit.labels
        targets, names = targets_of(labels, self._target, classes)
        if self._target is None:
            names = ["true class"]
        return asked_of(labels, targets, names, self._against, self._center)


_NO_ANSWERS = torch.zeros(0, dtype=torch.int64)


def _listed(parts: Contributions) -> dict[str, np.ndarray]:
    """All parts by name, `[row, image, ...]` each."""
    found = {name: getattr(parts, name) for name in _ARRAYS}
    for group in _GROUPS:
        found |= {f"{group} {name}": one for name, one in getattr(parts, group).items()}
    return {name: one for name, one in found.items() if one is not None}


def _unlisted(arrays: Mapping[str, np.ndarray]) -> Contributions:
    """The parts again."""
    groups: dict[str, dict[str, np.ndarray]] = {
        group: {
            name.removeprefix(f"{group} "): one
            for name, one in arrays.items()
            if name.startswith(f"{group} ")
        }
        for group in _GROUPS
    }
    alone = {name: arrays.get(name) for name in _ARRAYS}
    return Contributions(**cast("Any", {**alone, **groups}))


_ARRAYS = ("logits", "heads", "attention_biases", "mlps", "edits", "cumulative")
_GROUPS = ("embedding", "constants")
