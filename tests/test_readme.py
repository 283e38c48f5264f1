"""The README's commands are those that are tested, and its example runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from PIL import Image

import vitlens_widgets as vl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_test_commands_are_those_of_the_ci_script():
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    # beside each other there: types go to a file, tests to several processes
    steps = ["pytest" if line.startswith("pytest ") else line.split(" >")[0] for line in lines]
    tests, checks = (block.splitlines() for block in blocks("sh")[-2:])
    install, pytest = tests
    wanted = [install.replace("pip install", "pip install --quiet"), *checks, pytest]
    assert [step for step in steps if step in wanted] == wanted
    assert pytest == "pytest"
    assert lines[-1] == 'exit "$failed"'


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


def test_the_examples_of_each_view_run_after_it():
    names = {}
    for example in blocks("python")[:9]:
        exec(example, names)
    assert names["infilling"].score("mse").shape == (names["mae"].n_layers + 1, 1)
    assert len(names["causes"].exchanged) == 2


def test_what_is_kept_and_shared_is_written_and_tensors_of_ones_own_are_shown(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = {}
    keep, own = (
        next(block for block in blocks("python") if word in block)
        for word in ("save_figure(", "vl.PatchGrid(logits=")
    )
    for example in (*blocks("python")[:1], "maps = vl.AttentionMaps(trace)", keep):
        exec(example, names)
    written = {path.name for path in tmp_path.iterdir()}
    files = ("lens.html", "both.html", "lens.png", "figure.pdf", "sheet.svg", "answers.csv")
    assert written == set(files)
    Image.fromarray(names["scene"].image).save(tmp_path / "cat.jpg")
    reading, maps = names["reading"], vl.analysis.Maps(names["trace"])
    names["logits"] = [reading.logits(k)[0] for k in range(reading.n_states)]
    names["attention"] = [maps.of_layer(k) for k in range(maps.n_layers)]
    names["names"] = reading.labels
    exec(own, names)


def test_a_model_and_an_image_by_their_names_are_explored_in_one_call(tmp_path):
    scene = vl.world.scene(seed=7, objects=2)
    Image.fromarray(scene.image).save(tmp_path / "cat.png")
    lines = [line for block in blocks("python") for line in block.splitlines()]
    (call,) = (line for line in lines if line.startswith('vl.explore("'))
    here = call.replace("vit_base_patch16_224", "toy/p32").replace(
        "cat.jpg", (tmp_path / "cat.png").as_posix()
    )
    assert here.count("toy/p32") == here.count("cat.png") == 1
    explorer = eval(here, {"vl": vl})
    assert isinstance(explorer, vl.Explorer)
    assert explorer._meta["model_name"] == "toy/p32"


def test_every_notebook_is_in_the_table_and_there():
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"^\| `(\d\d_\w+)` \|", README, re.MULTILINE)) == there
