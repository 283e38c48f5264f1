"""The README's commands are those that are tested, and its example runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import vitlens_widgets as vl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_test_commands_are_those_of_the_ci_script():
    steps = [step.strip() for step in (ROOT / ".ci" / "run").read_text().splitlines()]
    tests, checks = (block.splitlines() for block in blocks("sh")[-2:])
    install, pytest = tests
    wanted = [install.replace("pip install", "pip install --quiet"), *checks, pytest]
    assert [step for step in steps if step in wanted] == wanted
    assert steps[-1] == pytest == "pytest"


def test_the_ci_script_can_be_started():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_first_command_opens_a_notebook_that_exists():
    install, start = blocks("sh")[0].splitlines()[-1].split(" && ")
    assert install == 'pip install ".[lab]"'
    program, notebook = start.rsplit(" ", 1)
    assert program == "jupyter lab"
    assert (ROOT / notebook).is_file()


def test_the_example_runs():
    example = blocks("python")[0]
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    names = {}
    exec(example, names)
    assert isinstance(names["grid"], vl.PatchGrid)
    assert names["reading"].probability("cat").shape == (*names["trace"].states.shape[:3],)


def test_every_file_the_readme_points_to_is_there():
    files = re.findall(r'(?:src|srcset)="([^"]+)"|\]\(([^)]+)\)', README)
    for name in (a or b for a, b in files if not b.startswith("https://")):
        assert (ROOT / name).is_file(), name


def test_the_examples_of_heads_infilling_and_all_at_once_run_after_it():
    names = {}
    for example in blocks("python")[:5]:
        exec(example, names)
    assert names["infilling"].score("mse").shape == (names["mae"].n_layers + 1, 1)


def test_every_notebook_is_in_the_table_and_there():
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"^\| `(\d\d_\w+)` \|", README, re.MULTILINE)) == there
