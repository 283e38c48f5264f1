"""`Stream`: whether the residual stream went through the blocks as it must while a model ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.kinds import is_tuple
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.foreign import as_written


class Words(NamedTuple):
    """What a block was handed beside its state: positions, biases, masks."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    state_as: str | None
    """The keyword under which the state came, if it came under one."""

    @property
    def hold_tensors(self) -> bool:
        """Whether a tensor, or what may hold one, is among them."""
        words = (*self.args, *self.kwargs.values())
        return any(isinstance(word, (Tensor, tuple, list)) for word in words)

    def with_state(self, state: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a block that is run on a state with these words."""
        if self.state_as is None:
            return (state, *self.args), self.kwargs
        return self.args, {self.state_as: state, **self.kwargs}


class Stream:
    """Proves, block by block, that each ran once, in order, on what the one before it gave.

    A block's state is what it reads when the user's own hooks have done their work. Where it is
    run again from that state, it reads the very same: such a hook acts once.

    Args:
        vit: The model.
        layers: The blocks that run, in order.
        state: What the first of them reads, where the run starts from a state.
        words: By layer, what blocks were handed when that state was made, to be handed it again.

    Attributes:
        blocks: The modules, by layer.
        words: What blocks were handed, by layer.
        inside: The block that is running.

    Raises:
        UnsupportedModelError: One module is several blocks.
    """

    def __init__(
        self,
        vit: BaseViT,
        layers: Sequence[int],
        state: Tensor | None = None,
        words: Mapping[int, Words] | None = None,
    ) -> None:
        every = vit.adapter.blocks
        self.blocks: dict[int, nn.Module] = {k: as_written(every[k]) for k in layers}
        self.words = dict(words or {})
        self.inside: int | None = None
        self._name = vit.name
        self._state = state
        self._known = frozenset(self.words)
        self._next = layers[0]
        self._given: Tensor | None = None
        self._check_shared()

    @property
    def has_begun(self) -> bool:
        """Whether any block has been called."""
        return bool(self.words) or self.inside is not None

    def arrives(self, layer: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before anybody's hooks: a block is called.

        Raises:
            UnsupportedModelError: Out of turn, or on something else than the block before gave.
        """
        if self.inside is not None or layer != self._next:
            self._refuse_turn(layer)
        self.inside = layer
        state, _ = _split(args, kwargs)
        if self._given is not None and not self._is_given(state, self._given):
            self._refuse(
                f"its forward changes the residual stream between block {layer - 1} and "
                f"block {layer}"
            )

    def enters(
        self, layer: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """After the user's hooks: the arguments of a block that is run again, else None."""
        state, words = _split(args, kwargs)
        if self._state is not None:
            state, self._state = self._state, None
            return self.words.get(layer, words).with_state(state)
        if layer in self._known:
            return self.words[layer].with_state(state)
        self.words[layer] = words
        return None

    def leaves(self, layer: int, output: object) -> None:
        """After all hooks: what a block gives.

        Raises:
            UnsupportedModelError: It gives other tokens than it read.
        """
        given: object = output[0] if is_tuple(output) else output
        if not isinstance(given, Tensor):
            self._refuse(f"block {layer} gives no tensor but a {type(given).__name__}")
        self._given = given.detach().clone()  # not every change in place is counted
        self._next, self.inside = layer + 1, None

    def check_end(self) -> None:
        """Refuse a run that left blocks out.

        Raises:
            UnsupportedModelError: A block did not run.
        """
        left = [layer for layer in self.blocks if layer >= self._next]
        if left:
            self._refuse(f"block {left[0]} did not run")

    def _is_given(self, state: Any, given: Tensor) -> bool:
        """Whether this is what the block before gave, untouched since."""
        if not isinstance(state, Tensor):
            return False
        if state.shape != given.shape or state.dtype != given.dtype:
            return False
        state = state.detach()
        return torch.equal(state, given) or torch.allclose(state, given, 0, 0, equal_nan=True)

    def _refuse_turn(self, layer: int) -> NoReturn:
        if self.inside is not None:
            self._refuse(f"block {layer} runs inside block {self.inside}")
        if layer < self._next:
            self._refuse(f"block {layer} runs more than once, or after a later one")
        self._refuse(f"block {self._next} did not run before block {layer}")

    def _check_shared(self) -> None:
        seen: dict[int, int] = {}
        for layer, block in self.blocks.items():
            first = seen.setdefault(id(block), layer)
            if first != layer:
                self._refuse(f"blocks {first} and {layer} are one and the same module")

    def _refuse(self, found: str) -> NoReturn:
        raise UnsupportedModelError(
            f"{self._name} cannot be read exactly: each block must run once, in order, on what "
            f"the one before it gave, but {found}."
        )


def _split(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Words]:
    """The state that a block is called with, and everything else."""
    if args:
        return args[0], Words(tuple(map(_constant, args[1:])), _constants(kwargs), None)
    name, state = next(iter(kwargs.items()))
    others = {key: value for key, value in kwargs.items() if key != name}
    return state, Words((), _constants(others), name)


def _constants(words: dict[str, Any]) -> dict[str, Any]:
    return {name: _constant(word) for name, word in words.items()}


def _constant(word: Any) -> Any:
    """A tensor without its graph: a block that is run again must not end in an old one."""
    if is_tuple(word):
        return tuple(map(_constant, word))
    return word.detach() if isinstance(word, Tensor) else word
