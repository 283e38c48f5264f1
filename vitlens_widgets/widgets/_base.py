"""What all widgets share: choices refused with advice, errors shown as sentences, a stable repr."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anywidget
from traitlets import TraitError, TraitType, Unicode

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list

STATIC = Path(__file__).parent / "static"


class LensWidget(anywidget.AnyWidget):
    """A widget whose small selections ("choices") are traits, synced with the browser both ways.

    A subclass tags the traits a user may give as keywords with `choice=True`. A bad choice raises
    `UsageError` in Python. A bad choice that comes from the browser changes nothing: it becomes a
    sentence in `error`, which the widget shows above its last good picture.

    Args:
        **choices: Values of the subclass's choices, and ipywidgets' `layout`.

    Raises:
        UsageError: A keyword is not one of the choices, or its value cannot be taken.
    """

    error = Unicode("").tag(sync=True)
    """What went wrong in the kernel, as one sentence; empty when nothing did."""

    def __init__(self, **choices: Any) -> None:
        self._refuse_unknown(choices)
        super().__init__(**choices)

    @classmethod
    def choices(cls) -> tuple[str, ...]:
        """The names a user may set, in the order in which the class declares them."""
        members = [m for kind in reversed(cls.__mro__) for m in vars(kind).items()]
        return tuple(n for n, t in members if isinstance(t, TraitType) and t.metadata.get("choice"))

    @property
    def nbytes(self) -> int:
        """Bytes of data the widget sends to a browser that opens it, its code not counted."""
        state = self.get_state()
        for code in ("_esm", "_css"):
            state.pop(code, None)
        return sum(map(_size, state.values()))

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Takes a change that the browser made; what cannot be taken is answered in `error`."""
        refused = dict(self._refused(sync_data))
        self.error = ""
        super().set_state({k: v for k, v in sync_data.items() if k not in refused})
        if refused:
            self.send_state(set(refused))
            self.error = next(iter(refused.values()))

    def _refused(self, sync_data: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Names of the traits whose new values cannot be taken, each with its sentence."""
        for name in sync_data.keys() & set(self.keys):
            trait = self.traits()[name]
            try:
                trait._validate(self, sync_data[name]) if trait.metadata.get("choice") else None
            except (TraitError, UsageError) as error:
                yield name, str(error)

    @classmethod
    def _refuse_unknown(cls, given: dict[str, Any]) -> None:
        known = (*cls.choices(), "layout")
        for name in given:
            if name not in known:
                raise UsageError(
                    f'{cls.__name__} has no option "{name}"; it takes {quoted_list(known)}.'
                    f"{did_you_mean(name, known)}"
                )


def _size(value: Any) -> int:
    return len(value) if isinstance(value, bytes) else len(json.dumps(value))
