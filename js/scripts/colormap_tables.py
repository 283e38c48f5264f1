"""Writes js/lib/colormap_tables.js from the package's own colours.

Run from the project's root: python js/scripts/colormap_tables.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from vitlens_widgets.export.stills.colors import CLASS_COLORS, OTHER_COLOR, table

HEADER = (
    "// Maps of 256 colours, three bytes each, base64; the colours of classes. "
    "Written by js/scripts/colormap_tables.py; do not edit.\n"
)
NAMES = ("VIRIDIS", "CIVIDIS", "MAGMA", "BLUE_ORANGE", "BLUE_ORANGE_DARK")


def text() -> str:
    """The module."""
    tables = {name: base64.b64encode(table(name.lower()).tobytes()).decode() for name in NAMES}
    lines = [f'export const {name} =\n  "{coded}";\n' for name, coded in tables.items()]
    lines.append(f"export const CLASS_COLORS = {json.dumps(CLASS_COLORS)};\n")
    lines.append(f'export const OTHER_COLOR = "{OTHER_COLOR}";\n')
    return "\n".join([HEADER, *lines])


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "lib" / "colormap_tables.js"
    target.write_text(text(), encoding="utf-8")
