"""Class identifiability: where the true class stands when a token is read as the readout is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from vitlens_widgets.analysis.class_space.baseline import check_alike
from vitlens_widgets.analysis.class_space.evolution import (
    MEANINGS,
    Ranks,
    added,
    counted_ranks,
    evolution,
    mean_score,
    ranks,
)
from vitlens_widgets.analysis.class_space.identifiability_result import Identifiability
from vitlens_widgets.analysis.class_space.rules import Rule, check_rule, counted_tokens
from vitlens_widgets.analysis.class_space.signed_rank import counted_differences, signed_rank_p
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals
from vitlens_widgets.data import Dataset
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import fingerprint

_OF_BASELINE = "baseline "


@over_data(Identifiability)
def identifiability(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    baseline: ViT | None = None,
    rule: Rule = "released",
) -> Measures[Identifiability]:
    """How well each token's state names the true class of its image, state by state.

    A token is read as if it were the readout (final norm with its own statistics, classifier with
    its bias). With the rank of the true class, its *score* is `1 - (rank - 1) / number of classes`:
    1 is the first place, about 0.5 is chance. The *rate* is the share of image tokens in the first
    place, a mean over images. Equal logits share the best place.

    Args:
        vit: The model.
        data: Images with their classes: `vl.world.Scenes()`, `vl.data.ImageNetS(folder)` ...
        baseline: A model to be compared with, which sees the same pixels, such as
            `vl.untrained(vit)`; it doubles the time.
        rule: The authors' code counts rates over all tokens but the first, CLS, and so leaves out
            the first *patch* of a model that has no prefix token ("released"); "text" counts every
            image token. For models with a prefix token both are the same.

    Raises:
        UsageError: A data set or file that does not fit (see `run`), or a baseline of another
            shape.

    Source:
        Vilas et al. (2023), section 4, and their code. Its test against random weights takes all
        tokens, CLS too, and corrects nothing for their number; so does "all_tokens" here. Tokens
        of one image are not independent, so its p is smaller than it should be.

    Example:
        >>> found = vl.analysis.identifiability(vit, vl.world.Scenes(), n_images=200)
        >>> print(found.summary())
        >>> found.table(), found.figure()
    """
    return _RankMeasure(vit, baseline, rule)


class _RankMeasure(Measures[Identifiability]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "identifiability"
    usual: ClassVar = {"rule": "released"}

    def __init__(self, vit: ViT, baseline: ViT | None, rule: Rule) -> None:
        self._vit, self._baseline = vit, baseline
        self._n_classes = len(vit.labels)
        self.settings = {"rule": check_rule(rule), "baseline": None}
        self._patches, self._counted = vit.layout.patches, counted_tokens(vit.layout, rule)
        if baseline is not None:
            check_alike(vit, baseline)
            self.settings["baseline"] = fingerprint(baseline)

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the measures, the classes' sums, and the differences' counts."""
        ours = ranks(self._vit, batch)
        found = self._added(ours) | self._by_class(ours, batch.classes.numpy())
        if self._baseline is not None:
            theirs = ranks(self._baseline, batch)
            found |= {_OF_BASELINE + name: one for name, one in self._added(theirs).items()}
            found["above all_tokens"] = self._above(ours.tokens, theirs.tokens)
            pair = (one.tokens[..., self._patches] for one in (ours, theirs))
            found["above image_tokens"] = self._above(*pair)
        return found

    def result(self, done: Totals) -> Identifiability:
        """What it all says."""
        sums, baseline = done.tallies, None
        if self._baseline is not None:
            baseline = evolution({name: sums[_OF_BASELINE + name] for name in MEANINGS})
        above = {name[6:]: counts for name, counts in sums.items() if name.startswith("above ")}
        with np.errstate(invalid="ignore"):
            classes = {n: sums[f"class {n}"] / sums["class images"] for n in ("score", "rate")}
        return Identifiability(
            title=done.title,
            labels=self._vit.labels,
            state_names=self._vit.state_names,
            n_images=done.n_images,
            values=evolution(sums),
            counts=counted_ranks(sums),
            baseline=baseline,
            p={
                name: np.array([signed_rank_p(one) for one in all_]) for name, all_ in above.items()
            },
            class_images=sums["class images"][:, 0],
            class_values=classes,
            paper=self._vit.paper,
        )

    def _added(self, found: Ranks) -> dict[str, np.ndarray]:
        return added(found, self._n_classes, self._patches, self._counted)

    def _above(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """Counts of how many places higher ours are, `[state, difference]`."""
        pairs = zip(theirs.swapaxes(0, 1), ours.swapaxes(0, 1), strict=True)
        return np.stack([counted_differences(a, b, self._n_classes - 1) for a, b in pairs])

    def _by_class(self, found: Ranks, classes: np.ndarray) -> dict[str, np.ndarray]:
        """Sums over each class's images, `[class, state]`, and their number, `[class, 1]`."""
        sums = {
            "images": np.ones((len(classes), 1), np.int64),
            "score": mean_score(found.tokens[..., self._patches], self._n_classes),
            "rate": (found.tokens[..., self._counted] == 1).mean(-1),
        }
        out: dict[str, np.ndarray] = {}
        for name, values in sums.items():
            into = np.zeros((self._n_classes, values.shape[1]), values.dtype)
            np.add.at(into, classes, values)
            out[f"class {name}"] = into
        return out
