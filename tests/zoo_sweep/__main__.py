"""`python -m tests.zoo_sweep --out table.md`: measure every architecture and write the table."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from tqdm import tqdm

from tests.zoo_sweep.rows import all_rows
from tests.zoo_sweep.table import as_csv, markdown, summary

PROMISED = 1e-5
"""The largest relative difference in float32 that a model that is read may show."""


def main() -> int:
    """Write the table; 1 if anything read is further off than promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo_sweep", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a .md or .csv file to write")
    parser.add_argument("--threads", type=int, default=1, help="threads for torch")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows = [row() for _, row in tqdm(list(all_rows()), desc="architectures", mininterval=5)]
    args.out.write_text(as_csv(rows) if args.out.suffix == ".csv" else markdown(rows, _versions()))
    sys.stdout.write("\n".join(summary(rows)) + "\n")
    return int(any(row.worst > PROMISED for row in rows if not row.refused))


def _versions() -> str:
    found = []
    for package in ("torch", "timm", "transformers", "open_clip_torch"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
