"""Several lenses of one trace in a widget: which is shown, and which it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import traitlets
from traitlets import HasTraits, TraitType

from vitlens_widgets.errors import did_you_mean, quoted_list
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.meanings import LensMeaning, Meaning
from vitlens_widgets.widgets.shared.traits import Switch, TraitUsageError

Named = TypeVar("Named", bound="str | None")
"""What a lens is read as: `str`, or `str | None` where there may be none."""

LENS_CHOICES = ("lens", "beside", "difference")


class LensName(TraitType[Named, Any]):
    """One of the widget's lenses, by its name; at first the first.

    Args:
        names: Name of the widget's attribute that holds their names.
    """

    def __init__(self, names: str = "_lens_names", **keywords: Any) -> None:
        super().__init__(**keywords)
        self._names = names

    def default(self, obj: Any = None) -> Any:
        """The name of the first; None where there may be none."""
        return None if self.allow_none or obj is None else self.names_of(obj)[0]

    def names_of(self, obj: HasTraits) -> Sequence[str]:
        """Those that this widget has."""
        return getattr(obj, self._names)

    def validate(self, obj: Any, value: Any) -> str:
        """Gives the name back when it is one of them."""
        names = self.names_of(obj)
        if not isinstance(value, str) or value not in names:
            known = f"one of {quoted_list(names)}{', or None' if self.allow_none else ''}"
            hint = did_you_mean(value, names) if isinstance(value, str) else ""
            raise TraitUsageError(f"{self.name} must be {known}; {value!r} was given.{hint}")
        return value


class OtherLens(LensName[Named]):
    """Another lens than the one that is shown; where that is chosen, the two change places."""

    def validate(self, obj: Any, value: Any) -> str:
        """Gives the name back."""
        if len(self.names_of(obj)) < 2:
            raise TraitUsageError(
                f"{self.name} is a second lens, and there is but one; several are given as in "
                f"{obj._several}."
            )
        name = super().validate(obj, value)
        if name == obj.lens and obj.beside is None:
            raise TraitUsageError(
                f'{self.name} must be another lens than the one that is shown, "{name}".'
            )
        return name


class Difference(Switch):
    """True or False; without a second lens there is no difference."""

    def validate(self, obj: Any, value: Any) -> bool:
        """Gives `value` as a `bool`."""
        chosen = super().validate(obj, value)
        if chosen and len(obj._lens_names) < 2:
            raise TraitUsageError(
                f"{self.name} is that of two lenses, and there is but one; several are given as in "
                f"{obj._several}."
            )
        return chosen


class ChoosesLens(LensWidget):
    """A widget that may have several lenses of one trace, each known by its name.

    Which is shown is a choice of its page, which has the numbers of all. The widget has the choices
    `lens` and `beside`, and it may have `difference`.
    """

    lens: Any
    beside: Any
    difference: Any
    _several = "vl.PatchGrid([logit, tuned])"
    """How several are given."""

    _lens_names: Sequence[str]

    def __init__(self, **choices: Any) -> None:
        super().__init__(**_lens_first(choices))

    def _set(self, values: dict[str, Any]) -> None:
        super()._set(_lens_first(values))

    @traitlets.observe("lens", "beside", "difference")
    def _keep_lenses_apart(self, change: Any) -> None:
        """The lens that is chosen in the other's place changes places with it."""
        name, before = change["name"], change["old"]
        if name != "difference" and self.beside == self.lens:
            self._set({"beside" if name == "lens" else "lens": before})
        elif name == "difference" and self.difference and self.beside is None:
            self.beside = next(one for one in self._lens_names if one != self.lens)
        elif self.beside is None and getattr(self, "difference", False):
            self.difference = False

    def meanings(self) -> dict[str, Meaning]:
        """The lens that is shown, where there are several."""
        own: dict[str, Meaning] = {"lens": LensMeaning(tuple(self._lens_names))}
        return super().meanings() | (own if self._of_lenses else {})

    @property
    def _of_lenses(self) -> tuple[str, ...]:
        """The choices that say something."""
        return LENS_CHOICES if len(self._lens_names) > 1 else ()


def _lens_first(choices: dict[str, Any]) -> dict[str, Any]:
    """The lens that is shown before the one that must be another, however they were given."""
    return {name: choices[name] for name in sorted(choices, key=lambda name: name != "lens")}
