"""What is computed of one feature, image or patch when it is looked at, and kept for a page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vitlens_widgets.errors import UsageError, whole_number
from vitlens_widgets.kinds import is_several
from vitlens_widgets.widgets.features import sheet
from vitlens_widgets.widgets.features.own import effect, here, seen, turned
from vitlens_widgets.widgets.features.seam import CatalogueLike

KEPT_BYTES = 16_000_000
"""Of what was looked at, kept for a saved page; then those go that were looked at first."""

MOST_ASKED = 40
"""Looks that a page may ask for at once: the rows of its list."""


class Look(NamedTuple):
    """What is looked at; -1 where that does not matter; target -1 is the image's own answer."""

    kind: str
    layer: int = -1
    feature: int = -1
    image: int = -1
    token: int = -1
    target: int = -1


Found = tuple[dict[str, Any], dict[str, np.ndarray]]
"""What is said as JSON, and arrays by name."""

OF_FEATURE: Mapping[str, Callable[[CatalogueLike, int, int], Found]] = {
    "crops": sheet.crops,
    "sheet": sheet.sheet,
    "writes": sheet.writes,
    "readers": sheet.readers,
    "neighbours": sheet.neighbours,
    "partners": sheet.partners,
}
"""What needs a feature alone."""

OF_IMAGE: Mapping[str, Callable[[CatalogueLike, int, int, int], Found]] = {
    "seen": seen,
    "turned": turned,
}
"""What needs an own image, too."""

BY_ITSELF = ("sheet", "writes", "seen")
"""What a widget opens with of the chosen feature; for the rest a page asks, as it takes longer."""

SHOWN = (*BY_ITSELF, "readers", "neighbours", "turned")
"""What is shown of every feature that is chosen; partners are looked for in a page alone."""


class Looks:
    """Computes them, and has those that were computed.

    Args:
        source: Who is asked.
    """

    def __init__(self, source: CatalogueLike) -> None:
        self._source = source
        self._made: OrderedDict[Look, tuple[dict[str, Any], bytes]] = OrderedDict()

    def read(self, what: Mapping[str, Any]) -> list[Look]:
        """What a browser has asked for.

        Raises:
            UsageError: It is nothing that there is.
        """
        asked = what.get("asked")
        if not is_several(asked) or not 1 <= len(asked) <= MOST_ASKED:
            raise UsageError("A page asks for some looks at a time.")
        return [self._look(one) for one in asked]

    def __call__(self, look: Look) -> tuple[dict[str, Any], bytes]:
        """What a look says, and its bytes; what there is none of says why."""
        if look in self._made:
            self._made.move_to_end(look)
            return self._made[look]
        try:
            said, arrays = self._compute(look)
        except UsageError as error:
            said, arrays = {"why": str(error)}, {}
        self._made[look] = _as_bytes(said, arrays)
        sizes = [len(data) for _, data in self._made.values()]
        while len(sizes) > 1 and sum(sizes) > KEPT_BYTES:
            self._made.popitem(last=False)
            del sizes[0]
        return self._made[look]

    def kept(self, looks: Sequence[Look] | None = None) -> dict[str, Any]:
        """The traits that hold these looks; default: all that were looked at."""
        chosen = list(self._made) if looks is None else looks
        found = [(look, self(look)) for look in chosen]
        said = [{"of": list(look), "bytes": len(data), **words} for look, (words, data) in found]
        return {"_saved": said, "_saved_bytes": b"".join(data for _, (_, data) in found)}

    def _compute(self, look: Look) -> Found:
        source = self._source
        if look.kind == "here":
            return here(source, look.image, look.token)
        if look.kind == "effect":
            return effect(source, look.image, look.target)
        if look.kind in OF_IMAGE:
            return OF_IMAGE[look.kind](source, look.layer, look.feature, look.image)
        return OF_FEATURE[look.kind](source, look.layer, look.feature)

    def _look(self, asked: Any) -> Look:
        source = self._source
        if not is_several(asked) or len(asked) != len(Look._fields):
            raise UsageError(f"{asked!r} is no look.")
        kind, *numbers = asked
        layer, feature, image, token, target = (whole_number(one) for one in numbers)
        needs = {
            "feature": kind in OF_FEATURE or kind in OF_IMAGE,
            "image": kind in OF_IMAGE or kind in ("here", "effect"),
            "token": kind == "here",
            "target": kind == "effect",
        }
        is_there = {
            "feature": layer in source.layers and _within(feature, source.width),
            "image": _within(image, source.n_images),
            "token": _within(token, source.layout.n_tokens),
            "target": target == -1 or _within(target, len(source.labels)),
        }
        if not any(needs.values()) or not all(is_there[n] for n, asks in needs.items() if asks):
            raise UsageError(f"There is no look {asked!r}.")
        every = layer, feature, image, token, target
        return Look(kind, *(-1 if one is None else one for one in every))


def _within(number: int | None, count: int) -> bool:
    return number is not None and 0 <= number < count


def _as_bytes(said: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple[dict[str, Any], bytes]:
    """Arrays one after the other, each at a multiple of 4; where each is, and of what type."""
    parts, data = dict[str, Any](), b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        parts[name] = [len(data), len(raw), array.dtype.str.lstrip("<|")]
        data += raw + bytes(-len(raw) % 4)
    return {**said, "parts": parts}, data
