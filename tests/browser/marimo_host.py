"""A marimo of the tests' own: its server in temporary folders, and a notebook open in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from tests.browser.hosts import STEP_SECONDS, OpenNotebook, free_port, running

_SETTINGS = """
[runtime]
auto_instantiate = true
[display]
theme = "system"
"""

# marimo has no call for "run this in the kernel"; a field whose text a cell runs does the same.
_FIELD = """
import marimo as mo
asked = mo.ui.text_area(value='[0, ""]', label="code of the tests")
asked
"""
_ANSWER = """
def _answer(number, code):
    import contextlib, io
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(code, globals())
            error = None
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    return [number, printed.getvalue(), error]

import html, json
_text = json.dumps(_answer(*json.loads(asked.value)))
mo.Html(f"<pre class='answer'>{html.escape(_text)}</pre>")
"""
_ANSWERED = """(number) => {
    const answer = JSON.parse(document.querySelector('pre.answer')?.textContent ?? '[]');
    return answer[0] === number ? answer : null;
}"""


class Marimo:
    """A running marimo.

    Args:
        address: Where it answers.
        root: The folder it shows.
    """

    def __init__(self, address: str, root: Path) -> None:
        self.address = address
        self.root = root

    def open(self, page: Any, notebook: Path) -> MarimoNotebook:
        """Opens `notebook`, converted by marimo itself; marimo runs it at once.

        Args:
            page: Of the browser.
            notebook: An .ipynb file.
        """
        cells = nbformat.read(notebook, as_version=4)
        cells.cells += [nbformat.v4.new_code_cell(text.strip()) for text in (_FIELD, _ANSWER)]
        source, file = self.root / notebook.name, self.root / f"{notebook.stem}.py"
        nbformat.write(cells, source)
        convert = [sys.executable, "-m", "marimo", "convert", str(source), "-o", str(file)]
        subprocess.run(convert, check=True, capture_output=True)
        page.set_default_timeout(STEP_SECONDS * 1000)
        page.emulate_media(color_scheme="light")
        page.goto(f"{self.address}/?file={file.name}")
        return MarimoNotebook(page)


class MarimoNotebook(OpenNotebook):
    """A notebook that is open in marimo's editor."""

    complaint_selector = (
        "[data-testid='console-output-area'] .stderr, "
        "[data-testid='console-output-area'] .codehilite, "  # a traceback
        ".output-area > [role='alert']"  # in a cell's place; a widget's own alert is deeper
    )
    cell_selector = ".marimo-cell"
    ground_variable = "--background"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.number = 0

    def run_all(self, widgets: int) -> None:
        self.wait_until_drawn(widgets)  # marimo has begun to run when it was opened
        self.value("1")  # the kernel answers when it has nothing else to do

    def kernel(self, code: str) -> str:
        self.number += 1
        field = self.page.get_by_role("textbox", name="code of the tests")
        field.fill(json.dumps([self.number, code]))
        field.blur()
        _, printed, error = self.page.wait_for_function(_ANSWERED, arg=self.number).json_value()
        if error:
            raise RuntimeError(error)
        return printed

    def set_theme(self, name: str) -> None:
        self.page.emulate_media(color_scheme=name)
        self.page.locator(f"body.{name}").wait_for(state="attached")

    def close(self) -> None:
        """marimo ends it itself, soon after its page is closed."""


@contextmanager
def running_marimo(folder: Path) -> Iterator[Marimo]:
    """Starts marimo with all its files in `folder`, and stops it and its kernels after."""
    root, settings = folder / "root", folder / "settings" / "marimo"
    root.mkdir()
    settings.mkdir(parents=True)
    (settings / "marimo.toml").write_text(_SETTINGS)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {"XDG_CONFIG_HOME": str(settings.parent)}
    with running(_command(port, root), f"{address}/health", folder, environment):
        yield Marimo(address, root)


def _command(port: int, root: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "marimo", "edit", str(root), "--headless", "--no-token"),
        *("--host=127.0.0.1", f"--port={port}", "--skip-update-check", "--no-sandbox"),
        "--session-ttl=1",  # a kernel ends soon after its page
    ]
