"""Public names, loaded when they are first used; and the nearest to one that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias, cast

import lazy_loader

_Attached: TypeAlias = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def public_names(package: str, file: str, short: str) -> _Attached:
    """`__getattr__`, `__dir__` and `__all__` of a package, from the stub beside its file.

    Args:
        package: Its `__name__`.
        file: Its `__file__`.
        short: What users call it, for the nearest names to one that is not there.
    """
    load, listed, names = cast("_Attached", lazy_loader.attach_stub(package, file))

    def get(name: str) -> Any:
        return load(name) if name in names else refuse(name)

    refuse = refusal(package, names, short)
    return get, listed, names


def refusal(package: str, names: list[str], short: str) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a package that has loaded its names: for those that are not there.

    Args:
        package: Its `__name__`.
        names: Its public names.
        short: What users call it.
    """

    def refuse(name: str) -> NoReturn:
        raise AttributeError(_unknown(name, package, names, short), name=name)

    return refuse


def _unknown(name: str, package: str, names: list[str], short: str) -> str:
    from vitlens_widgets.errors import nearest

    near = [] if name.startswith("_") else nearest(name, names)
    close = f" Nearest: {', '.join(f'{short}.{other}' for other in near)}." if near else ""
    return f"module {package!r} has no attribute {name!r}.{close}"
