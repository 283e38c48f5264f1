"""Box plots of scores, as in the figures of Vilas et al. (2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets.analysis import (
    AttentionPerturbation,
    ClassAndContext,
    ClassValueAgreement,
    Identifiability,
)
from vitlens_widgets.charts.boxes import with_boxes
from vitlens_widgets.charts.curves import figure_over_states
from vitlens_widgets.charts.marks import with_chance, with_stars, with_stars_of_kinds
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    Found = Identifiability | AttentionPerturbation | ClassAndContext | ClassValueAgreement


def boxes(found: Found) -> Figure:
    """The scores that a result holds means of, as box plots: median, quartiles, and whiskers.

    Of `vl.analysis.identifiability`, image tokens beside readouts, with a star where the scores are
    above the baseline's; of `attention_perturbation`, each kind; of `class_and_context`,
    class-labelled beside context-labelled tokens, with a star where the first have the larger mean;
    of `class_value_agreement`, classes, with a star in a kind's colour where its scores are above
    the baseline's. Whiskers reach to the last value within 1.5 heights of the
    box; what lies beyond is not drawn.

    Args:
        found: What one of them gave.

    Raises:
        UsageError: It is something else.

    Example:
        >>> show(vl.charts.boxes(vl.analysis.identifiability(vit, vl.world.Scenes(), n_images=50)))
    """
    kinds = (Identifiability, AttentionPerturbation, ClassAndContext, ClassValueAgreement)
    if not isinstance(found, kinds):
        raise UsageError(
            "Box plots are of what identifiability, attention_perturbation, class_and_context or "
            f"class_value_agreement gave, not of a {type(found).__name__}."
        )
    if isinstance(found, ClassValueAgreement):
        blocks = [str(block) for block in range(found.n_blocks)]
        plot = figure_over_states(found.title, blocks, "class-value agreement (cosine)")
        plot.xaxis.axis_label = "block"
        top = max(one.high.max() for one in found.boxes.values())
        with_boxes(plot, found.boxes)
        return with_stars_of_kinds(plot, found.p, top, "above the baseline")
    plot = figure_over_states(found.title, found.state_names, "identifiability score")
    plot.x_range.range_padding = 0.12  # so that "chance" stands beside the boxes
    with_boxes(plot, found.boxes)
    with_chance(plot, (1 + 1 / _n_classes(found)) / 2)
    if isinstance(found, ClassAndContext):
        with_stars(plot, found.state_names, found.p, "class above context")
    if isinstance(found, Identifiability) and "all tokens" in found.p:
        with_stars(plot, found.state_names, found.p["all tokens"], "above the baseline")
    return plot


def _n_classes(found: Found) -> int:
    counts = found.counts
    return (counts if isinstance(found, ClassAndContext) else next(iter(counts.values()))).shape[-1]
