"""Key-value agreement: whether the memories that a token calls up are those of its class."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np
import torch

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.groups import grouped
from vitlens_widgets.analysis.class_space.rules import Rule, check_choice, check_rule
from vitlens_widgets.analysis.images import check_top
from vitlens_widgets.analysis.memories.called_up import Seen, stored_in
from vitlens_widgets.analysis.memories.weights import (
    ADDED,
    KINDS,
    check_not_gated,
    kinds_of,
)
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, run, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

MEASURES = {
    "agreement": "share of tokens whose strongest memories include one of the true class",
    "chance": "the same for a class drawn at random instead of the true one",
    "single memory": "share of tokens for which one of the strongest memories alone says first "
    "what the sub-block says first; of the others, its answer is a composition",
}
"""What is measured in every block, over all tokens of the sequence."""


class Answers(NamedTuple):
    """Agreement at the first token, CLS where there is one, `[block]`."""

    right: np.ndarray
    """Share of the images that the model classifies right."""
    wrong: np.ndarray
    """Share of those that it does not."""
    p: np.ndarray
    """One-sided p of a difference as large or larger, over all ways to shuffle the images."""


@dataclass(frozen=True, eq=False)
class KeyValueAgreement:
    """What `key_value_agreement` found; blocks are counted from 0, in the paper from 1.

    Attributes:
        title: The model, the number of images and where they are from.
        n_images: Of how many images.
        values: By (kind of memory, measure of `MEASURES`), `[block]`. "agreement" and "chance" are
            means over classes of the means over their images; their spread is that of classes.
            "single memory" is a mean over images.
        answers: By kind, `Answers`.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    n_images: int
    values: Mapping[tuple[str, str], OverImages] = field(repr=False)
    answers: Mapping[str, Answers] = field(repr=False)
    paper: str = ""

    @property
    def kinds(self) -> list[str]:
        """The kinds of memories that the model has."""
        return list(self.answers)

    @property
    def n_blocks(self) -> int:
        """How many blocks the model has."""
        return len(next(iter(self.values.values())).mean)

    @property
    def published(self) -> dict[tuple[str, str], np.ndarray]:
        """The paper's rates for this model, `[block]`; NaN where they could not be read off."""
        return {
            (kind, name): published.placed(by_block, self.n_blocks)
            for name, known in published.MEMORIES.items()
            for kind, by_block in known.get(self.paper, {}).items()
        }

    def table(self, name: str = "agreement") -> DataFrame:
        """A row per block: one of `MEASURES` for each kind of memory, with half its interval.

        Raises:
            UsageError: There is no such measure.
        """
        check_measure(name)
        columns: dict[str, list] = {"block": list(range(self.n_blocks))}
        for kind in self.kinds:
            columns[kind] = self.values[kind, name].mean.tolist()
            columns[f"± ({kind})"] = self.values[kind, name].half.tolist()
            if name == "agreement":
                columns[f"{kind}, random class"] = self.values[kind, "chance"].mean.tolist()
            if (kind, name) in self.published:
                known = published.listed(self.published[kind, name])
                columns[f"{kind}, {published.SOURCE}"] = known
        return frame(columns, f"{self.title}: {name}")

    def normalised(self, kind: str, name: str = "agreement", blocks: int = 12) -> np.ndarray:
        """Means over as many runs of consecutive blocks, float64 `[blocks]`.

        Raises:
            UsageError: There is no such kind or measure, or the depth is no multiple of `blocks`.
        """
        check_choice("kind", kind, self.kinds)
        return grouped(self.values[kind, check_measure(name)].mean, blocks)

    def normalised_table(self, name: str = "agreement", blocks: int = 12) -> DataFrame:
        """A row per group of blocks, by which the paper's figure 4b shows ViT-L/16.

        Raises:
            UsageError: There is no such measure, or the depth is no multiple of `blocks`.
        """
        columns: dict[str, list] = {"group of blocks": list(range(blocks))}
        known = published.GROUPED_AGREEMENT.get(self.paper, {})
        for kind in self.kinds:
            columns[kind] = self.normalised(kind, name, blocks).tolist()
            if name == "agreement" and blocks == published.GROUPED.get(self.paper):
                listed = published.listed(published.placed(known[kind], blocks))
                columns[f"{kind}, {published.SOURCE}"] = listed
        return frame(columns, f"{self.title}: {name}")

    def answers_table(self) -> DataFrame:
        """A row per block: agreement at the first token, of images classified right and wrong."""
        columns: dict[str, list] = {"block": list(range(self.n_blocks))}
        for kind, one in self.answers.items():
            for word, values in one._asdict().items():
                columns[f"{kind}, {word}"] = published.listed(values)
        return frame(columns, self.title)

    def figure(self, name: str = "agreement") -> Figure:
        """See `vl.charts.key_value_agreement`."""
        from vitlens_widgets import charts  # which knows this module

        return charts.key_value_agreement(self, name)

    def answers_figure(self) -> Figure:
        """See `vl.charts.agreement_of_answers`."""
        from vitlens_widgets import charts  # which knows this module

        return charts.agreement_of_answers(self)


