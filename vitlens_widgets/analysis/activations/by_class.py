"""What features do on the images of each class, on the class's thing and beside it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def no_classes(n_classes: int, n_features: int, masks: bool) -> dict[str, np.ndarray]:
    """Sums before the first image, `[class, feature]`, and numbers of tokens, `[class]`."""
    shape = (n_classes, n_features)
    found = {
        "class tokens": np.zeros(n_classes, np.int64),
        "class sum": np.zeros(shape),
        "class above": np.zeros(shape, np.int32),
    }
    if masks:
        found |= {"thing tokens": np.zeros(n_classes, np.int64), "thing sum": np.zeros(shape)}
    return found


def count_tokens(kept: dict[str, np.ndarray], classes: np.ndarray, of_parts: np.ndarray) -> None:
    """Count the tokens of a batch, in place.

    Args:
        kept: As of `no_classes`.
        classes: Of the images, `[image]`; below 0 where nobody knows: such images count for none.
        of_parts: How many tokens the parts of each image have, `[image, part]`: all of it, or what
            shows the thing and the rest.
    """
    known = classes >= 0
    np.add.at(kept["class tokens"], classes[known], of_parts[known].sum(1))
    if "thing tokens" in kept:
        np.add.at(kept["thing tokens"], classes[known], of_parts[known, 0])


def add_classes(
    kept: dict[str, np.ndarray],
    features: slice,
    sums: Tensor,
    above: Tensor,
    classes: Tensor,
) -> None:
    """Add a batch's activations to the sums of its classes, in place.

    Args:
        kept: As of `no_classes`.
        features: Those at hand.
        sums: Of the tokens of each part, `[image, part, feature]`.
        above: How many of them are above 0, likewise.
        classes: Of the images, int64 `[image]`; below 0 where nobody knows.
    """
    found = {"class sum": sums.sum(1), "class above": above.sum(1)}
    if "thing sum" in kept:
        found["thing sum"] = sums[:, 0]
    known = classes >= 0
    for name, of_image in found.items():
        into = torch.from_numpy(kept[name][:, features])
        into.index_add_(0, classes[known], of_image[known].to(into.dtype))
