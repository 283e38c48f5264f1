"""Fitted lenses of the embedded models, which come with the package."""

from __future__ import annotations

import os
from pathlib import Path

from vitlens_widgets.errors import UsageError, quoted_list

FOLDER = Path(__file__).parent / "embedded_files"
_MODELS = "toy/"


def embedded_file(given: str | os.PathLike[str], kind: str) -> str | os.PathLike[str]:
    """The file of an embedded model's lens, if that is what was named; else what was given.

    Args:
        given: The name of an embedded model, or a file.
        kind: Of lens, as its files are called, such as `"tuned"`.

    Raises:
        UsageError: The name of a model whose lens does not come with the package.
    """
    if not isinstance(given, str) or not given.startswith(_MODELS) or Path(given).is_file():
        return given
    there = {
        _MODELS + path.stem.removesuffix(f"-{kind}").removeprefix("toy-"): path
        for path in sorted(FOLDER.glob(f"toy-*-{kind}.safetensors"))
    }
    if given not in there:
        raise UsageError(
            f'No {kind} lens of "{given}" comes with the package; those of {quoted_list(there)} '
            "do. Fit one, or name a file."
        )
    return there[given]
