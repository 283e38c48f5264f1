"""Shared by all tests."""

from __future__ import annotations

import signal

import pytest
import torch

from tests import sentences

# the tests' models are tiny: a second thread would only be waited for
torch.set_num_threads(1)
# what a shell starts in the background ignores Ctrl-C, and tests press it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "write what errors say into tests/sentences.json instead of comparing it"
    parser.addoption("--write-sentences", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    sentences.writing = config.getoption("write_sentences")
    config.pluginmanager.register(sentences.Sentences(), "sentences")
