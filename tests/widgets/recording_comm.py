"""What a widget sends to the browser, recorded where ipywidgets hands it over."""

from __future__ import annotations

import comm
import pytest
from comm.base_comm import BaseComm


class RecordingComm(BaseComm):
    """Keeps every message instead of sending it."""

    def __init__(self, *args, **keywords):
        self.messages = []
        super().__init__(*args, **keywords)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):  # noqa: ARG002
        self.messages.append({"type": msg_type, "data": data or {}, "buffers": buffers or []})

    def updates(self):
        """States sent after the first, each with its buffers put in their places."""
        return [_state(message) for message in self.messages if _is_update(message)]


def _is_update(message):
    return message["type"] == "comm_msg" and message["data"].get("method") == "update"


def _state(message):
    state = dict(message["data"]["state"])
    for path, buffer in zip(message["data"]["buffer_paths"], message["buffers"], strict=True):
        state[path[0]] = bytes(buffer)
    return state


@pytest.fixture
def recorded(monkeypatch):
    """`recorded(widget)` gives the comm of a widget made during the test."""
    comms = []

    def create(*args, **keywords):
        comms.append(RecordingComm(*args, **keywords))
        return comms[-1]

    monkeypatch.setattr(comm, "create_comm", create)
    return lambda widget: next(c for c in comms if c.comm_id == widget.comm.comm_id)
