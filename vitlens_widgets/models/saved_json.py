"""What a saved model notes about itself as JSON, or a sentence that says how it is damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.kinds import is_mapping

_COUNTS = re.compile(r"num_(?!labels)\w+|\w+_size|depth|n_layers?|n_heads?")
_LAYERS = re.compile(r"num_(?:hidden_)?layers|depth|n_layers?")
_MOST_LAYERS = 1000
_AT_MOST = 2**31


def read_json(path: Path) -> dict[str, Any]:
    """The words and values of a file.

    Raises:
        UsageError: It is no JSON, or not a dict of words.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # those of JSON and of UTF-8 are ValueErrors
        reason = "deeply nested" if isinstance(error, RecursionError) else str(error)[:100]
        raise UsageError(f"{path} is damaged: it is not JSON ({reason}). Save it anew.") from None
    if not is_mapping(found):
        raise UsageError(f"{path} is damaged: it holds {said(found)}, not a dict. Save it anew.")
    return dict(found)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it says {name} in the place of a number")


def read_config(path: Path) -> dict[str, Any]:
    """The configuration of a model.

    Raises:
        UsageError: It is damaged, or a number in it cannot be meant: no library would say so, but
            build blocks until the memory is full.
    """
    found = read_json(path)
    for word, value in _numbers(found):
        layers = _LAYERS.fullmatch(word)
        if not 0 <= value <= (_MOST_LAYERS if layers else _AT_MOST):
            raise UsageError(f"{path} is damaged: it says {word} = {value}. Save it anew.")
    return found


def _numbers(words: Mapping[str, Any], deep: int = 3) -> Iterator[tuple[str, int]]:
    for word, value in words.items():
        if is_mapping(value) and deep:
            yield from _numbers(value, deep - 1)
        elif isinstance(value, int) and _COUNTS.fullmatch(word):
            yield word, value
