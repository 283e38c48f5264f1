"""A timm model whose weights are read from a file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from torch import nn

from vitlens_widgets.errors import UsageError, quoted_list, said
from vitlens_widgets.models.foreign import Foreign


def module_from_file(
    path: str | os.PathLike[str], architecture: str, n_classes: int, ignore: str = ""
) -> nn.Module:
    """The model in eval mode, with every one of its weights from the file.

    Args:
        path: A state dict of timm's names (`.pth`, `.pt`, `.safetensors`), on its own or under
            "state_dict" or "model", its names with or without "model." before them; or Google's
            arrays (`.npz`). No code in a file is run.
        architecture: timm's name, without a tag.
        n_classes: Of the classifier.
        ignore: Names that begin with this are left in the file.

    Raises:
        UsageError: There is no such file, it cannot be read, or it is of another model.
    """
    import timm

    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"A file of weights is given by its path, not by {said(path)}.")
    path = Path(path).expanduser()
    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    model = timm.create_model(architecture, pretrained=False, num_classes=n_classes)
    try:
        fits = _google(model, path) if path.suffix == ".npz" else _named(model, path, ignore)
    except Exception as error:  # whatever the readers of other people's files may raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"{path} holds no weights that can be read for {architecture}: {reason[0]}"
        ) from error
    if fits:
        raise UsageError(f"{path} does not hold the weights of {architecture}: {fits}.")
    return model.eval()


def _named(model: Foreign, path: Path, ignore: str) -> str:
    """Load a state dict; why it does not fit, or ""."""
    from timm.models import load_state_dict

    given = load_state_dict(str(path), use_ema=False, weights_only=True)
    given = {name.removeprefix("model."): weight for name, weight in given.items()}
    if ignore:
        given = {name: weight for name, weight in given.items() if not name.startswith(ignore)}
    own = model.state_dict()
    for what, names in (("lacks", own.keys() - given), ("also has", given.keys() - own)):
        if names:
            return f"it {what} {quoted_list(sorted(names)[:3])}"
    other = [name for name in own if own[name].shape != given[name].shape]
    if other:
        shapes = [list(weights[other[0]].shape) for weights in (given, own)]
        return f'"{other[0]}" is {shapes[0]} in it, and {shapes[1]} in the model'
    model.load_state_dict(given)
    return ""


def _google(model: Foreign, path: Path) -> str:
    """Load arrays as timm does, which passes over a classifier of another size."""
    with np.load(path, allow_pickle=False) as arrays:
        n_classes = len(arrays["head/bias"])
    if n_classes != model.num_classes:
        return f"it knows {n_classes} classes, the model {model.num_classes}"
    model.load_pretrained(str(path))
    return ""