def check_measure(name: str) -> str:
    """The name, if it is one of `MEASURES`.

    Raises:
        UsageError: It is not.
    """
    if name not in MEASURES:
        near = did_you_mean(name, MEASURES)
        raise UsageError(f'"{name}" was not measured; there is {", ".join(MEASURES)}.{near}')
    return name


def key_value_agreement(
    vit: ViT,
    data: Dataset,
    *,
    k: int | None = None,
    rule: Rule = "released",
    coefficients: Literal["pre", "post"] = "pre",
    n_images: int | None = None,
    batch_size: int = 16,
    save_to: str | os.PathLike[str] | None = None,
) -> KeyValueAgreement:
    """Whether tokens call up the memories of their image's class, in each block.

    A token *agrees* if one of the k memories with its largest coefficients (by value, not by size)
    is a memory of the true class. What the sub-block says, its output through final norm and
    classifier, is from a *single memory* if one of these k promotes that same class most;
    otherwise it is a composition.

    Args:
        vit: The model.
        data: Images with their classes.
        k: How many memories are called up, and how many make up the memories of a class. Default:
            5, or as many as there are classes, if fewer.
        rule: Which memories are of a class. "released": the k that promote it most, of all in the
            block, so that every class has k; "text": all of which it is among the k classes that
            they promote most. Both by the classifier's weight times the output projection's, as
            they are.
        coefficients: Of an MLP's memories: "pre", before the activation, as the authors' code takes
            them, or "post", after it, which is what multiplies the value vectors. Attention's are
            the channels of `z`. Gated MLPs have "post" alone.
        n_images: How many images; None for all there are.
        batch_size: How many images the model runs together.
        save_to: A file to save to after every batch, and to go on from; see
            `vitlens_widgets.analysis.stream.run`.

    Raises:
        UsageError: A k or word out of range, gated MLPs with `coefficients="pre"`, or what `run`
            refuses.
        UnsupportedModelError: The memories cannot be read from the weights.

    Source:
        Vilas et al. (2023), section 6, and their code, which counts all tokens, CLS too, and
        compares right with wrong answers at the first token (in a model without CLS, a patch).
        What they draw at random is exact here: "chance" is the mean over all classes, where they
        draw one; `Answers.p` is over all permutations (Fisher's exact test), where they draw 300
        and leave out those with just the difference that there is.

    Example:
        >>> found = vl.analysis.key_value_agreement(vit, vl.world.Scenes(), n_images=200)
        >>> found.table(), found.table("single memory"), found.answers_table()
    """
    check_vit(vit, "key_value_agreement")
    experiment = _MemoryMeasure(vit, check_top(k, len(vit.labels)), rule, coefficients)
    words = {"n_images": n_images, "batch_size": batch_size, "save_to": save_to}
    return experiment.result(run(experiment, vit, data, **words))


