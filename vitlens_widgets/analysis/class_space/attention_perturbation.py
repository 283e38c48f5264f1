"""What image tokens still know of the class when attention between tokens is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.boxes import Boxes, boxes_of_ranks
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.evolution import (
    MEANINGS,
    Ranks,
    added,
    counted_ranks,
    evolution,
    figure_of_boxes,
    ranks,
)
from vitlens_widgets.analysis.class_space.rules import Rule, check_choice, check_rule
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, as_list
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.edits import Edit, KnockOut, Replace

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

KINDS = {
    "self_only": "each image token attends to itself alone, with weight 1",
    "no_cls": "no image token attends to CLS; the other weights stay as they are",
}
"""What is done to the attention weights of every head in every block; CLS attends as ever."""

_UNPERTURBED = "unperturbed"


@dataclass(frozen=True, eq=False)
class AttentionPerturbation(Result):
    """What `attention_perturbation` found.

    Attributes:
        title: The model, the number of images and where they are from.
        state_names: `["0_pre", ..., "final"]`.
        n_images: Of how many images.
        values: By "unperturbed" and kind of perturbation: each measure of `identifiability` over
            images, `[state]`.
        counts: By the same: how many of the tokens that are counted have the true class at each
            rank, from 1, int64 `[state, rank]`.
        changes: By kind: the rate less that of the unperturbed model, a mean over images,
            `[state]`.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    state_names: list[str]
    n_images: int
    values: Mapping[str, Mapping[str, OverImages]] = field(repr=False)
    counts: Mapping[str, np.ndarray] = field(repr=False)
    changes: Mapping[str, OverImages] = field(repr=False)
    paper: str = ""

    @property
    def published(self) -> dict[str, float]:
        """The paper's rates at the last block, for this model."""
        known = dict(published.PERTURBED.get(self.paper, {}))
        return known and {_UNPERTURBED: published.RATES[self.paper].rate, **known}

    @property
    def boxes(self) -> dict[str, Boxes]:
        """The scores of the tokens that are counted, `[state]`, for `figure("boxes")`."""
        return {kind: boxes_of_ranks(counts) for kind, counts in self.counts.items()}

    def table(self) -> DataFrame:
        """A row per kind, at the final state: rate and accuracy, each with half its interval."""
        rates, accuracies = (
            [one[name] for one in self.values.values()] for name in ("rate", "readout_rate")
        )
        changes = [self.changes.get(kind) for kind in self.values]
        columns: dict[str, list[Any]] = {
            "attention": list(self.values),
            "rate": [float(one.mean[-1]) for one in rates],
            "± (rate)": [float(one.half[-1]) for one in rates],
            "change": [one and float(one.mean[-1]) for one in changes],
            "± (change)": [one and float(one.half[-1]) for one in changes],
            "accuracy": [float(one.mean[-1]) for one in accuracies],
            "± (accuracy)": [float(one.half[-1]) for one in accuracies],
        }
        if self.published:
            columns[f"rate, {published.SOURCE}"] = [self.published.get(k) for k in self.values]
        return frame(columns, self.title)

    def summary(self) -> str:
        """The rate of each kind at the final state."""
        rates = {kind: mean_and_half(one["rate"], -1) for kind, one in self.values.items()}
        lines = [f"identifiability rate, {kind}: {rate}" for kind, rate in rates.items()]
        return "\n".join([self.title, *lines])

    def figure(self, name: str = "rate") -> Figure:
        """One measure state by state, with attention as it is and perturbed, and 95 % intervals.

        Args:
            name: One of the measures of `identifiability`, or `"boxes"`: the scores of the tokens
                that are counted, as box plots.

        Raises:
            UsageError: There is no such measure.
        """
        check_name(name, [*MEANINGS, "boxes"])
        if name == "boxes":
            n_classes = next(iter(self.counts.values())).shape[-1]
            return figure_of_boxes(
                self.titled("identifiability scores as boxes"),
                self.state_names,
                self.boxes,
                n_classes,
            )
        quantity = MEANINGS[name].split(":")[0]
        plot = charts.figure_over_states(
            self.titled(f"{quantity} by state"), self.state_names, quantity
        )
        means = {kind: measures[name] for kind, measures in self.values.items()}
        known = self.published if name == "rate" else {}
        before = [float("nan")] * (len(self.state_names) - 1)
        beside = {
            f"{kind}, {published.SOURCE}": [*before, known[kind]] for kind in means if kind in known
        }
        return charts.with_means(plot, "state", self.state_names, means, beside)


