"""A real browser for the tests: the system's Chromium, one for the whole run, one page a test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",  # pixels are compared with NumPy's, so no monitor profile
]


def _missing(reason: str) -> None:
    """Skips on a user's machine; in continuous integration a missing browser is a failure."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Chromium, started once for all browser tests (a playwright `Browser`)."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        _missing(f"no Chromium on the path (looked for {', '.join(CHROMIUM_NAMES)})")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed; pip install 'vitlens_widgets[test]' brings it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator:
    """One Jupyter for all tests: JupyterLab and Notebook 7 (a `jupyter_lab.Lab`)."""
    from tests.browser.jupyter_lab import running_lab

    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def marimo(tmp_path_factory) -> Iterator:
    """One marimo for all tests (a `marimo_host.Marimo`)."""
    from tests.browser.marimo_host import running_marimo

    with running_marimo(tmp_path_factory.mktemp("marimo")) as marimo:
        yield marimo


@pytest.fixture
def page(browser) -> Iterator:
    """An empty page of its own; an exception or console error in it fails the test."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert not problems, problems
