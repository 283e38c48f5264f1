"""The invented readings, maps and infillings of the widgets' tests serve here too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "widgets"))
