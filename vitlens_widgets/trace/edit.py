"""`Edit`: what every change made at a site has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from vitlens_widgets.models import BaseViT, TokenLayout
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.selection import Choice


@runtime_checkable
class TracedSites(Protocol):
    """What an edit needs of another trace, of which it takes values."""

    vit: BaseViT
    layout: TokenLayout
    tokens: Tensor

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        ...

    def __getitem__(self, key: tuple[str, int]) -> Tensor:
        """One site of one block."""
        ...


@dataclass(frozen=True, repr=False, eq=False)
class Edit(ABC):
    """A change at one site; use one of its subclasses.

    A state is one thing under two names: an edit at `resid_pre` of block k changes state k, which
    is also `resid_post` of block k - 1.

    Args:
        site: The site's name.
        layer: One block or several, counted from 0.
        head: Which heads, at `q k v z attn_scores pattern`.
        token: Which tokens, at every other site and at `q k v z`.
        query: Which rows, at `attn_scores pattern`.
        key: Which columns, at `attn_scores pattern`.
    """

    site: str
    layer: int | Iterable[int]
    head: Choice = field(default=None, kw_only=True)
    token: Choice = field(default=None, kw_only=True)
    query: Choice = field(default=None, kw_only=True)
    key: Choice = field(default=None, kw_only=True)

    @abstractmethod
    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:
        """What stands in the chosen region instead of `value` `[image, chosen..., d]`."""

    @property
    def choices(self) -> dict[str, Choice]:
        """What is chosen, by axis; None is all."""
        return {name: getattr(self, name) for name in ("head", "token", "query", "key")}

    @property
    def operands(self) -> dict[str, Any]:
        """Numbers and tensors that must broadcast to the chosen region, by name."""
        return {}

    def choices_in(self, context: Context) -> dict[str, Choice]:  # noqa: ARG002
        """What is chosen in a run, by axis; None is all.

        Raises:
            UsageError: The edit cannot be made in this run, as far as its own class knows.
        """
        return self.choices

    def operand_shape(self, chosen: tuple[int, ...]) -> tuple[int, ...]:
        """What the operands must broadcast to, of the shape of the chosen region."""
        return chosen

    def apply(self, value: Tensor, layer: int, region: Region) -> Tensor:
        """The site's whole value with this edit made; `value` itself is left as it is."""
        new = self.changed(region.read(value), layer, region)
        return region.write(value, new.to(value))

    def __repr__(self) -> str:
        said = [f"{f.name}={short(getattr(self, f.name))}" for f in fields(self) if self._says(f)]
        return f"{type(self).__name__}({', '.join(said)})"

    def _says(self, f: Field[Any]) -> bool:
        return getattr(self, f.name) is not None


def short(value: Any) -> str:
    """A value in few words: of arrays their shape."""
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        return f"{type(value).__name__}{list(value.shape)}"
    return repr(value)
