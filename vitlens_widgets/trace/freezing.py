"""A computation made affine at one run: norms keep their scale there, attention its weights.

Source: Elhage et al. (2021), "A mathematical framework for transformer circuits", where the final
norm's scale is a constant; frozen attention patterns and what stands beside the residual path as a
part of its own are the same idea in a pooling by attention.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean, entered, hooking
from vitlens_widgets.models.foreign import Foreign

_EXACT = {torch.float64: 1e-9, torch.float32: 1e-4}
_EXACT_HALF = 5e-2
"""How far, relative to the largest entry, a norm may be from what it is read as: rounding."""


class _Norm(NamedTuple):
    """What a norm multiplied by: `(x - mean(x) if centred else x) * factor * weight + bias`."""

    factor: Tensor
    centred: bool


class Freezing:
    """What is kept of the first run, and given back in the same order in those that follow.

    Only what depends on the tensor that is asked about, which requires gradients, is frozen.

    Attributes:
        with_bias: Whether frozen norms add their bias.
        with_aside: Whether activations, which stand still as constants, stand at what they were;
            else at 0. They stand beside the residual path of a pooling, in its MLP.
        products: Linear layers and norms that ran on it, each with what it gave.
    """

    def __init__(self) -> None:
        self.with_bias = self.with_aside = True
        self.products: list[tuple[nn.Module, Tensor]] = []
        self._kept: list[Any] = []
        self._place: int | None = None

    def begin_again(self) -> None:
        """What follows is another run of the same computation, on another tensor."""
        self._place = 0

    @clean
    def kept(self, find: Callable[[], Any]) -> Any:
        """What is found in the first run, in every run."""
        if self._place is None:
            with torch.no_grad():
                self._kept.append(find())
            return self._kept[-1]
        self._place += 1
        return self._kept[self._place - 1]

    def norm(self, module: Foreign, args: tuple[Any, ...], out: Tensor) -> Tensor | None:
        """In place of a norm's answer: with the scale that it had in the first run."""
        x: Tensor = args[0]
        if not x.requires_grad:
            return None
        found: _Norm = self.kept(lambda: _read_norm(module, x, out))
        shape = x - x.mean(-1, keepdim=True) if found.centred else x
        normed = shape * found.factor.to(x)
        if getattr(module, "weight", None) is not None:
            normed = normed * module.weight
        if self.with_bias and getattr(module, "bias", None) is not None:
            normed = normed + module.bias
        normed = normed.to(out)
        self.products.append((module, normed))
        return normed

    def linear(self, module: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
        """A linear layer is affine already."""
        if args[0].requires_grad:
            self.products.append((module, out))

    def activation(self, _module: object, args: tuple[Any, ...], out: Tensor) -> Tensor | None:
        """In place of an activation's answer: the constant that it was."""
        if not args[0].requires_grad:
            return None
        found: Tensor = self.kept(out.detach)
        return found if self.with_aside else torch.zeros_like(found)

    def attention(self, module: Foreign, args: tuple[Any, ...], out: Any) -> Any:
        """In place of the answer of torch's attention module: its weights on the values."""
        if not any(isinstance(one, Tensor) and one.requires_grad for one in args):
            return None
        query, key, value = args[:3]
        inside = {"average_attn_weights": False, "need_weights": True}
        found: Tensor = self.kept(
            lambda: module(query.detach(), key.detach(), value.detach(), **inside)[1]
        )
        bias = None if module.in_proj_bias is None else module.in_proj_bias.chunk(3)[2]
        v = nn.functional.linear(value, module.in_proj_weight.chunk(3)[2], bias)
        by_head = torch.unflatten(v, -1, (module.num_heads, -1)).transpose(-2, -3)
        mixed = (found @ by_head).transpose(-2, -3).flatten(-2)
        return module.out_proj(mixed), *out[1:]


@contextmanager
def freezing(modules: Iterable[nn.Module], frozen: Freezing) -> Generator[None]:
    """While this lasts, the modules compute what is affine; for a function that is `clean`.

    Args:
        modules: Those that may run on what is asked about.
        frozen: What is kept of the first run.

    Raises:
        UsageError: A norm whose scale cannot be read off what it gives.
    """
    with hooking() as hooks, entered(_Functions(frozen)):
        for module in modules:
            hook = _hook_of(module, frozen)
            if hook is not None:
                hooks.after(module, hook, first=True)  # what others see has been frozen
        yield


def _hook_of(module: nn.Module, frozen: Freezing) -> Callable[..., Any] | None:
    if isinstance(module, nn.MultiheadAttention):
        return frozen.attention
    if list(module.children()):
        return None
    if isinstance(module, nn.Linear):
        return frozen.linear
    if "norm" in type(module).__name__.lower():
        return frozen.norm
    told = type(module).__module__.rpartition(".")[2]  # torch's, timm's and transformers'
    is_one = told in ("activation", "activations") and not isinstance(module, nn.Softmax)
    return frozen.activation if is_one else None


def _read_norm(module: Foreign, x: Tensor, out: Tensor) -> _Norm:
    """By what a norm multiplied, found in what it gave, so that it is proved as well.

    Raises:
        UsageError: It gave something else.
    """
    fine = torch.promote_types(x.dtype, torch.float32)
    x, gave = x.detach().to(fine), out.detach().to(fine)
    if getattr(module, "bias", None) is not None:
        gave = gave - module.bias.to(fine)
    for centred in (True, False):
        shape = x - x.mean(-1, keepdim=True) if centred else x
        weighed = (
            shape * module.weight.to(fine) if getattr(module, "weight", None) is not None else shape
        )
        least = torch.finfo(fine).tiny
        length = (weighed * weighed).sum(-1, keepdim=True).clamp(min=least)
        factor = (gave * weighed).sum(-1, keepdim=True) / length
        off = (gave - factor * weighed).abs().amax()
        if off <= _EXACT.get(out.dtype, _EXACT_HALF) * gave.abs().amax():
            return _Norm(factor, centred)
    raise UsageError(
        f"A {type(module).__name__} stands between the parts and the answer, and what it gives is "
        "no vector over one scale, times its weight, plus its bias, so that its scale cannot be "
        "frozen."
    )


class _Functions(TorchFunctionMode):
    """Functions of torch that are frozen where they run on what is asked about."""

    def __init__(self, frozen: Freezing) -> None:
        super().__init__()
        self._frozen = frozen

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run a function, or what is affine in its place."""
        kwargs = kwargs or {}
        in_place = _IN_PLACE.get(func)
        on_it = any(isinstance(one, Tensor) and one.requires_grad for one in args)
        if in_place is None or not on_it:
            return func(*args, **kwargs)
        return in_place(self._frozen, func, *args, **kwargs)


def _softmax(frozen: Freezing, func: Foreign, *args: Any, **words: Any) -> Tensor:
    return frozen.kept(lambda: func(*args, **words).detach())


def _attend(
    frozen: Freezing, _func: object, q: Tensor, k: Tensor, v: Tensor, **words: Any
) -> Tensor:
    """`scaled_dot_product_attention`, without dropout: the models are in eval mode."""

    def pattern() -> Tensor:
        scale = words.get("scale")
        scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
        mask = words.get("attn_mask")
        if mask is not None:
            hidden = mask.dtype == torch.bool
            scores = scores.masked_fill(~mask, -torch.inf) if hidden else scores + mask
        return scores.softmax(-1).detach()

    return frozen.kept(pattern) @ v


def _normalize(frozen: Freezing, func: Foreign, x: Tensor, *args: Any, **words: Any) -> Tensor:
    """`normalize`, whose length is the first vector over its unit vector."""

    def length() -> Tensor:
        given = dict(zip(("p", "dim", "eps"), args, strict=False)) | words
        p, dim = float(given.get("p", 2)), int(given.get("dim", 1))
        found = (x.detach().abs() ** p).sum(dim, keepdim=True) ** (1 / p)
        return found.clamp_min(float(given.get("eps", 1e-12)))

    del func
    return x / frozen.kept(length)


def _largest(frozen: Freezing, func: Foreign, x: Tensor, *args: Any, **words: Any) -> Tensor:
    """`amax` along one axis: the entry that was the largest."""
    dim = words.get("dim", args[0] if args else None)
    if not isinstance(dim, int):
        return func(x, *args, **words)
    place: Tensor = frozen.kept(lambda: x.argmax(dim, keepdim=True))
    found = x.gather(dim, place)
    return found if words.get("keepdim") else found.squeeze(dim)


_IN_PLACE: dict[Any, Callable[..., Tensor]] = {
    nn.functional.softmax: _softmax,
    torch.softmax: _softmax,
    Tensor.softmax: _softmax,
    nn.functional.scaled_dot_product_attention: _attend,
    nn.functional.normalize: _normalize,
    torch.amax: _largest,
    Tensor.amax: _largest,
}
