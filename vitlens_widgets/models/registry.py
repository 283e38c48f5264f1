"""Which adapter reads which model class.

To support a new family, write one small file with one subclass of `Adapter`, decorate it with
`@register("package.module.ClassName")` for each model class it reads, and put the file into
`models/families`, where it is found by itself. A model is matched by the qualified names of its
class and of its base classes, so that no model library is imported in order to find out that it is
not needed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.adapter import Adapter, require
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.refused import reason_for

_FAMILIES = Path(__file__).with_name("families")


class Family(Protocol):
    """An adapter's class: makes the adapter of a model, at an image size or at the model's own."""

    def __call__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> Adapter:
        """The adapter; raises `UnsupportedModelError` as it does."""
        ...


_REGISTRY: dict[str, Family] = {}
_BY_STRUCTURE: list[tuple[Callable[[Foreign], bool], Family]] = []
_AdapterClass = TypeVar("_AdapterClass", bound=Family)


def register(*class_names: str) -> Callable[[_AdapterClass], _AdapterClass]:
    """Make an adapter the reader of the model classes with these qualified names."""

    def remember(adapter: _AdapterClass) -> _AdapterClass:
        _REGISTRY.update(dict.fromkeys(class_names, adapter))
        return adapter

    return remember


def register_by_structure(
    fits: Callable[[Foreign], bool],
) -> Callable[[_AdapterClass], _AdapterClass]:
    """Make an adapter the reader of modules that are built alike, whatever their class is called.

    Args:
        fits: Whether a module is built so. Asked where nothing is registered for its very class.
    """

    def remember(adapter: _AdapterClass) -> _AdapterClass:
        _BY_STRUCTURE.append((fits, adapter))
        return adapter

    return remember


def family_of(model: Foreign) -> Family:
    """The adapter class that reads this class of models.

    Raises:
        UnsupportedModelError: No family file reads it.
    """
    _load_families()
    found = _reader(model)
    if found is not None:
        return found
    names, part = _class_names(model), _readable_part(model)
    for name in () if part else names:
        require(not reason_for(name), model, reason_for(name))
    raise UnsupportedModelError(
        f"{names[0]} is not a ViT that can be read{part or _own(names[0])}."
    )


def _own(name: str) -> str:
    """What to do with a class that nobody reads, for the end of a sentence."""
    return (
        "; ViTs of timm, transformers, torchvision and open_clip are, and one of your own when a "
        f'class under @vl.register("{name}") says where its parts are: help(vl.PlainViT) shows how'
    )


@cache
def _load_families() -> None:
    """Import every family file, by which it registers itself."""
    for file in pkgutil.iter_modules([str(_FAMILIES)]):
        importlib.import_module(f"vitlens_widgets.models.families.{file.name}")


def readable_parts(model: Foreign) -> dict[str, Foreign]:
    """The parts of a module that a family reads, by name; "" is the module itself.

    Parts of such parts are not listed.
    """
    _load_families()
    found: dict[str, Foreign] = {}
    for name, part in model.named_modules():
        if any(not at or name.startswith(f"{at}.") for at in found):
            continue
        if _reader(part) is not None:
            found[name] = part
    return found


def _reader(model: Foreign) -> Family | None:
    """What reads a module: by its class, by its structure, or by a base class; else None."""
    names = _class_names(model)
    if names[0] not in _REGISTRY:
        for fits, adapter in _BY_STRUCTURE:
            if fits(model):
                return adapter
    for name in names:
        if name in _REGISTRY or reason_for(name):
            return _REGISTRY.get(name)
    return None


def _readable_part(model: Foreign) -> str:
    """The first part of a module that a family reads, for the end of a sentence."""
    for name in readable_parts(model):
        return f", but its part {name} is: give vl.load model.{name}"
    return ""


def _class_names(model: Foreign) -> list[str]:
    """The qualified names of a module's class and of its base classes."""
    return [f"{cls.__module__}.{cls.__qualname__}" for cls in type(model).__mro__]
