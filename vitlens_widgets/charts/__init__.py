"""Bokeh figures for passive curves, one function per figure."""

from vitlens_widgets.charts.over_states import entropy, kl_to_final, probability, rank

__all__ = ["entropy", "kl_to_final", "probability", "rank"]
