"""Classifiers of unit vectors from a few examples of each class, and their answers left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from vitlens_widgets.errors import UsageError

Method = Literal["prototypes", "logistic"]
SCALE = 12.0
"""What cosines with prototypes are multiplied by."""
INVERSE_STRENGTH = 100.0
"""The logistic regression's C: how little its weights are held back."""


class Fitted(NamedTuple):
    """Logits of a unit vector u: `weight @ u + bias`."""

    weight: np.ndarray
    """float64 `[class, d]`."""
    bias: np.ndarray | None
    """float64 `[class]`, or None."""

    def logits(self, units: np.ndarray) -> np.ndarray:
        """`[..., d] -> [..., class]`."""
        logits = units @ self.weight.T.astype(units.dtype)
        return logits if self.bias is None else logits + self.bias.astype(units.dtype)


def prototypes(units: np.ndarray, classes: np.ndarray, n_classes: int) -> Fitted:
    """Each class as the mean of its examples, normalised again and scaled by 12; no bias.

    Args:
        units: Unit vectors of the examples, `[example, d]`.
        classes: The class of each, `[example]`; each class has some.
        n_classes: How many classes there are.

    Source: nearest-mean classification, Mensink et al. (2013), on the cosine, as Snell et al.
        (2017), "Prototypical networks", and Gidaris & Komodakis (2018) do with a learned scale.
    """
    return Fitted(SCALE * _unit(_sums(units, classes, n_classes)), None)


def logistic(units: np.ndarray, classes: np.ndarray, n_classes: int) -> Fitted:
    """Multinomial logistic regression, every class weighing the same, `C = 100`.

    Of two classes it is the binomial one, of a single row of weights that says the second against
    the first: a multinomial one with C = 50.

    Fitted in the space that the examples span, where the best weights lie (the representer
    theorem), so that its time does not depend on the width of the model.

    Args:
        units: As for `prototypes`.
        classes: As for `prototypes`; two at least.
        n_classes: How many classes there are.

    Raises:
        UsageError: There is one class only.
    """
    if n_classes < 2:
        raise UsageError(
            'method="logistic" tells classes apart and needs two; with one, take "prototypes".'
        )
    from sklearn.linear_model import LogisticRegression

    basis = np.linalg.qr(units.T)[0]  # [d, at most example]
    fit = cast("Any", LogisticRegression)(
        C=INVERSE_STRENGTH, class_weight="balanced", tol=1e-6, max_iter=1000
    ).fit(units @ basis, classes)
    weight, bias = cast("np.ndarray", fit.coef_) @ basis.T, cast("np.ndarray", fit.intercept_)
    if n_classes == 2:  # one row says the second against the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Fitted(weight, bias)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], Fitted]] = {
    "prototypes": prototypes,
    "logistic": logistic,
}


def left_out(
    method: str, units: np.ndarray, asked: np.ndarray, classes: np.ndarray, n_classes: int
) -> np.ndarray:
    """What each example is taken for by a classifier that was fitted without it.

    Args:
        method: One of `METHODS`.
        units: Unit vectors that are fitted, `[example, d]`.
        asked: Those of the same examples that are asked about, `[state, example, d]`.
        classes: The class of each, `[example]`.
        n_classes: How many classes there are.

    Returns:
        Classes, int64 `[state, example]`; -1 for the only example of its class, without which
        nothing is known of it.
    """
    alone = np.bincount(classes, minlength=n_classes)[classes] == 1
    if method == "prototypes":
        answers = _without_own(units, asked, classes, n_classes).argmax(-1)
    else:
        answers = np.zeros(asked.shape[:2], np.int64)
        for i in np.flatnonzero(~alone):
            rest = np.arange(len(classes)) != i
            fit = METHODS[method](units[rest], classes[rest], n_classes)
            answers[:, i] = fit.logits(asked[:, i]).argmax(-1)
    return np.where(alone, -1, answers)


def _without_own(
    units: np.ndarray, asked: np.ndarray, classes: np.ndarray, n_classes: int
) -> np.ndarray:
    """Cosines with prototypes, an example's own one made without it: `[state, example, class]`."""
    sums = _sums(units, classes, n_classes)
    cosines = asked @ _unit(sums).T
    own = _unit(sums[classes] - units)
    cosines[:, np.arange(len(classes)), classes] = (asked * own).sum(-1)
    return cosines


def _sums(units: np.ndarray, classes: np.ndarray, n_classes: int) -> np.ndarray:
    return np.eye(n_classes)[classes].T @ units.astype(np.float64)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Each of length 1; a zero stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
