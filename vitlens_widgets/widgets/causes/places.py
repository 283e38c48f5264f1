"""What can be exchanged between two runs: a head, all heads, an MLP, tokens of a state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from vitlens_widgets.errors import UsageError, quoted_list, whole_number
from vitlens_widgets.kinds import is_several

Kind = Literal["head", "attention", "mlp", "tokens"]
KINDS: tuple[Kind, ...] = ("head", "attention", "mlp", "tokens")
Values = Literal["output", "q", "k", "v", "pattern"]
VALUES: tuple[Values, ...] = ("output", "q", "k", "v", "pattern")

SUCH_AS = (
    '("head", 3, 1), ("head", 3, 1, "pattern"), ("attention", 3), ("mlp", 3) or '
    '("tokens", 3, [17, 18])'
)


@dataclass(frozen=True)
class Spot:
    """One place of the forward pass, or several tokens of one state.

    Attributes:
        kind: A head, all heads of a block, its MLP, or tokens as they enter the block.
        layer: The block.
        head: Which head, of a head.
        values: Of a head or all heads: what they write, or what they are made of.
        tokens: Which tokens of the layout.
    """

    kind: Kind
    layer: int
    head: int | None = None
    values: Values = "output"
    tokens: tuple[int, ...] = ()

    @property
    def as_json(self) -> list[Any]:
        """As a browser, and a user, names it."""
        match self.kind:
            case "head":
                return ["head", self.layer, self.head, self.values]
            case "attention":
                return ["attention", self.layer, self.values]
            case "mlp":
                return ["mlp", self.layer]
            case _:
                return ["tokens", self.layer, list(self.tokens)]


class Sizes(NamedTuple):
    """What there is to exchange."""

    n_layers: int
    n_heads: int
    tokens: frozenset[int]
    rows: tuple[str, ...]
    """What a block has beside its heads: "attention", "mlp"."""


def place_of(given: Any, sizes: Sizes) -> Spot:
    """A place as a user or a browser names it.

    Raises:
        UsageError: It names none.
    """
    if isinstance(given, Spot):
        given = given.as_json
    if not is_several(given) or len(given) < 2 or given[0] not in KINDS:
        raise UsageError(f"exchanged takes places such as {SUCH_AS}; {given!r} is none.")
    kind, layer, *rest = given
    if kind in ("attention", "mlp") and kind not in sizes.rows:
        raise UsageError(f"The blocks of this model show no {kind} by itself; {given!r} was given.")
    at = _index("layer", layer, sizes.n_layers, given)
    match kind, rest:
        case "head", [head]:
            return Spot("head", at, _index("head", head, sizes.n_heads, given))
        case "head", [head, values]:
            which = _index("head", head, sizes.n_heads, given)
            return Spot("head", at, which, _values(values, given))
        case "attention", []:
            return Spot("attention", at)
        case "attention", [values]:
            return Spot("attention", at, None, _values(values, given))
        case "mlp", []:
            return Spot("mlp", at)
        case "tokens", [tokens] if is_several(tokens) or whole_number(tokens) is not None:
            return Spot("tokens", at, tokens=_tokens(tokens, sizes.tokens, given))
        case _:
            raise UsageError(f"exchanged takes places such as {SUCH_AS}; {given!r} is none.")


def places_of(given: Any, sizes: Sizes) -> list[Spot]:
    """Several places, each once, in their order.

    Raises:
        UsageError: It is no list of places.
    """
    if not is_several(given):
        raise UsageError(f"exchanged takes a list of places such as {SUCH_AS}; {given!r} is none.")
    if given and given[0] in KINDS:
        given = [given]
    return list(dict.fromkeys(place_of(one, sizes) for one in given))


def _index(name: str, given: Any, count: int, place: Any) -> int:
    index = whole_number(given)
    if index is None or not 0 <= index < count:
        raise UsageError(f"{name} of a place is 0 to {count - 1}; {place!r} was given.")
    return index


def _values(given: Any, place: Any) -> Values:
    if given not in VALUES:
        raise UsageError(
            f"The values of a head that can be exchanged are {quoted_list(VALUES)}; {place!r} was "
            "given."
        )
    return given


def _tokens(given: Any, known: frozenset[int], place: Any) -> tuple[int, ...]:
    many = cast("Iterable[Any]", given if is_several(given) else [given])
    found = [whole_number(one) for one in many]
    if not found or not known.issuperset(found):
        raise UsageError(
            "The tokens of a place are one or more indices of the traced sequence, prefix tokens "
            f"counted, 0 to {max(known)}; {place!r} was given."
        )
    return tuple(sorted({int(one) for one in found if one is not None}))
