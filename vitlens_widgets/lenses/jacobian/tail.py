"""What workers did behind a batch that was not done, kept beside the file of a stopped fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitlens_widgets._version import __version__
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError, warn
from vitlens_widgets.files import whole_file
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import agree, fingerprint
from vitlens_widgets.workers.kept_parts import as_arrays, of_arrays
from vitlens_widgets.workers.order import Part


class Tail:
    """The file of a fit's parts that no mean can take in yet: `lens.safetensors.ahead`.

    Each part is some tens of megabytes, so they are written when the fit is stopped, and no sooner.

    Args:
        lens: The lens's file.
        vit: The model.
        data: The images.
    """

    def __init__(self, lens: Path, vit: ViT, data: Dataset) -> None:
        self.lens, self.path = lens, lens.with_name(f"{lens.name}.ahead")
        self._vit, self._data = vit, data

    def read(self) -> list[Part]:
        """The parts; none where there is no such file, or one of something else."""
        if not self.path.is_file():
            return []
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file}
            about = json.loads(str(arrays.pop("about")))
        except Exception:  # NumPy says in many ways that a file is none of its own
            return []
        return of_arrays(arrays) if agree(about, self._about()) else []

    def keep(self, parts: Sequence[Part]) -> None:
        """Replace what the file holds; where that fails, say so: nothing else is lost by it."""
        if not parts:
            return self.end()
        try:
            with whole_file(self.path) as file:
                np.savez(file, **as_arrays(parts), about=json.dumps(self._about()))
        except UsageError as error:
            warn(f"{error} What workers have done beyond the lens's images is lost.")

    def end(self) -> None:
        """The fit has come to its end."""
        self.path.unlink(missing_ok=True)

    def _about(self) -> dict[str, Any]:
        about = {
            "version": __version__,
            "model": fingerprint(self._vit),
            "data": dict(self._data.identity),
        }
        return json.loads(json.dumps(about))
