"""What the browser may ask of an Explorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.explorer.run import ImageRun
from vitlens_widgets.widgets.shared.base import LensWidget, Reply, answers_browser


class ExplorerAnswers(LensWidget):
    """Maps and numbers of its runs, heads switched off, another image."""

    _untouched: ImageRun
    _edited: ImageRun | None

    @property
    def _runs(self) -> list[ImageRun]:
        """The untouched one, and the edited one if there is one."""
        return [run for run in (self._untouched, self._edited) if run is not None]

    @answers_browser
    def _map(self, what: dict[str, Any], _buffers: list) -> Reply:
        return self._reply(attention_data.whole_map, what)

    @answers_browser
    def _exact(self, what: dict[str, Any], _buffers: list) -> Reply:
        return self._reply(attention_data.exact_numbers, what)

    def _reply(self, compute: Callable[[Any, dict], Reply], what: dict[str, Any]) -> Reply:
        """The answer to a question about one run; about one that is gone there is none."""
        asked = [run for run in self._runs if run.number == what.get("run")]
        if not asked:
            return {"gone": True}, []
        return compute(asked[0].source, what)

    @answers_browser
    def _knock_out(self, message: dict[str, Any], _buffers: list) -> Reply:
        return self._done(lambda: setattr(self, "knocked_out", message["heads"]))

    @answers_browser
    def _open(self, message: dict[str, Any], buffers: list) -> Reply:
        from vitlens_widgets.data.images import image_from_bytes

        content = bytes(buffers[0])
        name = message.get("name", "")
        return self._done(lambda: self._show_image(image_from_bytes(content, name), None))

    def _done(self, do: Callable[[], None]) -> Reply:
        """What the browser has asked for, done; a failure would be lost, so it is sent."""
        try:
            do()
        except KeyboardInterrupt:
            return {"error": "The kernel was interrupted; what is shown is what it showed."}, []
        except Exception as error:
            return {"error": str(error) or type(error).__name__}, []
        return {}, []
