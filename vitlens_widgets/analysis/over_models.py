"""One experiment for each of several models, over the same images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from vitlens_widgets.data import Dataset
from vitlens_widgets.trace import ViT

Found = TypeVar("Found")


def over_models(
    experiment: Callable[..., Found],
    models: Mapping[str, ViT],
    data: Dataset,
    *,
    folder: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> dict[str, Found]:
    """What an experiment finds, by the models' names.

    Args:
        experiment: One of `vl.analysis` that runs over a data set, or a function of your own that
            takes a model, the data and `settings`, such as one that sets a baseline by the model.
        models: By what they shall be called.
        data: The images.
        folder: Where to save each run after every batch, to go on from there when it was stopped;
            it is made if it is missing. None saves nothing.
        **settings: For the experiment: `n_images`, `batch_size`, ...

    Raises:
        UsageError: What the experiment raises.

    Example:
        >>> found = vl.analysis.over_models(vl.analysis.identifiability, models, data, n_images=50)
        >>> vl.analysis.compare(found, "score")
    """
    results: dict[str, Any] = {}
    for name, vit in models.items():
        saving = {}
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = f"{experiment.__name__}, {name.replace('/', '-')}.npz"
            saving = {"save_to": Path(folder) / file}
        results[name] = experiment(vit, data, **settings, **saving)
    return results
