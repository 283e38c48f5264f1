"""The file of a fit that is under way: what it was given, and how far it has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from vitlens_widgets.errors import UsageError, warn
from vitlens_widgets.files import path_for, try_out
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import agree, fingerprint

_IMAGES = ("data", "seen")


@dataclass(frozen=True)
class SavedFit(SavedLens):
    """As `SavedLens`, of a fit that has not come to its end."""

    key: ClassVar[str] = "vitlens_widgets fit"
    thing: ClassVar[str] = "fit"


class KeptFit:
    """Where a fit is kept: `lens.safetensors` at its end, `lens.safetensors.fit` until then.

    Args:
        path: Of the finished lens.
        lens: The name of its class.
        vit: The model.
        facts: What the fit is of, in JSON's types.

    Raises:
        UsageError: No file can be written there.
    """

    finished_as: ClassVar[type[SavedLens]] = SavedLens
    """What its finished file is."""

    def __init__(self, path: Any, lens: str, vit: ViT, facts: Mapping[str, Any]) -> None:
        self.finished = path_for(path, "lens.safetensors")
        self.path = self.finished.with_name(f"{self.finished.name}.fit")
        self._about = (lens, vit.name, fingerprint(vit))
        self._vit = vit
        self._facts = json.loads(json.dumps(facts))
        for place in (self.finished, self.path):
            if not place.exists():
                try_out(place)

    @property
    def is_there(self) -> bool:
        """Whether there is a fit to go on with."""
        return self.path.is_file()

    def check_finished(self) -> bool:
        """Whether the finished lens is there; refuses one of another fit.

        Raises:
            UsageError: It is of other settings, images or another model, or no lens.
        """
        if not self.finished.is_file():
            return False
        saved = self.finished_as.read(self.finished)
        self._check(self.finished, saved, self.facts_of(saved.settings))
        return True

    def facts_of(self, settings: Mapping[str, Any]) -> Any:
        """What a finished file says that it was fitted to, by its settings."""
        return settings.get("fitted", {}).get("of")

    def read(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """How far it has come: numbers and tensors.

        Raises:
            UsageError: It is a fit of something else, or damaged.
        """
        saved = SavedFit.read(self.path)
        self._check(self.path, saved, saved.settings["of"])
        return saved.settings, {n: t.to(self._vit.device) for n, t in saved.tensors.items()}

    def keep(self, numbers: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
        """Replace what is kept, at once; where that fails, say so, and let the fit go on."""
        try:
            SavedFit(*self._about, {**numbers, "of": self._facts}, tensors).write(self.path)
        except UsageError as error:
            warn(f"{error} The fit goes on without it.")
            return False
        return True

    def is_of(self, saved: SavedLens) -> bool:
        """Whether a file is of this kind of lens, and of this model."""
        lens, _, known = self._about
        return saved.lens == lens and agree(saved.fingerprint, known)

    def end(self) -> None:
        """The lens is written: what led to it can go."""
        self.path.unlink(missing_ok=True)

    def _check(self, path: Path, saved: SavedLens, facts: Any) -> None:
        if not self.is_of(saved):
            other = "another model or another lens"
        elif facts != self._facts:
            theirs: Mapping[str, Any] = facts if is_mapping(facts) else {}
            differ = [name for name in self._facts if theirs.get(name) != self._facts[name]]
            said = dict.fromkeys("images" if name in _IMAGES else f"{name}=" for name in differ)
            other = f"other {' and '.join(said)}"
        else:
            return
        raise UsageError(
            f"{path} holds a fit of {other}; give save_to= another file, or delete this one."
        )
