"""`Live`: what belongs to a model that is in memory, and how it is copied."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, TypeVar

from vitlens_widgets.errors import UsageError

AnyLive = TypeVar("AnyLive", bound="Live")


def all_of(vit: Any) -> tuple[object, ...]:
    """A `BaseViT` and all that it is made of, any of which something of it may hold."""
    model = vit.model
    return (vit, vit.adapter, *model.modules(), *model.parameters(), *model.buffers())


class Live:
    """What `copy` copies, and `pickle` does not: the code of a model is in no file.

    Attributes:
        kept_by: What to keep instead, to end the sentence.
    """

    kept_by: ClassVar[str] = ""

    def _shared(self) -> Iterable[object]:
        """What a deep copy has in common with it: here nothing."""
        return ()

    def __copy__(self: AnyLive) -> AnyLive:
        return self._twin(vars(self))

    def __deepcopy__(self: AnyLive, memo: dict[int, Any]) -> AnyLive:
        """A copy that shares what belongs to the same model, such as the model."""
        for one in self._shared():
            memo.setdefault(id(one), one)
        twin = memo[id(self)] = self._twin({})
        vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin

    def _twin(self: AnyLive, attributes: dict[str, Any]) -> AnyLive:
        twin = object.__new__(type(self))
        vars(twin).update(attributes)
        return twin

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{type(self).__name__} cannot be pickled, since a model's code is in no file: "
            f"{self.kept_by}."
        )
