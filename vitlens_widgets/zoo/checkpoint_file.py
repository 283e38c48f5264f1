"""A timm model whose weights are read from a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.weight_faults import faults
from vitlens_widgets.zoo.layouts import Weights, as_timm, placed_as, vit_in
from vitlens_widgets.zoo.weights_file import WeightsFile, read_weights

_GOOGLES = "Transformer.encoder_norm.scale"


def module_from_file(
    file: str | os.PathLike[str] | WeightsFile,
    architecture: str,
    *,
    image_size: tuple[int, int] | None = None,
    key: str | None = None,
    ignore: Sequence[str] = (),
    **words: Any,
) -> nn.Module:
    """The model in eval mode, with every one of its weights from the file, and none left over.

    Args:
        file: Its path, or what was read from it: a state dict under timm's names, transformers'
            (ViT, DeiT, DINOv2) or Facebook's (DINO, DINOv2, MAE), or Google's arrays (`.npz`).
        architecture: timm's name.
        image_size: (height, width) to run at; timm resamples positions that are of another size.
        key: Which model, where the file holds several.
        ignore: Names that begin with one of these are left in the file.
        **words: For `timm.create_model`; the number of classes is the file's where not given.

    Raises:
        UsageError: There is no such file, it cannot be read, or it is of another model: weights
            that are missing, left over and of another shape are named.
    """
    file = file if isinstance(file, WeightsFile) else read_weights(file)
    google = _GOOGLES in next(iter(file.state_dicts.values()))
    weights = _arrays(file) if google else as_timm(vit_in(file, key, ignore))
    head = "head.bias" if google else "head.weight"
    words = {"num_classes": len(weights[head]) if head in weights else 0, **words}
    fill = _fill_google if google else _fill
    tried: list[list[str]] = []
    for size in dict.fromkeys((image_size, None)):
        model = _built(architecture, size, words)
        tried.append(fill(model, weights, file))
        if not tried[-1]:
            if size != image_size:
                model.set_input_size(img_size=image_size)
            return model.eval()
    fewest = "; ".join(min(tried, key=len))
    raise UsageError(f"{file.path} does not hold the weights of {architecture}: {fewest}.")


def _built(architecture: str, size: tuple[int, int] | None, words: Mapping[str, Any]) -> Foreign:
    import timm

    sized = {} if size is None else {"img_size": size}
    return timm.create_model(architecture, pretrained=False, **sized, **words)


def _fill(model: Foreign, given: Weights, _: WeightsFile) -> list[str]:
    """Load weights by their names; why they do not fit, or nothing."""
    own = model.state_dict()
    given = placed_as(given, own)
    fixed = dict(model.named_buffers())  # some files hold what the model computes itself
    more = [name for name in given if name not in own and not _same(given[name], fixed.get(name))]
    other = [
        (name, given[name].shape, own[name].shape)
        for name in own
        if name in given and own[name].shape != given[name].shape
    ]
    found = faults([name for name in own if name not in given], more, other)
    found += [
        f'"{name}" is {_kind(given[name])} in it, not numbers that the model computes with'
        for name in own
        if name in given and not _usable(given[name], own[name])
    ][:1]
    if not found:
        model.load_state_dict({name: given[name] for name in own})
        return []
    return [*found, *_advice(own, given, more)]


def _usable(given: Tensor, own: Tensor) -> bool:
    """Whether loading keeps the numbers: dense, and floats where the model has floats."""
    dense = given.layout == torch.strided and not given.is_meta and not given.is_quantized
    return dense and given.is_floating_point() == own.is_floating_point()


def _kind(given: Tensor) -> str:
    layout = "" if given.layout == torch.strided else f", {given.layout}"
    return f"{given.dtype}{' without values' if given.is_meta else layout}"


def _same(given: Tensor, fixed: Tensor | None) -> bool:
    return fixed is not None and fixed.shape == given.shape and bool((fixed == given).all())


def _advice(own: Mapping[str, Tensor], given: Weights, more: Sequence[str]) -> list[str]:
    """What may be meant, where a fault is known."""
    mine, theirs = (getattr(w.get("pos_embed"), "shape", ()) for w in (own, given))
    if mine and theirs and mine[-1] == theirs[-1] and mine != theirs:
        return ["image_size= tells the size that it was trained at"]
    if "fc_norm.weight" in more and "norm.weight" not in given:
        return ['a model that was fine-tuned to the mean of its patches takes global_pool="avg"']
    parts = {name.split(".")[0] for name in own}
    beside = [name.split(".")[0] for name in more]
    if more and all(name in given for name in own) and not parts.intersection(beside):
        return [f'weights_ignore="{beside[0]}" leaves what belongs to no part of it']
    return []


def _arrays(file: WeightsFile) -> Weights:
    return dict(next(iter(file.state_dicts.values())))


def _fill_google(model: Foreign, arrays: Weights, file: WeightsFile) -> list[str]:
    """Load arrays as timm does, which passes over those of other sizes: these are told before."""
    classes = len(arrays.get("head.bias", ()))
    if classes != model.num_classes:
        return [f"it knows {classes} classes, the model {model.num_classes}"]
    places = "Transformer.posembed_input.pos_embedding"
    own = model.state_dict()
    if places in arrays and arrays[places].shape != own["pos_embed"].shape:
        return [
            f'"{places}" is {list(arrays[places].shape)} in it, and '
            f"{list(own['pos_embed'].shape)} in the model"
        ]
    counts = [sum(weight.numel() for weight in all_.values()) for all_ in (arrays, own)]
    if counts[0] != counts[1]:
        return [f"it has {counts[0]:,} numbers, the model {counts[1]:,}"]
    model.load_pretrained(str(file.path))
    return []
