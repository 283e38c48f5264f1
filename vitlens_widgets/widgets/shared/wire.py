"""What a browser may tell a widget: choices, and questions. All else it sends changes nothing."""

# pyright: reportPrivateUsage=false
# What ipywidgets and traitlets do with a message themselves, each step on its own.

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import anywidget
import traitlets
from ipywidgets.widgets import widget
from traitlets import Unicode

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.widgets.shared.lifetime import only_known

NO_ECHO = {"sync": True, "echo_update": False}
REQUEST = {"request": True, **NO_ECHO}
"""Tags a trait that is no choice, and that the browser sets all the same: it asks by it."""

LONGEST = 400
"""Characters of a choice, and of a sentence about one: a browser may send any number of them."""

INTERRUPTED = {"error": "The kernel was interrupted; what is shown is what it showed."}

Reply = tuple[dict[str, Any], list[bytes]]
"""What the browser is told when it asks: something as JSON, and buffers."""


Buffers = list[memoryview]
"""What the browser sends beside its question."""

Method = TypeVar("Method", bound=Callable[..., Reply])


_heard = ContextVar("heard", default=False)
"""Whether a browser's message is being taken, by this widget or by one that this follows."""


@contextmanager
def hearing() -> Generator[None]:
    """A browser's message is taken: what fails meanwhile is to be said in a widget."""
    token = _heard.set(True)
    try:
        yield
    finally:
        _heard.reset(token)


def is_hearing() -> bool:
    """Whether what happens now was asked by a browser, not by a line of Python."""
    return _heard.get()


def answers_browser(method: Method) -> Method:
    """Marks a method that the browser may ask: `(message, buffers) -> (response, buffers)`.

    The front end's half is js/lib/asking.js.
    """
    method.answers_browser = True  # pyright: ignore[reportFunctionMemberAccess]  # the mark
    return method


def done(do: Callable[[], None]) -> Reply:
    """What the browser has asked for, done; a failure would be lost, so it is sent."""
    try:
        do()
    except KeyboardInterrupt:
        return INTERRUPTED, []
    except Exception as error:
        return {"error": _sentence(error)}, []
    return {}, []


class WireWidget(anywidget.AnyWidget):
    """A widget that takes from the browser no more than a reader can do.

    Traits tagged `choice=True` are taken after a check, and those tagged as a `REQUEST`. Data are
    not: what a page sets of them is answered with what the kernel has.
    """

    error = Unicode("").tag(sync=True)
    """What went wrong in the kernel, as one sentence; empty when nothing did."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._on_question)

    @traitlets.observe("comm")
    def _comm_changed(self, change: Any) -> None:
        """Opened: ipywidgets would hold it from now on."""
        if change["new"] is not None:
            self._model_id = self.model_id
            only_known(self)

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        """Takes a message of a page. Of one that no page sends, the log has a sentence."""
        try:
            self._hear(msg["content"]["data"], msg.get("buffers") or [])
        except Exception as error:
            self.log.warning(
                "%s was sent a message that none of its pages sends, and it changed nothing: %s",
                type(self).__name__,
                _sentence(error),
            )
            self.log.debug("Where it went wrong:", exc_info=True)

    def _hear(self, data: dict[str, Any], buffers: Buffers) -> None:
        method = data["method"]
        if method == "update":
            state = dict(data["state"])
            widget._put_buffers(state, data.get("buffer_paths", []), buffers)
            self.set_state(state)
        elif method == "request_state":
            self.send_state()
        elif method == "custom":
            self._handle_custom_msg(data["content"], buffers)
        else:
            raise UsageError("it is none of update, request_state, custom.")

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Takes a change that the browser made; what cannot be taken is answered in `error`."""
        with hearing():
            self._set_state(sync_data)

    def _set_state(self, sync_data: dict[str, Any]) -> None:
        own = {name: value for name, value in sync_data.items() if self._is_settable(name)}
        refused = dict(self._refused(own))
        self.error = ""
        super().set_state({k: v for k, v in own.items() if k not in refused})
        dropped = {name for name in sync_data if name in self.keys and name not in own}
        if dropped - {"error"} or refused:
            self.send_state(dropped | refused.keys())
        if refused:
            self.error = next(iter(refused.values()))

    @answers_browser
    def _here(self, _what: dict[str, Any], _buffers: Buffers) -> Reply:
        """Says that the kernel still knows the widget: one that was restarted says nothing."""
        return {}, []

    def _is_settable(self, name: str) -> bool:
        tags = self.traits()[name].metadata if name in self.keys else {}
        return bool(tags.get("choice") or tags.get("request"))

    def _refused(self, state: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Names of the traits whose new values cannot be taken, each with its sentence."""
        for name, value in state.items():
            if isinstance(value, str) and len(value) > LONGEST:
                yield name, f"{name} takes no text of {len(value)} characters."
                continue
            try:
                self.traits()[name]._validate(self, value)
            except Exception as error:
                yield name, _sentence(error)

    def _on_question(self, _widget: Any, content: Any, buffers: Buffers) -> None:
        """Answers what the browser asks; an exception would be lost, so it is sent."""
        if not is_mapping(content):
            return
        asked = content.get("ask")
        method = getattr(type(self), asked, None) if isinstance(asked, str) else None
        if method is None or not getattr(method, "answers_browser", False):
            return
        found: list[Any] = []
        try:
            with hearing():
                response, found = method(self, content["message"], buffers)
        except KeyboardInterrupt:  # the page waits for its answer
            self._reply(content, INTERRUPTED, [])
            raise
        except Exception as error:
            response = {"error": _sentence(error)}
        self._reply(content, response, found)

    def _reply(
        self, content: Mapping[str, Any], response: dict[str, Any], found: list[Any]
    ) -> None:
        self.send({"answer": content.get("id"), "response": response}, found)


def _sentence(error: Exception) -> str:
    """What went wrong; where that is a bare name or value, with the kind of the error."""
    words = str(error)
    if isinstance(error, LookupError | TypeError | AttributeError) or not words:
        words = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
