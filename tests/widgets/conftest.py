"""Fixtures for the tests of widgets in Python."""

from tests.widgets.recording_comm import recorded

__all__ = ["recorded"]
