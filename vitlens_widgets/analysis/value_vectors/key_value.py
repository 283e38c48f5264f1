"""Key-value agreement: whether the memories that a token calls up are those of its class."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import numpy as np
import torch

from vitlens_widgets.analysis.checks import check_top, logits_of
from vitlens_widgets.analysis.class_space.rules import Rule, check_choice, check_rule
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.analysis.value_vectors.called_up import Seen, stored_in
from vitlens_widgets.analysis.value_vectors.key_value_result import (
    AgreementOfAnswers,
    KeyValueAgreement,
)
from vitlens_widgets.analysis.value_vectors.weights import (
    ADDED,
    KINDS,
    check_not_gated,
    kinds_of,
)
from vitlens_widgets.data import Dataset
from vitlens_widgets.trace import ViT


@over_data(KeyValueAgreement)
def key_value_agreement(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    k: int | None = None,
    rule: Rule = "released",
    coefficients: Literal["pre", "post"] = "pre",
) -> Measures[KeyValueAgreement]:
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

    Raises:
        UsageError: A k or word out of range, gated MLPs with `coefficients="pre"`, or what `run`
            refuses.
        UnsupportedModelError: The memories cannot be read from the weights.

    Source:
        Vilas et al. (2023), section 6, and their code, which counts all tokens, CLS too, and
        compares right with wrong answers at the first token (in a model without CLS, a patch).
        What they draw at random is exact here: "chance" is the mean over all classes, where they
        draw one; `AgreementOfAnswers.p` is over all permutations (Fisher's exact test), where they
        draw 300 and leave out those with just the difference that there is.

    Example:
        >>> found = vl.analysis.key_value_agreement(vit, vl.world.Scenes(), n_images=200)
        >>> found.table(), found.table("single"), found.table("answers")
    """
    return _MemoryMeasure(vit, check_top(k, len(vit.labels)), rule, coefficients)


class _MemoryMeasure(Measures[KeyValueAgreement]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "key-value agreement"
    usual: ClassVar = {"k": 5, "rule": "released", "coefficients": "pre"}

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
        right = (logits_of(trace).argmax(-1).cpu() == batch.classes).numpy()
        classes, n_classes = batch.classes.numpy(), len(self._vit.labels)
        found: dict[str, np.ndarray] = {"images": np.bincount(classes, minlength=n_classes)}
        for kind, one in seen.items():
            agreement, chance, single = (
                torch.stack(values, dim=1).numpy() for values in (one.agree, one.chance, one.single)
            )  # [image, block, token]
            for name, values in (("agreement", agreement), ("chance", chance)):
                found[f"{kind} {name}"] = np.zeros((n_classes, self._vit.n_layers))
                means = values.mean(-1, dtype=np.float64)
                np.add.at(found[f"{kind} {name}"], classes, means)
            found[f"{kind} single"] = tally(single.mean(-1))
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
                values[kind, "single"] = spread(done.tallies[f"{kind} single"])
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


def _answers(counts: np.ndarray) -> AgreementOfAnswers:
    from scipy.stats import hypergeom  # a second to import, and only this needs it

    images, agreeing = counts.sum(-1), counts[..., 0]
    with np.errstate(invalid="ignore"):
        right, wrong = (agreeing / images).T
    every = images.sum(-1)
    p = hypergeom.sf(agreeing[:, 0] - 1, every, agreeing.sum(-1), images[:, 0])
    return AgreementOfAnswers(right, wrong, np.where(images.all(-1), p, np.nan))
