"""Widgets that are drawn before all that they show is there; the rest streams in."""

from __future__ import annotations

from threading import RLock
from typing import Any

from vitlens_widgets.progress import progress_bar
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser


class StreamingWidget(LensWidget):
    """A widget whose data come in pieces, of which the first is enough to draw it.

    In a notebook it is shown at once, and the cell goes on with the rest; the still picture for the
    saved notebook is put beside it at the end. Where a cell was interrupted, or the widget stands
    inside another one, its page asks for the rest, a piece at a time. Without a browser, whoever
    asks for a picture or a page has the rest computed first.
    """

    def __init__(self, *args: Any, **words: Any) -> None:
        self._turn = RLock()
        super().__init__(*args, **words)

    @property
    def _left(self) -> int:
        """How many pieces are still to come."""
        return 0

    def _step(self) -> None:
        """Computes one piece and sets the traits that hold it."""

    def _advance(self) -> None:
        """One piece, if any is left; JupyterLab asks from another thread than a cell runs in."""
        with self._turn:
            if self._left:
                self._step()

    def _finish(self) -> None:
        """Computes all that is left."""
        if not self._left:
            return
        with progress_bar(self._left, type(self).__name__) as bar:
            while self._left:
                self._advance()
                bar.update(1)

    @answers_browser
    def _more(self, _what: dict[str, Any], _buffers: Buffers) -> Reply:
        self._advance()
        return {"left": self._left}, []

    def _own_state(self) -> dict[str, Any]:
        self._finish()
        return super()._own_state()

    def _ipython_display_(self, **_words: Any) -> None:
        """Shows the widget before all is there.

        Raises:
            NotImplementedError: All is there, or nobody would draw it meanwhile; IPython then asks
                for the bundle.
        """
        from IPython.core.getipython import get_ipython
        from IPython.display import display  # pyright: ignore[reportUnknownVariableType]

        bundle = self._view() if self._left else None
        if bundle is None or not hasattr(get_ipython(), "kernel"):
            raise NotImplementedError
        data, metadata = bundle
        handle = display(data, raw=True, metadata=metadata, display_id=True)
        while self._left:
            self._advance()
        if handle is not None:
            handle.update(data | self._as_picture(), raw=True, metadata=metadata)
