"""The committed front end is sound and inside the wheel; `.ci/run` checks that it is up to date."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JS = ROOT / "js"
STATIC = ROOT / "vitlens_widgets" / "widgets" / "static"
BUILT = ROOT / "vitlens_widgets"
MOST_BYTES = 100_000  # each widget instance carries its bundle into a saved notebook


@pytest.fixture(scope="module")
def npm():
    """Runs an npm script in js/, with the dependencies of the lock file installed."""
    program = shutil.which("npm")
    if program is None:
        reason = "npm (Node 20 or later) is not on the path"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    def run(*words):
        done = subprocess.run(
            [program, *words], cwd=JS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"npm {' '.join(words)}\n{done.stdout}\n{done.stderr}"

    if not (JS / "node_modules").is_dir():
        run("ci")
    return run


def test_the_helpers_pass_their_own_tests(npm):
    npm("test")


def test_no_bundle_is_larger_than_a_notebook_should_carry():
    sizes = {path.name: path.stat().st_size for path in STATIC.glob("*.js")}
    assert sizes
    assert all(size < MOST_BYTES for size in sizes.values()), sizes


def unpacked(path):
    """What is in a built file; a module that unpacks itself is read as the browser reads it."""
    text = path.read_text(encoding="utf-8")
    zipped = re.match(r'const z="([^"]+)"', text)
    return text + (gzip.decompress(base64.b64decode(zipped[1])).decode() if zipped else "")


def test_nothing_in_a_bundle_is_fetched_from_elsewhere():
    built = [path for path in BUILT.rglob("*") if path.suffix in (".js", ".css")]
    assert {path.name for path in STATIC.iterdir()} < {path.name for path in built}
    for path in built:
        text = unpacked(path)
        found = set(re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.\w+[^\"'`\s)]*", text))
        assert found <= {"http://www.w3.org/2000/svg"}, path.name  # a namespace, never fetched
        assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|@import|\burl\((?!#)", text), (
            path.name
        )


def test_tools_are_pinned_exactly_and_the_lock_file_names_no_registry():
    pinned = json.loads((JS / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pinned.values()), pinned
    lock = (JS / "package-lock.json").read_text(encoding="utf-8")
    assert "http" not in lock
    assert "resolved" not in lock


def test_each_widget_has_its_module_and_its_style_sheet():
    from vitlens_widgets import widgets

    for name in widgets.__all__:
        if not hasattr(getattr(widgets, name), "_esm"):
            continue  # not a widget
        stem = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        for suffix in (".js", ".css"):
            assert (STATIC / f"{stem}{suffix}").is_file()
        assert (JS / stem / "index.js").is_file()


def test_the_extension_of_jupyterlab_is_of_this_version_and_asks_for_nothing():
    extension = ROOT / "vitlens_widgets" / "export" / "labextension"
    about = json.loads((extension / "package.json").read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{about["version"]}"\n' in project
    code = (extension / about["jupyterlab"]["_build"]["load"]).read_text(encoding="utf-8")
    assert f"_JUPYTERLAB.{about['name']}=" in code
    assert "http" not in code


def test_the_wheel_carries_the_front_end_the_weights_and_the_tables(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as contents:
        package = ROOT / "vitlens_widgets"
        extension = package / "export" / "labextension"
        for path in filter(Path.is_file, extension.rglob("*")):
            name = f"share/jupyter/labextensions/vitlens_widgets/{path.relative_to(extension)}"
            (found,) = (one for one in contents.namelist() if one.endswith(f".data/data/{name}"))
            assert contents.read(found) == path.read_bytes()
        data = [*STATIC.iterdir(), *package.glob("world/weights/*"), *package.glob("data/*.tsv")]
        assert len(data) >= 2 + 6 + 3
        data += [package / "py.typed", *package.rglob("*.pyi")]
        for path in data:
            assert contents.read(path.relative_to(ROOT).as_posix()) == path.read_bytes()
