"""A Jupyter of the tests' own: its server in temporary folders, and a notebook open in it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.hosts import RUN_MS, STEP_SECONDS, OpenNotebook, free_port, running

EXTENSION = Path(__file__).parents[2] / "vitlens_widgets" / "export" / "labextension"
_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "JUPYTER_RUNTIME_DIR",
    "IPYTHONDIR",
)
_QUIET = {"fetchNews": "false", "checkForUpdates": False}  # no request leaves the machine
_PAGES = {"JupyterLab": "lab/tree", "Notebook": "notebooks"}

_KERNEL_IS_IDLE = """() => {
    const widget = window.jupyterapp?.shell.currentWidget;
    return widget?.context?.sessionContext?.session?.kernel?.status === 'idle';
}"""

_EXECUTE = """async (code) => {
    const { session } = jupyterapp.shell.currentWidget.context.sessionContext;
    const future = session.kernel.requestExecute({ code, store_history: false });
    let text = '', error = null;
    future.onIOPub = ({ header, content }) => {
        if (header.msg_type === 'stream' && content.name === 'stdout') text += content.text;
        if (header.msg_type === 'error') error = content.ename + ': ' + content.evalue;
    };
    await future.done;
    return { text, error };
}"""


class Lab:
    """A running Jupyter server: JupyterLab 4 and Notebook 7 are two pages of it.

    Args:
        address: Where it answers.
        root: The folder it shows.
    """

    def __init__(self, address: str, root: Path) -> None:
        self.address = address
        self.root = root

    def open(self, page: Any, notebook: Path, shown_by: str = "JupyterLab") -> Notebook:
        """Opens a copy of `notebook` in the browser `page` and waits for its kernel.

        Args:
            page: Of the browser.
            notebook: An .ipynb file.
            shown_by: "JupyterLab" or "Notebook".
        """
        copy = self.root / f"{notebook.stem}_{shown_by}.ipynb"  # a kernel of its own
        shutil.copy(notebook, copy)
        return self.reopen(page, copy.name, shown_by)

    def reopen(self, page: Any, name: str, shown_by: str = "JupyterLab") -> Notebook:
        """Opens a notebook of its folder and waits for its kernel."""
        page.set_default_timeout(STEP_SECONDS * 1000)
        page.goto(f"{self.address}/{_PAGES[shown_by]}/{name}?reset")
        page.locator(".jp-CodeCell").first.wait_for()
        page.wait_for_function(_KERNEL_IS_IDLE, timeout=RUN_MS)
        return Notebook(page)


class Notebook(OpenNotebook):
    """A notebook that is open in JupyterLab or in Notebook 7."""

    complaint_selector = "[data-mime-type='application/vnd.jupyter.stderr'], .jp-OutputArea-error"
    cell_selector = ".jp-Cell"
    ground_variable = "--jp-layout-color0"

    def run_all(self, widgets: int) -> None:
        # Awaited, the command may hang; and the kernel is idle before the first cell reaches it.
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        self.wait_until_drawn(widgets)
        self.page.wait_for_function(_KERNEL_IS_IDLE, timeout=RUN_MS)

    def wait_until_drawn(self, widgets: int) -> None:
        """Brings each cell into sight meanwhile: an output out of sight may wait to be drawn."""
        until = time.monotonic() + RUN_MS / 1000
        cells = self.page.locator(self.cell_selector)
        while self.drawn.count() < widgets and time.monotonic() < until:
            for cell in cells.all():
                cell.scroll_into_view_if_needed()
                self.page.wait_for_timeout(50)
        super().wait_until_drawn(widgets)

    def kernel(self, code: str) -> str:
        answer = self.page.evaluate(_EXECUTE, code)
        if answer["error"]:
            raise RuntimeError(answer["error"])
        return answer["text"]

    def set_theme(self, name: str) -> None:
        self.page.evaluate(
            "(theme) => void jupyterapp.commands.execute('apputils:change-theme', { theme })",
            f"JupyterLab {name.capitalize()}",
        )
        light = "true" if name == "light" else "false"
        self.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")

    def close(self) -> None:
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Starts Jupyter with all its files in `folder`, and stops it and its kernels after."""
    root = folder / "root"
    root.mkdir()
    environment = os.environ | {name: str(folder / name.lower()) for name in _FOLDERS}
    environment["JUPYTER_PATH"] = str(_with_extension(folder / "jupyter_path"))
    settings = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(_QUIET))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running(_command(port, root), f"{address}/api/status", folder, environment):
        yield Lab(address, root)


def _with_extension(folder: Path) -> Path:
    """A folder in which Jupyter finds the package's extension as it is now, installed or not."""
    (folder / "labextensions").mkdir(parents=True)
    (folder / "labextensions" / "vitlens_widgets").symlink_to(EXTENSION, target_is_directory=True)
    return folder


def _command(port: int, root: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", "--ServerApp.password="),
        *("--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={root}"),
        *("--expose-app-in-browser", "--JupyterNotebookApp.expose_app_in_browser=True"),
    ]
