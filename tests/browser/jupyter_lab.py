"""A JupyterLab of the tests' own: its server in temporary folders, and a notebook open in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Generous, so that a busy machine is no failure; a step that works is waited for no longer.
START_SECONDS = 120
STEP_SECONDS = 120
RUN_MS = 300_000  # a cold import of torch, timm and transformers included

_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "JUPYTER_RUNTIME_DIR",
    "IPYTHONDIR",
)
_QUIET = {"fetchNews": "false", "checkForUpdates": False}  # no request leaves the machine

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
    """A running JupyterLab.

    Args:
        address: Where it answers.
        root: The folder it shows.
    """

    def __init__(self, address: str, root: Path) -> None:
        self.address = address
        self.root = root

    def open(self, page: Any, notebook: Path) -> Notebook:
        """Opens a copy of `notebook` in the browser `page` and waits for its kernel."""
        shutil.copy(notebook, self.root / notebook.name)
        page.set_default_timeout(STEP_SECONDS * 1000)
        page.goto(f"{self.address}/lab/tree/{notebook.name}?reset")
        page.locator(".jp-CodeCell").first.wait_for()
        page.wait_for_function(_KERNEL_IS_IDLE, timeout=RUN_MS)
        return Notebook(page)


class Notebook:
    """A notebook that is open in JupyterLab.

    Args:
        page: The browser page that shows it.
    """

    def __init__(self, page: Any) -> None:
        self.page = page

    def run_all(self, widgets: int) -> None:
        """Runs all cells and waits until `widgets` widgets are drawn and the kernel rests."""
        # Awaited, the command may hang; and the kernel is idle before the first cell reaches it.
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        last = self.drawn.nth(widgets - 1)
        last.wait_for(state="attached", timeout=RUN_MS)
        self.page.wait_for_function(_KERNEL_IS_IDLE, timeout=RUN_MS)

    @property
    def drawn(self) -> Any:
        """The widgets that have been drawn."""
        return self.page.locator("[data-vitlens-drawn]")

    @property
    def complaints(self) -> list[str]:
        """What cells wrote to stderr, and their exceptions."""
        kinds = "[data-mime-type='application/vnd.jupyter.stderr'], .jp-OutputArea-error"
        return self.page.locator(kinds).all_inner_texts()

    def kernel(self, code: str) -> str:
        """What `code` prints when the kernel runs it; raises where it raises."""
        answer = self.page.evaluate(_EXECUTE, code)
        if answer["error"]:
            raise RuntimeError(answer["error"])
        return answer["text"]

    def value(self, expression: str) -> Any:
        """The value of a Python expression in the kernel, by way of JSON."""
        return json.loads(self.kernel(f"import json; print(json.dumps({expression}))"))

    def wait_for_value(self, expression: str, expected: Any) -> None:
        """Waits until an expression has a value in the kernel; fails with the last value."""
        until = time.monotonic() + STEP_SECONDS
        while (found := self.value(expression)) != expected:
            assert time.monotonic() < until, f"{expression} is {found!r}, not {expected!r}"
            self.page.wait_for_timeout(50)

    def set_theme(self, name: str) -> None:
        """Switches to "JupyterLab Light" or "JupyterLab Dark"."""
        light = "true" if "Light" in name else "false"
        self.page.evaluate(
            "(theme) => void jupyterapp.commands.execute('apputils:change-theme', { theme })", name
        )
        self.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Starts JupyterLab with all its files in `folder`, and stops it and its kernels after."""
    root, log = folder / "root", folder / "server.log"
    root.mkdir()
    environment = os.environ | {name: str(folder / name.lower()) for name in _FOLDERS}
    settings = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(_QUIET))
    port = _free_port()
    with log.open("wb") as output:
        server = subprocess.Popen(
            _command(port, root), env=environment, cwd=root, stdout=output, stderr=output
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api/status", server, log)
            yield Lab(address, root)
        finally:
            server.terminate()  # it shuts its kernels down first
            server.wait(timeout=30)


def _command(port: int, root: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", "--ServerApp.password="),
        *("--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={root}"),
        "--expose-app-in-browser",
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            direct.open(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")
