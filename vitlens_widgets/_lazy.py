"""Public names that are loaded when they are first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lazy_loader


def public_names(
    package: str, file: str, short: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, from the stub beside its file.

    Args:
        package: Its `__name__`.
        file: Its `__file__`.
        short: What users call it, for the nearest names to one that is not there.
    """
    load, listed, names = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        if name in names:
            return load(name)
        raise AttributeError(_unknown(name, package, names, short), name=name)

    return get, listed, names


def _unknown(name: str, package: str, names: list[str], short: str) -> str:
    from vitlens_widgets.errors import nearest

    near = [] if name.startswith("_") else nearest(name, names)
    close = f" Nearest: {', '.join(f'{short}.{other}' for other in near)}." if near else ""
    return f"module {package!r} has no attribute {name!r}.{close}"
