"""What errors say is compared with what is kept, without what differs from run to run."""

from __future__ import annotations

import pytest

from tests import sentences
from tests.sentences import fits, plain, refused


def test_folders_versions_and_places_in_memory_are_left_out(tmp_path):
    version = sentences.versions()["timm"]
    assert (
        plain(f'"{tmp_path}/a.pt" is no file; timm {version}.')
        == '"<tmp>/a.pt" is no file; timm <timm>.'
    )
    assert (
        plain(f"an {object()!r} at localhost:8123")
        == "an <object object at <id>> at localhost:<port>"
    )
    assert plain(f"timm 9{version}") == f"timm 9{version}"


def test_another_sentence_than_the_kept_one_fails(monkeypatch, request):
    monkeypatch.setattr(sentences, "writing", False)
    monkeypatch.setattr(sentences, "heard", {request.node.nodeid: []})
    monkeypatch.setattr(sentences, "_kept", {request.node.nodeid: ["Give a dog."]})
    with refused(ValueError):
        raise ValueError("Give a dog.")
    with (
        pytest.raises(AssertionError, match=r"sentence 1 of .* is not kept: Give a cat"),
        refused(ValueError),
    ):
        raise ValueError("Give a cat.")
    sentences.heard[request.node.nodeid].clear()
    with pytest.raises(AssertionError, match="write-sentences"), refused(ValueError):
        raise ValueError("Give a cat.")


def test_three_dots_stand_for_any_text():
    assert fits("They differ by 1.3e-6 (at most 2).", "They differ by … (at most 2).")
    assert not fits("They differ by 1.3e-6 (at most 3).", "They differ by … (at most 2).")
    assert not fits("Give a dog.", "Give a dog")
