"""An experiment over a data set, a batch at a time: memory does not grow, and a run can go on.

An experiment says what one batch adds (`Experiment`); `run` is the one loop that asks it.
"""

from vitlens_widgets.analysis.stream.batches import Batch
from vitlens_widgets.analysis.stream.run import Experiment, Run, run
from vitlens_widgets.analysis.stream.tally import pooled, spread, tally

__all__ = ["Batch", "Experiment", "Run", "pooled", "run", "spread", "tally"]
