"""What the notebook hosts of the tests have in common: a server, and a notebook open in it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbformat import v4, write

# Generous, so that a busy machine is no failure; a step that works is waited for no longer.
START_SECONDS = 120
STEP_SECONDS = 120
RUN_MS = 300_000  # a cold import of torch, timm and transformers included


_AT_REST = """() => document.getAnimations().every((one) =>
    one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity)"""
_COLOR = """(name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
}"""


def written(path: Path, *sources: str) -> Path:
    """Writes a notebook of these cells and gives its path."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [v4.new_code_cell(source.strip()) for source in sources]
    write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


class OpenNotebook(ABC):
    """A notebook that is open in a browser, with a kernel behind it.

    Args:
        page: The browser page that shows it.
    """

    complaint_selector: str
    cell_selector: str
    ground_variable: str  # the host's own background, as a custom property

    def __init__(self, page: Any) -> None:
        self.page = page

    @abstractmethod
    def run_all(self, widgets: int) -> None:
        """Runs all cells and waits until `widgets` widgets are drawn and the kernel rests."""

    @abstractmethod
    def kernel(self, code: str) -> str:
        """What `code` prints when the kernel runs it; raises where it raises."""

    @abstractmethod
    def set_theme(self, name: str) -> None:
        """Switches to "light" or "dark" while everything stays open."""

    @abstractmethod
    def close(self) -> None:
        """Ends the kernel."""

    def wait_until_at_rest(self) -> None:
        """Waits until no transition and no animation that ends is running, for pictures."""
        self.page.wait_for_function(_AT_REST)

    @property
    def drawn(self) -> Any:
        """The widgets that have been drawn."""
        return self.page.locator("[data-vitlens-drawn]")

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.page.locator(self.cell_selector).count()

    @property
    def complaints(self) -> list[str]:
        """What cells wrote to stderr, and their exceptions.

        Blanks are what a progress bar leaves that was shown, as on a slow machine, and wiped.
        """
        said = self.page.locator(self.complaint_selector).all_inner_texts()
        return [text for text in said if text.strip()]

    @property
    def ground(self) -> str:
        """The host's background colour, as `rgb(...)`."""
        return self.page.evaluate(_COLOR, self.ground_variable)

    def wait_until_drawn(self, widgets: int) -> None:
        """Waits until that many widgets have been drawn."""
        if widgets:
            self.drawn.nth(widgets - 1).wait_for(state="attached", timeout=RUN_MS)

    def value(self, expression: str) -> Any:
        """The value of a Python expression in the kernel, by way of JSON."""
        return json.loads(self.kernel(f"import json; print(json.dumps({expression}))"))

    def wait_for_value(self, expression: str, expected: Any) -> None:
        """Waits until an expression has a value in the kernel; fails with the last value."""
        until = time.monotonic() + STEP_SECONDS
        while (found := self.value(expression)) != expected:
            assert time.monotonic() < until, f"{expression} is {found!r}, not {expected!r}"
            self.page.wait_for_timeout(50)


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    command: Sequence[str], answers_at: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[None]:
    """Starts a server in `folder`, waits until it answers at an address, and stops it after."""
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=output
        )
        try:
            _wait_for(answers_at, server, log)
            yield
        finally:
            server.terminate()  # it shuts its kernels down first
            server.wait(timeout=30)


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
    raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')[-3000:]}")
