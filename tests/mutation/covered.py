"""Which tests run which line, and how long each takes: collected once and kept in a cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

ENGINES = ("models", "trace", "zoo", "lenses", "analysis")
ELSEWHERE = {  # folders of tests that ask nothing of the engines that the others do not, or slowly
    "benchmarks", "browser", "data", "export", "gallery", "mutation", "notebooks", "widgets",
    "zoo_sweep",
}  # fmt: skip


def engine_files(root: Path) -> list[str]:
    """The files that are mutated, from the repository's root on."""
    package = root / "vitlens_widgets"
    found = [path for name in ENGINES for path in (package / name).rglob("*.py")]
    found += [path for path in [package / "masks.py"] if path.is_file()]
    return sorted(path.relative_to(root).as_posix() for path in found)


def test_files(root: Path) -> list[str]:
    """The files of tests that may be run for a mutant."""
    found = [path.relative_to(root) for path in (root / "tests").rglob("test_*.py")]
    return sorted(path.as_posix() for path in found if path.parts[1] not in ELSEWHERE)


def fingerprint(root: Path) -> str:
    """Of all Python files: another tree has another cache."""
    digest = hashlib.sha256()
    for folder in ("vitlens_widgets", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            if "mutation" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class Coverage:
    """A pytest plugin that notes each test's lines, seconds and outcome, and writes them down."""

    def __init__(self, root: Path, path: Path) -> None:
        import coverage

        self.root, self.path = root, path
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        files = [str(root / name) for name in engine_files(root)]
        os.environ["COVERAGE_CORE"] = "ctrace"  # the one that tells contexts apart everywhere
        self.coverage = coverage.Coverage(data_file=None, include=files, config_file=False)
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item):
        # what a fixture of the module did, it did for all its tests
        self.coverage.switch_context(item.nodeid.split("::")[0])
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item):
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {
            name: {
                line: [context for context in contexts if context]
                for line, contexts in data.contexts_by_lineno(str(self.root / name)).items()
            }
            for name in engine_files(self.root)
        }
        seconds = {name: t for name, t in self.seconds.items() if name not in self.failed}
        self.path.write_text(json.dumps({"lines": lines, "seconds": seconds}), encoding="utf-8")


class Covered:
    """Reads the cache: the tests of some lines of a file, quickest first."""

    def __init__(self, path: Path) -> None:
        kept = json.loads(path.read_text(encoding="utf-8"))
        self.lines: dict[str, dict[str, list[str]]] = kept["lines"]
        self.seconds: dict[str, float] = kept["seconds"]
        self.modules: dict[str, list[str]] = defaultdict(list)
        for test in self.seconds:
            self.modules[test.split("::")[0]].append(test)

    def tests(self, path: str, first: int, last: int, most: float) -> list[str]:
        """Tests that ran these lines, the quickest first, as many as take `most` seconds.

        Where only the import ran them, those that ran anything of the file.
        """
        lines = self.lines[path]
        contexts = {name for k in range(first, last + 1) for name in lines.get(str(k), [])}
        contexts = contexts or {name for names in lines.values() for name in names}
        tests = {test for name in contexts for test in self.modules.get(name, [name])}
        kept, total = [], 0.0
        for test in sorted(tests & set(self.seconds), key=self.seconds.__getitem__):
            total += self.seconds[test]
            if total <= most or not kept:
                kept.append(test)
        return self._by_module(kept)

    def seconds_of(self, tests: list[str]) -> float:
        """How long they took."""
        return sum(self.seconds[test] for test in tests)

    def _by_module(self, tests: list[str]) -> list[str]:
        """The module with the quickest first, so that no module's fixtures are made twice."""
        best: dict[str, int] = {}
        for k, test in enumerate(tests):
            best.setdefault(test.split("::")[0], k)
        return sorted(tests, key=lambda test: best[test.split("::")[0]])
