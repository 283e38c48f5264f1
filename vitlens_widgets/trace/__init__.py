"""One forward pass, captured: sites, `Trace`."""

from vitlens_widgets.trace.trace import Trace

__all__ = ["Trace"]
