from .bars import with_bars
from .boxes import with_boxes
from .curves import (
    COLOURS,
    empty_figure,
    figure_over_blocks,
    figure_over_shares,
    figure_over_states,
    places_of,
    with_curves,
    with_means,
)
from .dots import figure_over_layers, heads_over, with_dots, with_points
from .heat_map import map_of_patches, signed_cells, with_cells
from .intervals import intervals
from .marks import with_chance, with_stars, with_stars_of_kinds
from .notebook import in_notebook
from .pictures import contact_sheet
from .small_multiples import beside

__all__ = [
    "COLOURS",
    "beside",
    "contact_sheet",
    "empty_figure",
    "figure_over_blocks",
    "figure_over_layers",
    "figure_over_shares",
    "figure_over_states",
    "heads_over",
    "in_notebook",
    "intervals",
    "map_of_patches",
    "places_of",
    "signed_cells",
    "with_bars",
    "with_boxes",
    "with_cells",
    "with_chance",
    "with_curves",
    "with_dots",
    "with_means",
    "with_points",
    "with_stars",
    "with_stars_of_kinds",
]
