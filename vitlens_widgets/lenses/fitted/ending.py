"""How a fit ends, of whichever lens: measured on images held out, and kept in its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.fitted.affine import Translators
from vitlens_widgets.lenses.fitted.kept_fit import KeptFit
from vitlens_widgets.lenses.fitted.training import Fitter, fitted
from vitlens_widgets.trace import ViT


class FittedLens(Protocol):
    """A lens that a fit ends in."""

    name: ClassVar[str] | str
    fitted: dict[str, Any]

    def save(self, path: Path, half: bool = False) -> None:
        """Write its file."""
        ...


Lens_ = TypeVar("Lens_", bound=FittedLens)


def fit_to_the_end(
    fitter: Fitter,
    facts: Mapping[str, Any],
    save_to: Any,
    of: type[Lens_],
    *,
    load: Callable[[Path, ViT], Lens_],
    make: Callable[[Translators, dict[str, Any]], Lens_],
    measure: Callable[[Lens_], dict[str, Any]],
    loss: str = "KL {:.3f} nats",
) -> Lens_:
    """The lens of a fit: from its file, or from where it was left, or from the beginning.

    Args:
        fitter: Does the batches.
        facts: What the fit is of, in JSON's types.
        save_to: A file for the lens, or None.
        of: Its class.
        load: Reads one from a file.
        make: Makes one of translators and of what is said of the fit.
        measure: What it is worth on images held out, in JSON's types.
        loss: How a loss is said beside the progress bar.

    Raises:
        UsageError: The fit diverges, the file is of another one, or it cannot be written.
    """
    vit = fitter.objective.vit
    kept = None if save_to is None else KeptFit(save_to, of.__name__, vit, facts)
    if kept is not None and kept.check_finished():
        return load(kept.finished, vit)
    fit = fitted(fitter, kept, of.name, loss)
    assert fit.descent is not None  # noqa: S101  # it has come to its end
    about = {"of": dict(facts), "curve": [float(f"{one:.6g}") for one in fit.curve]}
    lens = make(fit.descent.translators, about)
    lens.fitted["held_out"] = measure(lens)
    if kept is not None:
        lens.save(kept.finished)
        kept.end()
    return lens


def held_out_of(lens: FittedLens) -> dict[str, Any]:
    """What a lens was measured to do on images held out.

    Raises:
        UsageError: It was not made by `fit`.
    """
    found = lens.fitted.get("held_out")
    if found is None:
        raise UsageError(
            f"This {lens.name} was not made by vl.{type(lens).__name__}.fit, so that nothing was "
            "measured."
        )
    return found


def call_of(lens: FittedLens, words: Mapping[str, Any]) -> str:
    """How it was fitted, as a sentence of its card.

    Args:
        lens: The lens.
        words: The arguments of `fit`.
    """
    said = ", ".join(f"{name}={value!r}" for name, value in words.items())
    where = ", ".join(f"{name} {value}" for name, value in lens.fitted["of"]["data"].items())
    return f"Fitted by vl.{type(lens).__name__}.fit(vit, data, {said}); data: {where}."
