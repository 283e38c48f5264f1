"""Fixtures for the tests of widgets in Python."""

import sys
from pathlib import Path

from recording_comm import recorded

sys.path.append(str(Path(__file__).parents[1] / "browser"))  # pixels as the browser draws them

__all__ = ["recorded"]
