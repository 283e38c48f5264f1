"""An experiment over a data set, a batch at a time: memory does not grow, and a run can go on.

An experiment says what one batch adds (`BatchMeasure`); `run` is the one loop that asks it.
"""

from vitlens_widgets.analysis.stream.run import BatchMeasure, Totals, run
from vitlens_widgets.analysis.stream.tally import pooled, spread, tally
from vitlens_widgets.trace.example_batches import ExampleBatch

__all__ = ["BatchMeasure", "ExampleBatch", "Totals", "pooled", "run", "spread", "tally"]