@over_data(AttentionPerturbation)
def attention_perturbation(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    kinds: Sequence[str] | None = None,
    rule: Rule = "released",
) -> Measures[AttentionPerturbation]:
    """How identifiability falls when image tokens may not attend to others, or not to CLS.

    After the softmax of every head in every block, weights of image tokens are replaced, and what
    is left is not scaled to sum to 1: `KINDS` says how. The paper says of "self_only" that image
    tokens do not attend to other image tokens; in the authors' code, and here, they do not attend
    to CLS either.

    Args:
        vit: The model.
        data: Images with their classes.
        kinds: Of `KINDS`; None for those that the model can have ("no_cls" needs a CLS token).
        rule: Over which tokens the perturbed rates are counted: "released" takes all of the
            sequence, CLS too, although the unperturbed rate is of image tokens alone; "text" takes
            image tokens for both, and only then the change is of the same tokens.

    Raises:
        UsageError: An unknown kind, one that the model cannot have, or what `run` refuses.

    Source:
        Vilas et al. (2023), section 5.1, and their code.

    Example:
        >>> vl.analysis.attention_perturbation(vit, vl.world.Scenes(), n_images=200).table()
    """
    return _PerturbationMeasure(vit, kinds, rule)


def perturbing(vit: ViT, kind: str) -> list[Edit]:
    """The edits that perturb attention in this way.

    Args:
        vit: The model.
        kind: One of `KINDS`.

    Raises:
        UsageError: An unknown kind, or a model without CLS that is to be cut off from it.
    """
    check_choice("kind", kind, list(KINDS))
    layout, layers = vit.layout, range(vit.n_layers)
    if kind == "self_only":
        alone = torch.eye(layout.n_tokens)[layout.patches]
        return [Replace("pattern", layers, alone, query=layout.patches)]
    if not _has_cls(vit):
        raise UsageError(f'{vit.name} has no CLS token, so that "no_cls" changes nothing.')
    return [KnockOut(layers, query=layout.patches, key=0, when="pattern")]


class _PerturbationMeasure(Measures[AttentionPerturbation]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "attention perturbation"
    usual: ClassVar = {"rule": "released"}

    def __init__(self, vit: ViT, kinds: Sequence[str] | None, rule: Rule) -> None:
        possible = [kind for kind in KINDS if kind != "no_cls" or _has_cls(vit)]
        kinds = possible if kinds is None else [kinds] if isinstance(kinds, str) else kinds
        kinds = as_list("kinds=", kinds, '["self_only"]')
        self._vit = vit
        self._edits = {kind: perturbing(vit, kind) for kind in kinds}
        self._perturbed = slice(None) if check_rule(rule) == "released" else vit.layout.patches
        self.settings = {"rule": rule, "kinds": kinds}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to each kind's measures, and to the changes of the rate."""
        patches = self._vit.layout.patches
        before = ranks(self._vit, batch)
        found = self._added(_UNPERTURBED, before, patches)
        rate = (before.tokens[..., patches] == 1).mean(-1)
        for kind, edits in self._edits.items():
            after = ranks(self._vit, batch, edits)
            found |= self._added(kind, after, self._perturbed)
            perturbed = (after.tokens[..., self._perturbed] == 1).mean(-1)
            found[f"change {kind}"] = tally(perturbed - rate)
        return found

    def result(self, done: Totals) -> AttentionPerturbation:
        """What it all says."""
        sums = {kind: self._of_kind(done, kind) for kind in (_UNPERTURBED, *self._edits)}
        return AttentionPerturbation(
            title=done.title,
            state_names=self._vit.state_names,
            n_images=done.n_images,
            values={kind: evolution(own) for kind, own in sums.items()},
            counts={kind: counted_ranks(own)["image_tokens"] for kind, own in sums.items()},
            changes={kind: spread(done.tallies[f"change {kind}"]) for kind in self._edits},
            paper=self._vit.paper,
        )

    def _added(self, kind: str, found: Ranks, tokens: slice) -> dict[str, np.ndarray]:
        measures = added(found, len(self._vit.labels), tokens, tokens)
        return {f"{kind}: {name}": one for name, one in measures.items()}

    def _of_kind(self, done: Totals, kind: str) -> dict[str, np.ndarray]:
        start = f"{kind}: "
        return {n.removeprefix(start): t for n, t in done.tallies.items() if n.startswith(start)}


def _has_cls(vit: ViT) -> bool:
    return vit.layout.prefix[:1] == ("CLS",)