class _MemoryMeasure:
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "key-value agreement"
    usual: ClassVar = {"k": 5, "rule": "released", "coefficients": "pre"}
    needs_masks = False

    def __init__(self, vit: ViT, k: int, rule: Rule, coefficients: str) -> None:
        self.settings = {
            "k": k,
            "rule": check_rule(rule),
            "coefficients": check_choice("coefficients", coefficients, ("pre", "post")),
        }
        self._vit, self._k = vit, k
        self._sites = {kind: KINDS[kind] for kind in kinds_of(vit)}
        if coefficients == "pre" and "MLP" in self._sites:
            check_not_gated(vit)
            self._sites["MLP"] = "mlp_pre"
        self._stored = {
            kind: [stored_in(vit, kind, layer, k, rule) for layer in range(vit.n_layers)]
            for kind in self._sites
        }

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the sums of classes, of images, and of right and wrong answers."""
        seen = {kind: Seen(self._k, stored) for kind, stored in self._stored.items()}
        watch = {site: partial(seen[kind].keys, batch) for kind, site in self._sites.items()}
        watch |= {ADDED[kind]: partial(one.said, self._vit, batch) for kind, one in seen.items()}
        trace = self._vit.trace(batch.pixels, preprocessed=True, watch=watch)
        right = (trace.logits.argmax(-1).cpu() == batch.classes).numpy()
        classes, n_classes = batch.classes.numpy(), len(self._vit.labels)
        found = {"images": np.bincount(classes, minlength=n_classes)}
        for kind, one in seen.items():
            agreement, chance, single = (
                torch.stack(values, dim=1).numpy() for values in (one.agree, one.chance, one.single)
            )  # [image, block, token]
            for name, values in (("agreement", agreement), ("chance", chance)):
                found[f"{kind} {name}"] = np.zeros((n_classes, self._vit.n_layers))
                means = values.mean(-1, dtype=np.float64)
                np.add.at(found[f"{kind} {name}"], classes, means)
            found[f"{kind} single memory"] = tally(single.mean(-1))
            found[f"{kind} answers"] = _counted(agreement[..., 0], right)
        return found

    def result(self, done: Totals) -> KeyValueAgreement:
        """What it all says."""
        values: dict[tuple[str, str], OverImages] = {}
        with np.errstate(invalid="ignore"):
            for kind in self._sites:
                for name in ("agreement", "chance"):
                    sums = done.tallies[f"{kind} {name}"]
                    of_classes = sums / done.tallies["images"][:, None]
                    values[kind, name] = over_images(of_classes.T)
                values[kind, "single memory"] = spread(done.tallies[f"{kind} single memory"])
        return KeyValueAgreement(
            title=done.title,
            n_images=done.n_images,
            values=values,
            answers={kind: _answers(done.tallies[f"{kind} answers"]) for kind in self._sites},
            paper=self._vit.paper,
        )


def _counted(agreement: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How many agree and not, int64 `[block, (right, wrong), (agree, not)]`."""
    parts = [[agreement[rows].sum(0), (~agreement[rows]).sum(0)] for rows in (right, ~right)]
    return np.array(parts, dtype=np.int64).transpose(2, 0, 1)


def _answers(counts: np.ndarray) -> Answers:
    from scipy.stats import hypergeom  # a second to import, and only this needs it

    images, agreeing = counts.sum(-1), counts[..., 0]
    with np.errstate(invalid="ignore"):
        right, wrong = (agreeing / images).T
    every = images.sum(-1)
    p = hypergeom.sf(agreeing[:, 0] - 1, every, agreeing.sum(-1), images[:, 0])
    return Answers(right, wrong, np.where(images.all(-1), p, np.nan))
