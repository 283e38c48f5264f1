"""How Causes looks for a circuit, and shows what it has found."""

from __future__ import annotations

from typing import Any, Literal

import traitlets

from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.widgets.causes.circuit import circuit_traits
from vitlens_widgets.widgets.causes.seam import CausesLike
from vitlens_widgets.widgets.causes.traits import CausesChoices
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser, done


class FindsCircuit(CausesChoices):
    """The circuit, beside the choices."""

    _circuit = traitlets.Dict().tag(sync=True)
    _circuit_edges = traitlets.Bytes().tag(sync=True)
    _circuit_effects = traitlets.Bytes().tag(sync=True)

    @property
    def _source(self) -> CausesLike:
        """The two runs that are compared."""
        raise NotImplementedError

    def find_circuit(self, method: Literal["threshold", "greedy"] = "threshold") -> None:
        """Finds few connections that keep the answer, and shows them.

        Of a batch, those that keep it over all pairs. Ctrl-C ends the search; what was found until
        then is shown.

        Args:
            method: See `vl.analysis.circuit`; `"greedy"` also removes edges one by one, which takes
                far longer.

        Raises:
            UsageError: As `vl.analysis.circuit`.
        """
        found = self._source.circuit(self.target, self.against, method)
        with self.hold_sync():
            self._set(circuit_traits(found, self._source.probability_kind))

    @answers_browser
    def _find_circuit(self, message: Any, _buffers: Buffers) -> Reply:
        method: Any = message.get("method") if is_mapping(message) else None
        return done(lambda: self.find_circuit("greedy" if method == "greedy" else "threshold"))
