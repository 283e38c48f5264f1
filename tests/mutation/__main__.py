"""`python -m tests.mutation`: runs the tests against mutants of the engines and reports."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from .covered import Coverage, Covered, engine_files, fingerprint, test_files
from .mutants import Mutant, mutants_of, mutated

HEAVY = (
    "torch",
    "timm",
    "transformers",
    "scipy.stats",
    "hypothesis",
    "bokeh.plotting",
    "PIL.Image",
)
QUIET = ["-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]


class Mutation(importlib.abc.MetaPathFinder):
    """Hands out the mutated module instead of the file's own; nothing is written."""

    def __init__(self, root: Path, mutant: Mutant) -> None:
        self.name = mutant.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self.file = root / mutant.path
        self.tree: ast.Module = mutated(root, mutant)

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002
        """The module's place, with a loader that compiles the mutated tree."""
        if name != self.name:
            return None
        code = compile(self.tree, str(self.file), "exec")
        loader = importlib.machinery.SourceFileLoader(name, str(self.file))
        loader.get_code = lambda _name: code
        return importlib.util.spec_from_file_location(name, self.file, loader=loader)


class Chosen:
    """A pytest plugin that runs the chosen tests only, in their order, on the mutated module."""

    def __init__(self, tests: list[str], mutation: Mutation) -> None:
        self.place = {test: k for k, test in enumerate(tests)}
        self.mutation = mutation

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        # before pytest's own finder, which takes each *_test.py for a test
        sys.meta_path.insert(0, self.mutation)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.place),
            key=lambda item: self.place[item.nodeid],
        )


def in_a_fork(work, limit: float) -> str:
    """Runs `work` in a forked process group: 'passed', 'failed' or 'timed out'.

    The limit is of processor time, so that other work beside does not count; waited for is at most
    ten times as long.
    """
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        try:
            code = int(work())
        except BaseException:  # a mutant that ends pytest itself is noticed too
            code = 3
        os._exit(code)
    end = time.monotonic() + 10 * limit
    done, status = 0, 0
    while not done and time.monotonic() < end:
        time.sleep(0.02)
        done, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it may have started, too
    code = os.waitstatus_to_exitcode(status if done else os.waitpid(child, 0)[1])
    return {0: "passed", -signal.SIGKILL: "timed out", -signal.SIGXCPU: "timed out"}.get(
        code, "failed"
    )


def collect(root: Path, path: Path) -> Covered:
    """The tests of each line: from the cache, or by one run of the engines' tests."""
    if not path.is_file():
        print(f"collecting which test runs which line, once, into {path}", flush=True)
        words = [*QUIET, *test_files(root)]
        words.remove("-x")
        in_a_fork(lambda: pytest.main(words, [Coverage(root, path)]), 7200)
    return Covered(path)


def outcome(root: Path, mutant: Mutant, tests: list[str], limit: float) -> str:
    """'killed', 'survived' or 'timed out'."""
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))

    def work() -> int:
        return pytest.main([*QUIET, *files], [Chosen(tests, Mutation(root, mutant))])

    ended = in_a_fork(work, limit)
    return {"passed": "survived", "failed": "killed"}.get(ended, ended)


def report(outcomes: dict[Mutant, str], words: str) -> str:
    """The report, in Markdown."""
    count = Counter(outcomes.values())
    noticed = count["killed"] + count["timed out"]
    lines = [
        "# Mutants of the engines", "", f"`python -m tests.mutation {words}`", "",
        f"{len(outcomes)} mutants: {count['killed']} killed, {count['timed out']} timed out, "
        f"{count['survived']} survived, {count['no test']} on lines that no test runs. "
        f"Noticed: {noticed / max(1, len(outcomes)):.1%}.",
    ]  # fmt: skip
    for kind in ("survived", "no test", "timed out"):
        titles = sorted(mutant.title for mutant, what in outcomes.items() if what == kind)
        lines += ["", f"## {kind.capitalize()}", "", *(f"- {title}" for title in titles)]
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=120, help="how many mutants, drawn by chance")
    parser.add_argument("--out", type=Path, default=Path("mutation.md"))
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--most", type=float, default=60, help="seconds of tests for a mutant")
    parser.add_argument("--only", default="", help="only files whose path contains this")
    cache = Path(tempfile.gettempdir()) / "vitlens_widgets_mutation"
    parser.add_argument("--cache", type=Path, default=cache)
    return parser.parse_args()


def main() -> None:
    """Draws the mutants, runs each, and writes the report anew after every one."""
    given = arguments()
    root, out = given.root.resolve(), given.out.resolve()
    os.chdir(root)
    sys.path.insert(0, str(root))
    os.environ.update(PYTHONPATH=str(root), OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    for name in HEAVY:
        importlib.import_module(name)
    given.cache.mkdir(parents=True, exist_ok=True)
    tree = fingerprint(root)
    covered = collect(root, given.cache / f"{tree}.json")
    files = [path for path in engine_files(root) if given.only in path]
    mutants = [mutant for path in files for mutant in mutants_of(root, path)]
    drawn = random.Random(given.seed).sample(mutants, min(given.count, len(mutants)))
    kept = given.cache / f"{tree}.outcomes.json"  # an interrupted run goes on
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    outcomes: dict[Mutant, str] = {}
    for k, mutant in enumerate(drawn):
        tests = covered.tests(mutant.path, mutant.first, mutant.last, given.most)
        key = f"{mutant.title} #{mutant.number}"
        if key not in known:
            limit = 30 + 3 * covered.seconds_of(tests)
            known[key] = outcome(root, mutant, tests, limit) if tests else "no test"
        outcomes[mutant] = known[key]
        print(f"{k + 1:4d} {outcomes[mutant]:9s} {mutant.title}", flush=True)
        kept.write_text(json.dumps(known), encoding="utf-8")
        out.write_text(report(outcomes, " ".join(sys.argv[1:])), encoding="utf-8")


if __name__ == "__main__":
    main()
