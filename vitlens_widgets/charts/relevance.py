"""How answers hold as patches are removed by their relevance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bokeh.models import Label, NumeralTickFormatter, Span

from vitlens_widgets.charts.curves import COLOURS, Look, empty_figure, with_curves

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis import PerturbationTest, RemovalCurves

_ALONG = "patches removed"
_GREY = "#767676"


def perturbation_test(found: PerturbationTest) -> Figure:
    """Accuracy over the share of the patches that is gone, with 95 % intervals inside [0, 1].

    A method has one colour, dashed where the most relevant patches go first; random orders are
    grey. A line stands where the accuracy is with all patches there.

    Args:
        found: What `vl.analysis.perturbation_test` gave.
    """
    plot = _over_removed(found.title, "accuracy")
    curves = {name: one.mean.tolist() for name, one in found.accuracy.items()}
    bands = {
        name: tuple(end.clip(0, 1).tolist() for end in (one.low, one.high))
        for name, one in found.accuracy.items()
    }
    with_curves(plot, _ALONG, found.removed.tolist(), curves, bands, _looks(found))
    whole = float(found.all_patches.mean)
    line = {"line_dash": "dashed", "line_color": _GREY, "line_width": 1}
    plot.add_layout(Span(location=whole, dimension="width", **line))
    words = {"text_font_size": "11px", "text_color": _GREY, "x_units": "screen"}
    plot.add_layout(Label(x=4, y=whole, text="all patches", **words))
    return plot


def removal_curves(found: RemovalCurves, image: int = 0) -> Figure:
    """The probability of the class over the share of one image's patches that is gone.

    Args:
        found: What `vl.analysis.removal_curves` gave.
        image: Which image.

    Raises:
        UsageError: There is no such image.
    """
    title = found.table(image).title
    plot = _over_removed(title, f"probability of {found.labels[found.classes[image]]}")
    curves = {kind: values[image].tolist() for kind, values in found.probability.items()}
    return with_curves(plot, _ALONG, found.removed.tolist(), curves)


def _looks(found: PerturbationTest) -> dict[str, Look]:
    """One colour for both curves of a method, as far as there are colours."""
    looks = {"random": (_GREY, "dotted")}
    if len(found.methods) <= len(COLOURS):
        for method, colour in zip(found.methods, COLOURS, strict=False):
            looks |= {f"{method}, negative": (colour, "solid")}
            looks |= {f"{method}, positive": (colour, "dashed")}
    return looks


def _over_removed(title: str, quantity: str) -> Figure:
    plot = empty_figure(title, quantity, x_range=(-0.02, 1.02))
    plot.xaxis.axis_label = _ALONG
    plot.xaxis.formatter = NumeralTickFormatter(format="0 %")
    return plot
