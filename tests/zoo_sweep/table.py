"""The rows as a table: Markdown for people, CSV for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from tests.zoo_sweep.measure import Measured

_HEADS = (
    "name",
    "library",
    "tokens",
    "prefix",
    "grid",
    "readout",
    "final readout",
    "residual sums",
    "pattern @ v",
    "block again",
    "sum of parts",
)


def summary(rows: Sequence[Measured]) -> list[str]:
    """One sentence per library: how many are read, how exactly, and how many are refused."""
    sentences = []
    for library in dict.fromkeys(row.library for row in rows):
        of = [row for row in rows if row.library == library]
        read = [row for row in of if not row.refused]
        worst = max((row.worst for row in read), default=0.0)
        sentences.append(
            f"{library}: {len(read)} of {len(of)} architectures are read, the largest relative "
            f"difference {worst:.1e}; {len(of) - len(read)} are refused."
        )
    return sentences


def markdown(rows: Sequence[Measured], versions: str) -> str:
    """Counts, the table of what is read, and the sentences of what is refused."""
    read = [row for row in rows if not row.refused]
    table = [_HEADS, ("---",) * len(_HEADS), *(_cells(row) for row in read)]
    lines = [
        "# The zoo",
        "",
        f"Random weights, every one of them shaken; two blocks; {versions}.",
        "Differences are the largest found, relative to the largest value.",
        "",
        *(f"- {sentence}" for sentence in summary(rows)),
        "",
        *(f"| {' | '.join(cells)} |" for cells in table),
        "",
        "Refused:",
        "",
        *(f"- `{row.name}`: {row.refused}" for row in rows if row.refused),
    ]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[Measured]) -> str:
    """One line per row, the refused with their sentence in a last column."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([*_HEADS, "refused"])
    writer.writerows([*_cells(row), row.refused] for row in rows)
    return out.getvalue()


def _cells(row: Measured) -> tuple[str, ...]:
    found = (row.logits, row.residual, row.attention, row.again, row.parts)
    numbers = ("–" if value is None else f"{value:.1e}" for value in found)
    return (row.name, row.library, str(row.tokens), row.prefix, row.grid, row.readout, *numbers)
