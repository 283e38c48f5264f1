"""`fingerprint`: by which a model is known again."""

# pyright: reportPrivateUsage=false
# torch lists the hooks of a module nowhere else.

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.trace.modules import check_modes, uncompiled
from vitlens_widgets.trace.weights import plain_parts

_TOLERANCE = 1e-2
"""Of the largest answer; another processor rounds otherwise, half-precision and 8-bit ones most."""


def fingerprint(vit: BaseViT) -> dict[str, Any]:
    """All that a model's answers to images depend on, in JSON's types; `agree` compares two.

    Its modules as they print themselves, weights, buffers and packed parameters with their names
    and types, hooks and replaced forwards by name, the classifier that was given to it, the image
    size, the preprocessing, and the labels in order, as one SHA-256; and for what all this does
    not tell, such as the factor in a hook, its answer to one fixed image of random pixels.

    Args:
        vit: The model; it is read and run once, never changed.

    Raises:
        UsageError: It is in train mode, where no answer is the same twice.
    """
    check_modes(vit)
    shape = (vit.n_heads, vit.readout.name, vit.image_size)  # which modules do not print
    digest = _digest(vit, (shape, str(vit.preprocessing), list(vit.labels)))
    return {"sha256": digest, "answers": _answers(vit)}


def fingerprint_at_any_size(vit: BaseViT) -> str:
    """All that a model makes of a token, whatever the size of the images, as one SHA-256.

    As `fingerprint`, without size, labels, answers, and positions, which libraries resample when
    they load a model for images of another size.

    Args:
        vit: The model; it is read, never changed.

    Raises:
        UsageError: It is in train mode.
    """
    check_modes(vit)
    pixels = vit.preprocessing
    return _digest(vit, (vit.n_heads, vit.readout.name, pixels.mean, pixels.std), _POSITIONS)


_POSITIONS = re.compile(r"pos_|position|rope|rotary")
"""What libraries call the tensors that say where a token stands."""


def _digest(vit: BaseViT, words: tuple[Any, ...], left_out: re.Pattern[str] | None = None) -> str:
    """SHA-256 of a model's modules, values and hooks, and of what else is to be said of it.

    Args:
        vit: The model.
        words: What its modules do not print.
        left_out: What the names of values that do not count hold.
    """
    given = vars(vit.adapter.classifier) if vit.adapter.classifier is not None else {}
    return _digest_of(vit.model, words, given, left_out)


def fingerprint_of_module(model: nn.Module) -> str:
    """All that a module is, whoever reads it, as one SHA-256: modules, values and hooks."""
    return _digest_of(model, (), {}, None)


def _digest_of(
    model: Foreign,
    words: tuple[Any, ...],
    given: dict[str, Any],
    left_out: re.Pattern[str] | None,
) -> str:
    digest = hashlib.sha256()
    digest.update(_without_places(repr((repr(model), *words))).encode())
    values = {**dict(model.named_buffers()), **model.state_dict(), **given}
    for name in sorted(values):
        if left_out is not None and left_out.search(name):
            continue
        for part in _bytes_of(values[name]):
            digest.update(name.encode())
            digest.update(part)
    for name, module in model.named_modules():
        digest.update(f"{name} {_patched(module)}".encode())
    return digest.hexdigest()


def agree(one: Any, other: Any) -> bool:
    """Whether two fingerprints, or two descriptions with some in them, are the same.

    They are equal, but for answers, which may differ by a hundredth of the largest: other
    processors add up in another order.
    """
    if is_mapping(one) and is_mapping(other):
        if one.keys() != other.keys():
            return False
        close = "sha256" in one and "answers" in one
        return all(
            _close(one[name], other[name])
            if close and name == "answers"
            else agree(one[name], other[name])
            for name in one
        )
    return one == other


def _close(one: Any, other: Any) -> bool:
    try:
        ours, theirs = np.asarray(one, float), np.asarray(other, float)
    except (TypeError, ValueError):
        return False
    if ours.shape != theirs.shape:
        return False
    return bool(np.abs(ours - theirs).max(initial=0) <= _TOLERANCE * np.abs(ours).max(initial=0))


@clean
def _answers(vit: BaseViT) -> list[float]:
    """Its logits, or what it pools, to four digits."""
    shape = (1, vit.adapter.n_channels, *vit.image_size)
    pixels = torch.tensor(np.random.RandomState(0).uniform(-1, 1, shape))
    with torch.no_grad(), uncompiled(vit.model):
        answer = vit.adapter.forward(pixels.to(vit.device, vit.dtype))
    if not isinstance(answer, Tensor):
        return []
    values = cast("list[float]", answer.double().flatten().tolist())
    return [float(f"{value:.4g}") for value in values]


def digest_of(value: Any) -> bytes | None:
    """SHA-256 of a value: of all numbers of the tensors in it, and of what else prints itself.

    None where a tensor of a library's own kind is among them, whose numbers may not be told.
    """
    if not _is_plain(value):
        return None
    digest = hashlib.sha256()
    for part in _bytes_of(value):
        digest.update(part)
    return digest.digest()


def _is_plain(value: Any) -> bool:
    if isinstance(value, Tensor):
        return type(value.detach()) is Tensor and value.layout is torch.strided
    inner = list(value.values()) if is_mapping(value) else value
    return all(map(_is_plain, inner)) if is_several(inner) else True


def _bytes_of(value: Any) -> Iterator[bytes | memoryview]:
    """What a value of a state dict holds, tensors within others included."""
    if isinstance(value, Tensor):
        yield f"{value.dtype} {list(value.shape)}".encode()
        yield from map(_values_of, plain_parts(value))
    elif is_mapping(value):
        for name in value:
            yield repr(name).encode()
            yield from _bytes_of(value[name])
    elif is_several(value):
        for one in value:
            yield from _bytes_of(one)
    else:
        yield _without_places(repr(value)).encode()


def _values_of(part: Tensor) -> memoryview:
    part = part.dequantize() if part.is_quantized else part
    part = torch.view_as_real(part.resolve_conj()) if part.is_complex() else part.resolve_neg()
    return part.cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _patched(module: nn.Module) -> list[str]:
    """The hooks of a module and a forward in place of its class's, by their names."""
    own = vars(module)
    hooks = cast("tuple[dict[int, Any], ...]", (module._forward_pre_hooks, module._forward_hooks))
    patches = [hook for of_kind in hooks for hook in of_kind.values()]
    patches += [own["forward"]] if "forward" in own else []
    return [
        f"{one.__module__}.{getattr(one, '__qualname__', type(one).__qualname__)}"
        for one in patches
    ]


def _without_places(text: str) -> str:
    """Without the places in memory, which are others in every process."""
    return re.sub(r"\b0x[0-9a-f]+", "", text)
