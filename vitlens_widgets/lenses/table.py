"""A reading as a table: one row per place and state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitlens_widgets.data import Table
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from vitlens_widgets.lenses.reading import Reading


def reading_table(
    reading: Reading, image: int, tokens: Sequence[int], targets: Sequence[int | str]
) -> Table:
    """See `Reading.table`."""
    check_index("image", image, reading.n_images)
    classes = [reading.labels.index(target) for target in targets]
    places = {f"readout ({reading.readout_name})": (reading.readout, ())}
    for token in tokens:
        places[reading.layout.describe(token)] = (reading, (reading.position(token),))
    parts = [
        {"place": [name] * reading.n_states, "state": reading.state_names}
        | _at_place(read, (image, *place), classes)
        for name, (read, place) in places.items()
    ]
    columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    return Table(columns, title=f"{reading.lens_name} of {reading.model_name}, image {image}")


def _at_place(reading: Reading, place: tuple[int, ...], classes: list[int]) -> dict[str, list]:
    """What is said at one image and token in every state."""

    def every(values: Any) -> list:
        return values[(slice(None), *place)].tolist()

    top = reading.top(1)
    columns = {
        "answer": [reading.labels[i] for i in every(top.index[..., 0])],
        "probability": every(top.probability[..., 0]),
        "entropy": every(reading.entropy()),
        "KL to final": every(reading.kl_to_final()),
    }
    for index in classes:
        columns[f"p({reading.labels[index]})"] = every(reading.probability(index))
        columns[f"rank({reading.labels[index]})"] = every(reading.rank(index))
    return columns
