"""What other tests invent and read serves here too: readings, maps, saved pages."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "widgets"), str(TESTS / "export")]
