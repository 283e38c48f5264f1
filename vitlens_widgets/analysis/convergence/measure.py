"""How near each state's answer is to the model's final one, and to the truth.

All numbers are of the model's readout, the token (or mean) that its own classifier reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_top
from vitlens_widgets.analysis.convergence.result import MEASURES, Convergence
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.over_images import over_images
from vitlens_widgets.analysis.readings import Truth, check_states, true_classes
from vitlens_widgets.data import Kinship
from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.lenses import Reading, statistics
from vitlens_widgets.models.probabilities import Kind, log_any, log_probabilities

_OTHERS_AT_MOST = 16


@experiment("reading")
def convergence(
    reading: Reading,
    truth: Sequence[Truth] | None = None,
    *,
    kinship: Kinship | None = None,
    k: int | None = None,
) -> Convergence:
    """How near each state's answer at the readout is to the final one, and to the truth.

    With `p` the class probabilities at a state, `f` those at the final state:

    - *kl_to_final*: `sum_c f(c) (ln f(c) - ln p(c))`, as `Reading.kl_to_final`.
    - *rank_of_final*: the rank that the model's answer has at this state.
    - *overlap_with_final*: the share of the final state's k most probable classes that are among
      this state's k.
    - *similarity_to_final*: the path similarity of this state's answer and the final one.
    - *entropy*: of `p`; it says how sure a state is, not how near.
    - *kl_to_truth*: `-ln` of the probability of the true classes together, which is the divergence
      of `p` from the nearest distribution over them.
    - *rank_of_truth*: of the best true class.
    - *similarity_to_truth*: of this state's answer to the nearest true class.

    Args:
        reading: A lens applied to a trace.
        truth: What is in each image: a class, a list where each of several is right, None where it
            is not known. Without it, the last three are left out.
        kinship: How near classes are; by default WordNet's, for ImageNet's and the world's labels
            (`Kinship.of`). For other labels, similarities are left out unless one is given.
        k: Of how many classes the overlap is. Default: 5, or all of fewer.

    Raises:
        UsageError: No reading of states, a truth that does not fit, a kinship of other classes, or
            a k out of range.

    Source:
        Vicki Xu's report (2023), section 4.1, leaves "a quantitative measure of convergence" to
        future work. The direction of the divergence is that of Belrose et al. (2023).

    Example:
        >>> found = vl.analysis.convergence(reading, truth=["cat", ["dog", "key"]])
        >>> found.converged(), found.table()
    """
    check_states(reading)
    truths = None if truth is None else true_classes(reading, truth)
    k = check_top(k, len(reading.labels))
    kinship = Kinship.of(reading.labels) if kinship is None else kinship
    if kinship is not None and not isinstance(kinship, Kinship):
        raise UsageError(
            "kinship= takes how near classes are, such as vl.data.Kinship.of(vit.labels), not "
            f"{said(kinship)}."
        )
    if kinship is not None and len(kinship) != len(reading.labels):
        raise UsageError(
            f"kinship= knows {len(kinship)} classes, and the model has {len(reading.labels)}."
        )
    logits = [reading.readout.logits(s) for s in range(reading.n_states)]
    measure = _Measure(logits, reading.probabilities, kinship, k)
    found = measure.against(range(reading.n_images), truths)
    found["entropy"] = reading.readout.entropy().double().numpy()
    return Convergence(
        title=f"{reading.lens_name} of {reading.model_name}, {_counted(reading.n_images)}",
        labels=reading.labels,
        state_names=reading.state_names,
        answers=measure.answers.numpy(),
        values={name: found[name] for name in MEASURES if name in found},
        others=measure.against_others(truths),
        kinship="" if kinship is None else kinship.source or "your own tree",
    )


class _Measure:
    """The states' answers, to be held against those of any images.

    Args:
        logits: Of each state, `[image, class]`.
        kind: How they become probabilities.
        kinship: How near classes are, if that is known.
        k: Of how many classes the overlap is.
    """

    def __init__(
        self, logits: Sequence[Tensor], kind: Kind, kinship: Kinship | None, k: int
    ) -> None:
        self._logits = [one.double() for one in logits]
        self._kind: Kind = kind
        self._kinship, self._k = kinship, k
        self._top = torch.stack([one.topk(k, dim=-1).indices for one in self._logits])
        self.answers = self._top[..., 0]  # [state, image]

    def against(
        self, images: Sequence[int], truths: list[list[int]] | None
    ) -> dict[str, np.ndarray]:
        """Every image against the final answer of the one in its place, and against `truths`."""
        found = self._against_final(list(images))
        if truths is not None:
            found |= self._against_truth(truths)
        return found

    def against_others(self, truths: list[list[int]] | None) -> dict[str, np.ndarray]:
        """The mean of what `against` says of wrong pairs: the images shifted by 1, 2, ..."""
        n = self.answers.shape[1]
        shifts = range(1, min(n, _OTHERS_AT_MOST + 1))
        found: list[dict[str, np.ndarray]] = []
        for shift in shifts:
            images = [(i + shift) % n for i in range(n)]
            found.append(self.against(images, truths and [truths[i] for i in images]))
        names: list[str] = list(found[0]) if found else []
        return {name: over_images(_beside(one[name] for one in found)).mean for name in names}

    def _against_final(self, images: list[int]) -> dict[str, np.ndarray]:
        final, last = self.answers[-1, images], self._logits[-1][images]
        alone = [[int(index)] for index in final]
        apart = [statistics.kl_divergence(last, one, self._kind) for one in self._logits]
        top = self._top[-1, images]
        shared = (self._top[..., None] == top[:, None]).any(-1).double().mean(-1)
        found = {
            "kl_to_final": torch.stack(apart).numpy(),
            "rank_of_final": self._ranks(alone),
            "overlap_with_final": shared.numpy(),
        }
        if self._kinship is not None:
            found["similarity_to_final"] = self._similarities(alone)
        return found

    def _against_truth(self, truths: list[list[int]]) -> dict[str, np.ndarray]:
        log_p = [log_probabilities(one, self._kind) for one in self._logits]
        surprise = [[self._surprise(p[i, of]) for i, of in enumerate(truths)] for p in log_p]
        found = {"kl_to_truth": np.array(surprise), "rank_of_truth": self._ranks(truths)}
        if self._kinship is not None:
            found["similarity_to_truth"] = self._similarities(truths)
        return found

    def _surprise(self, log_p: Tensor) -> float:
        """At an image's classes; NaN where there are none."""
        return -float(log_any(log_p, self._kind)) if len(log_p) else np.nan

    def _ranks(self, classes: list[list[int]]) -> np.ndarray:
        """The best rank among each image's classes, `[state, image]`.

        NaN where there are none.
        """

        def best(logits: Tensor, right: list[int]) -> float:
            if not right:
                return np.nan
            return float((logits > logits[right].max()).sum() + 1)

        pairs = [[best(one[i], right) for i, right in enumerate(classes)] for one in self._logits]
        return np.array(pairs)

    def _similarities(self, classes: list[list[int]]) -> np.ndarray:
        """Of each answer to the nearest of the image's classes; NaN where there are none."""
        kinship = cast("Kinship", self._kinship)  # asked only where there is one

        def best(answer: int, right: list[int]) -> float:
            near = (kinship.similarity(answer, index) for index in right)
            return max(near, default=np.nan)

        rows = cast("list[list[int]]", self.answers.tolist())
        return np.array(
            [[best(a, right) for a, right in zip(row, classes, strict=True)] for row in rows]
        )


def _beside(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Arrays `[state, image]` with their images side by side."""
    return np.concatenate(list(arrays), axis=1)


def _counted(n_images: int) -> str:
    return "1 image" if n_images == 1 else f"{n_images} images"
