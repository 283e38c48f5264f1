"""What goes wrong in a cell is seen in each host: "no complaints" is a check that can fail."""

from __future__ import annotations

import nbformat
import pytest

WRONG = {
    "a provoked warning": """
import warnings
warnings.warn("a provoked warning")
""",
    "written to stderr": """
import sys
print("written to stderr", file=sys.stderr)
""",
    "ZeroDivisionError": "1 / 0",
}


@pytest.fixture
def path(tmp_path):
    """A notebook with a cell for each; the exception is last, for Jupyter goes no further."""
    path = tmp_path / "wrong.ipynb"
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in WRONG.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def page(browser):
    """A page whose console may hold errors: the hosts' own."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("host", ["JupyterLab", "Notebook", "marimo"])
def test_warnings_errors_and_what_is_written_to_stderr_are_complaints(request, page, path, host):
    if host == "marimo":
        notebook = request.getfixturevalue("marimo").open(page, path)
    else:
        notebook = request.getfixturevalue("lab").open(page, path, host)
    notebook.run_all(widgets=0)
    for sign in WRONG:
        page.locator(notebook.complaint_selector).filter(has_text=sign).first.wait_for()
    notebook.close()
