"""Fixtures for the tests of widgets in Python."""

from recording_comm import recorded

__all__ = ["recorded"]
