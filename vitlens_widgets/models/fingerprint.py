"""`fingerprint`: by which a model is known again."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from vitlens_widgets.models.vit import BaseViT


def fingerprint(vit: BaseViT) -> str:
    """SHA-256 of all that a model's answers to images depend on.

    Its modules as they print themselves, weights and buffers with their names and types, the
    classifier that was given to it, the image size, the preprocessing, and the labels in order.

    Args:
        vit: The model; it is read, never changed.
    """
    digest = hashlib.sha256()
    shape = (vit.n_heads, vit.readout.name, vit.image_size)  # which modules do not print
    words = (repr(vit.model), shape, str(vit.preprocessing), list(vit.labels))
    digest.update(repr(words).encode())
    given = vars(vit.adapter.classifier) if vit.adapter.classifier is not None else {}
    for name, value in {**vit.model.state_dict(), **given}.items():
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {list(value.shape)}".encode())
            digest.update(
                value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
            )
    return digest.hexdigest()
