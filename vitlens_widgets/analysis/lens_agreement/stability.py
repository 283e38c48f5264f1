"""Whether a fitted lens depends on the images that it was fitted to, or on its seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.given_lenses import number_to_fit
from vitlens_widgets.analysis.lens_agreement.measure import lens_agreement_of
from vitlens_widgets.analysis.lens_agreement.result import LensAgreement
from vitlens_widgets.data import Dataset, Example
from vitlens_widgets.errors import UsageError, check_choice
from vitlens_widgets.lenses import JacobianLens, Lens, TunedLens
from vitlens_widgets.lenses.lens import check_lens
from vitlens_widgets.trace import ViT

Fit = Callable[[ViT, Dataset, int], Lens]
"""Fits a lens of a model to some images, with a seed."""


def _fits(executor: Any) -> Mapping[str, Fit]:
    """By word; only the sums of a Jacobian lens can be had by several workers."""
    return {
        "tuned": lambda vit, data, seed: TunedLens.fit(vit, data, seed=seed),
        "jacobian": lambda vit, data, _seed: JacobianLens.fit(vit, data, executor=executor),
    }


_N_TRAIN = 400


@over_data(LensAgreement)
def lens_stability(  # noqa: D417  # the one loop adds what it takes
    vit: ViT,
    train: Dataset,
    data: Dataset,
    *,
    fit: Literal["tuned", "jacobian"] | Fit = "tuned",
    n_train: int | None = None,
    n_images: int | None = None,
    executor: Any = None,
) -> Measures[LensAgreement]:
    """Whether a fitted lens depends on the images that it was fitted to, or on its seed.

    The first images of `train` are split into those of even and those of odd number. One lens is
    fitted to each half, and one more to the first half with another seed. On other images all three
    are held against the model's own answer, the truth, and one another, as `lens_agreement` does:
    the two halves' lenses should be as near to the model as each other, and `same_answers` says on
    how many images they say the same. What they share by chance, or because the logit lens
    does, stands beside.

    Args:
        vit: The model.
        train: Images to fit to.
        data: Other images, as `lens_agreement` takes them.
        fit: `"tuned"`, `"jacobian"` (which has no seed, so that of a second seed there is none), or
            a function of a model, images and a seed that gives a lens, such as
            `lambda vit, data, seed: vl.TunedLens.fit(vit, data, rank=8, seed=seed)`.
        n_train: How many images of `train`, two halves together; None for 400, or all where it
            has fewer.

    Raises:
        UsageError: Another word, a function that gives no lens, too few images, images that both
            sets have, or what `run` refuses.

    Source:
        After Belrose et al. (2023), who ask the like of other layers and of fine-tuned models: what
        a tuned lens loses where it was not fitted.

    Example:
        >>> train, test = vl.world.Scenes(seed=50_000), vl.world.Scenes(seed=10_000)
        >>> found = vl.analysis.lens_stability(vit, train, test, n_images=200)
        >>> found.same_answers()
    """
    apart = "Lenses are held against one another on other images than they were fitted to"
    n_train = number_to_fit(train, n_train, _N_TRAIN, data, n_images, apart)
    if isinstance(fit, str):
        fits = _fits(executor)
        chosen = fits[check_choice("fit=", fit, fits)]
    elif callable(fit):
        chosen = fit
    else:
        raise UsageError(
            'fit= takes "tuned", "jacobian", or a function of a model, images and a seed, not '
            f"{type(fit).__name__}."
        )
    first, second = (HalfOfData(train, n_train, odd) for odd in (0, 1))
    lenses = {
        "first half": chosen(vit, first, 0),
        "second half": chosen(vit, second, 0),
    }
    if fit != "jacobian":
        lenses["first half, another seed"] = chosen(vit, first, 1)
    for lens in lenses.values():
        check_lens(lens, "What fit= gives")
    return lens_agreement_of(vit, data, lenses)


class HalfOfData:
    """Every second of the first examples of a data set."""

    def __init__(self, data: Dataset, n: int, odd: int) -> None:
        self._data, self._odd = data, odd
        self.labels, self.has_masks = data.labels, data.has_masks
        self.count: int | None = (n + 1 - odd) // 2
        self.identity: Mapping[str, Any] = {"of": dict(data.identity), "first": n, "odd": bool(odd)}
        self.forward_alone = getattr(data, "forward_alone", False)
        self.identity_says_all = getattr(data, "identity_says_all", False)

    def __getitem__(self, number: int) -> Example:
        """Example `number` of this half."""
        return self._data[2 * number + self._odd]

    def __repr__(self) -> str:
        return f"every second of {self._data!r}"
