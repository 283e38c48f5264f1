"""Sentences that errors say, kept in one file: `sentences.json`, by test and in their order.

`with refused(UsageError): ...` compares what was said with what is kept;
`pytest --write-sentences` writes anew what the tests it ran heard. Three dots in a kept sentence
stand for any text, such as a measured number or a library's list; put there by hand, they stay.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

KEPT = Path(__file__).with_suffix(".json")
ROOT = Path(__file__).parents[1]
VERSIONED = ("torch", "timm", "transformers", "open_clip_torch", "numpy", "pillow", "bokeh")


@contextmanager
def refused(*kinds: type[BaseException]) -> Iterator[pytest.ExceptionInfo]:
    """Expects one of these errors, and that it says what `sentences.json` has for this test."""
    with pytest.raises(kinds) as caught:
        yield caught
    said = plain(str(caught.value))
    test = os.environ["PYTEST_CURRENT_TEST"].rsplit(" (", 1)[0]
    place = len(heard[test])
    heard[test].append(said)
    if not writing:
        of_test = kept().get(test, [])
        hint = "`pytest --write-sentences` writes it down; read it there"
        assert place < len(of_test), f"sentence {place} of {test} is not kept: {said}\n{hint}"
        same = said == of_test[place] or fits(said, of_test[place])
        assert same, f"kept: {of_test[place]}\nsaid: {said}\n{hint}"


def fits(sentence: str, kept_one: str) -> bool:
    """Whether it is the kept sentence, whatever stands in place of its three dots."""
    return re.fullmatch(re.escape(kept_one).replace("…", ".*"), sentence, re.DOTALL) is not None


def plain(sentence: str) -> str:
    """The sentence without what differs from run to run: folders, versions, places in memory.

    The names of a set, whose order differs, too, stand in that of the alphabet.
    """
    folder = re.escape(os.path.realpath(tempfile.gettempdir()))
    sentence = re.sub(
        rf"{folder}/(pytest-of-[^/]+/pytest-\d+/(?:popen-gw\d+/)?[^/\s\"',;]+|tmp\w+)",
        "<tmp>",
        sentence,
    )
    sentence = sentence.replace(str(ROOT), "<root>").replace(str(Path.home()), "<home>")
    sentence = re.sub(r"\b(127\.0\.0\.1|localhost):\d+", r"\1:<port>", sentence)
    sentence = re.sub(r"\b(0x|(?<=\bid ))[0-9a-f]{6,}", "<id>", sentence)
    sentence = re.sub(r"\{('[^'{}]*'(?:, '[^'{}]*')+)\}", _in_order, sentence)
    for name, version in versions().items():
        sentence = re.sub(
            rf"(?<![\d.]){re.escape(version)}(\+\w+)?(?![\d.]*\d)", f"<{name}>", sentence
        )
    return sentence


def _in_order(names: re.Match[str]) -> str:
    return "{" + ", ".join(sorted(names[1].split(", "))) + "}"


heard: dict[str, list[str]] = defaultdict(list)  # of the tests of this run
writing = False
_kept: dict[str, list[str]] = {}
_versions: dict[str, str] = {}


def kept() -> dict[str, list[str]]:
    """The sentences of each test, as the file has them."""
    if not _kept and KEPT.is_file():
        by_file = json.loads(KEPT.read_text(encoding="utf-8"))
        _kept.update(
            (f"{file}::{test}", said)
            for file, tests in by_file.items()
            for test, said in tests.items()
        )
    return _kept


def with_dots(test: str) -> list[str]:
    """What a test heard, as it is kept: with the dots that were put there by hand."""
    known = kept().get(test, [])
    return [next((one for one in known if fits(said, one)), said) for said in heard[test]]


def versions() -> dict[str, str]:
    """The installed libraries' versions that a sentence may name."""
    if not _versions:
        _versions.update((name, importlib.metadata.version(name)) for name in VERSIONED)
    return _versions


def write(sentences: dict[str, list[str]]) -> None:
    """Writes the file: by file of tests, then by test."""
    by_file: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for test, said in sorted(sentences.items()):
        file, name = test.split("::", 1)
        by_file[file][name] = said
    text = json.dumps(by_file, indent=1, ensure_ascii=False)
    KEPT.write_bytes(f"{text}\n".encode())  # before the file is opened: it may not be possible


class Sentences:
    """The pytest plugin: which tests there are, which passed, and what is left over."""

    def __init__(self) -> None:
        self.tests: set[str] = set()
        self.passed: set[str] = set()
        self.left_over: list[str] = []

    @pytest.hookimpl(tryfirst=True)  # before -k and -m choose
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.tests = {item.nodeid for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """One of several processes (pytest-xdist) is done: what it heard."""
        sent = getattr(node, "workeroutput", {}).get("sentences", {})
        self.tests |= set(sent.get("tests", ()))
        heard.update(sent.get("heard", {}))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        one_of_several = getattr(session.config, "workeroutput", None)
        if one_of_several is not None:
            one_of_several["sentences"] = {"tests": [*self.tests], "heard": dict(heard)}
            return
        chosen = any("::" in word for word in session.config.args)
        gone = {test for test in kept() if self.gone(test, chosen=chosen)}
        if writing:
            old = {test: said for test, said in kept().items() if test not in gone | self.passed}
            write(old | {test: with_dots(test) for test in self.passed if heard.get(test)})
            return
        less = {
            test for test in self.passed if len(heard.get(test, [])) < len(kept().get(test, []))
        }
        self.left_over = sorted(gone | less)
        if self.left_over and session.exitstatus == 0:
            session.exitstatus = 1

    def gone(self, test: str, *, chosen: bool) -> bool:
        """Whether a test of the file is there no more; of files partly chosen none is."""
        file = test.split("::")[0]
        of_this_run = file in {name.split("::")[0] for name in self.tests} and not chosen
        return not (ROOT / file).is_file() or (of_this_run and test not in self.tests)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.left_over:
            terminalreporter.section("sentences that no test hears any more")
            terminalreporter.write_line("\n".join(self.left_over))
            terminalreporter.write_line("`pytest --write-sentences` takes them out")
