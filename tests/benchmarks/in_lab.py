"""What is measured in a real JupyterLab: one server and one browser for all models."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.benchmarks.measure import machine, table
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES
from tests.browser.jupyter_lab import running_lab


def print_rows(doc: str, models: Iterable[str], measured: Callable, repeats: int) -> None:
    """The command line of a benchmark, and its table.

    Args:
        doc: What it measures.
        models: The names of the models that may be chosen.
        measured: Makes a model's row of `(lab, browser, model, repeats, folder)`.
        repeats: How often each thing is measured, unless the command line says otherwise.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--model", nargs="+", default=list(models), choices=models)
    parser.add_argument("--repeats", type=int, default=repeats)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        (folder / "lab").mkdir()
        with running_lab(folder / "lab") as lab:
            rows = [measured(lab, browser, m, args.repeats, folder) for m in args.model]
    print(table(rows))


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, as the tests have it."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()
