"""Why weights do not fit a model, in words; and a model filled with weights that do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError, counted, quoted_list


def fill(
    model: nn.Module, weights: Mapping[str, Tensor], path: Path, *, assign: bool = False
) -> None:
    """Give a model its weights by their names: every one of it, and none left over.

    Args:
        model: Built as the file notes it.
        weights: Of a file, by the model's names.
        path: That file.
        assign: See `load_state_dict`.

    Raises:
        UnsupportedModelError: They are of another model, or have numbers that are not finite.
    """
    own = model.state_dict()
    there = [name for name in own if name in weights]
    found = faults(
        [name for name in own if name not in weights],
        [name for name in weights if name not in own],
        [(n, weights[n].shape, own[n].shape) for n in there if weights[n].shape != own[n].shape],
    )
    broken = [name for name, weight in weights.items() if not weight.isfinite().all()]
    if broken:
        found.append(f'the numbers of "{broken[0]}" are not all finite')
    if found:
        raise UnsupportedModelError(
            f"{path.name} does not hold the weights of the model that it notes: {'; '.join(found)}."
        )
    model.load_state_dict(weights, assign=assign)


def faults(
    lacks: Sequence[str],
    more: Sequence[str],
    other: Sequence[tuple[str, Sequence[int], Sequence[int]]],
) -> list[str]:
    """Why weights do not fit a model, in clauses; none where they do.

    Args:
        lacks: Names that are missing in the file.
        more: Names that the model does not have.
        other: A name, and its shapes in the file and in the model.
    """
    shapes = [
        f'"{name}" is {list(there)} in it, and {list(here)} in the model'
        for name, there, here in other
    ]
    if len(shapes) > 5:
        shapes = [*shapes[:4], f"{len(shapes) - 4} others have other shapes"]
    return [*filter(None, [_names("lacks", lacks), _names("also has", more)]), *shapes]


def _names(what: str, names: Sequence[str]) -> str:
    more = f" and {counted(len(names) - 5, 'other')}" if len(names) > 5 else ""
    return f"it {what} {quoted_list(names[:5])}{more}" if names else ""
