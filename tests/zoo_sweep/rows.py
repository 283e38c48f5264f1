"""Every row of the table: each model built, shaken and measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tests.small_models import shaken
from tests.zoo_sweep import (
    facebook,
    small_hf,
    small_open_clip,
    small_timm,
    small_torchvision,
    texts,
)
from tests.zoo_sweep.measure import Measured, measure

Row = Callable[[], Measured]


def all_rows() -> Iterator[tuple[str, Row]]:
    """(name, what gives its row) of every architecture, library by library."""
    for name in small_timm.names():
        yield name, partial(timm_row, name)
    for kind in small_torchvision.KINDS:
        yield kind, partial(torchvision_row, kind)
    for kind in facebook.KINDS:
        yield kind, partial(facebook_row, kind)
    for kind in small_hf.KINDS:
        yield kind, partial(hf_row, kind)
    for kind in texts.KINDS:
        yield f"{kind}Model, by prompts", partial(texts_row, kind)
    for name in small_hf.REFUSED:
        yield name, partial(refused_hf_row, name)
    for kind in small_open_clip.kinds():
        yield kind, partial(open_clip_row, kind)


def timm_row(name: str, **overrides: Any) -> Measured:
    """One of timm's architectures, with arguments to its constructor that no name uses."""
    model = shaken(small_timm.small(name, **overrides))
    forward = partial(small_timm.forward, model)
    return measure(name, "timm", model, forward, image_size=small_timm.run_at(model))


def torchvision_row(kind: str) -> Measured:
    """One of torchvision's ViTs."""
    model = shaken(small_torchvision.small(kind))
    return measure(kind, "torchvision", model, partial(small_torchvision.forward, model))


def facebook_row(kind: str) -> Measured:
    """One of Facebook's own modules, known by its structure."""
    torch.manual_seed(0)
    model = shaken(facebook.KINDS[kind]())
    return measure(kind, "facebookresearch", model, model, image_size=facebook.run_at(kind))


def hf_row(kind: str) -> Measured:
    """One of transformers' classes."""
    model = shaken(small_hf.small(kind))
    forward = partial(small_hf.forward, kind, model)
    return measure(kind, "transformers", model, forward, image_size=small_hf.run_at(kind))


def refused_hf_row(name: str) -> Measured:
    """A class of transformers that looks like a ViT and is not read."""
    return measure(name, "transformers", small_hf.refused(name), lambda _: None)


def texts_row(kind: str) -> Measured:
    """CLIP or SigLIP of transformers as a zero-shot classifier."""
    with tempfile.TemporaryDirectory() as folder:
        model = shaken(texts.saved(kind, Path(folder)))
        forward = partial(texts.own_answer, kind, model)
        name = f"{kind}Model, by prompts"
        return measure(name, "transformers", model, forward, prompts=texts.PROMPTS)


def open_clip_row(kind: str) -> Measured:
    """A model of open_clip as a zero-shot classifier."""
    model = shaken(small_open_clip.small(kind))
    forward = partial(small_open_clip.forward, model)
    return measure(kind, "open_clip", model, forward, prompts=texts.PROMPTS)
