"""Messages that no page sends, drawn from a seed; `python -m tests.widgets.garbage N` counts."""

from __future__ import annotations

import logging
import random
import sys
from collections import Counter

import vitlens_widgets as vl

NEARLY = (
    0,
    1,
    2,
    3,
    None,
    "mean",
    "scores",
    "sqrt",
    "from",
    "rank",
    "kl",
    "error",
    "edited",
    [[0, 1]],
)
METHODS = ("update", "update", "update", "update", "custom", "custom", "request_state", "destroy")
ASKED = ("_map", "_exact", "_neurons", "_knock_out", "_open", "_go_on", "_teach")
NOT_ASKED = ("close", "__init__", "infilling", "save_html", "_fill", "set_state", "", "nothing")
PLAIN = (
    *(None, True, False, 0, 1, 2, -1, 5, 10**6, 2**70, -(10**400), 0.5, 2.0, 1e308),
    *(float("nan"), float("inf"), "", "final", "0_pre", "head", "to", "entropy", "x" * 5000),
    *("\x00", "<script>", "ab", b"", b"\x00\x01" * 24, memoryview(b"\x01" * 49)),
)


def value(chance, depth=0):
    """Anything that JSON and its buffers can bring."""
    kind = chance.random()
    if kind < 0.7 or depth > 3:
        return chance.choice(PLAIN)
    if kind < 0.73:
        return deep(chance.choice((3, 60, 400)))
    many = chance.choice((0, 1, 2, 3, 49))
    if kind < 0.88:
        return [value(chance, depth + 1) for _ in range(many)]
    names = ("layer", "head", "image", "kind", "show", "heads", "query", "key", "$bytes", "")
    return {chance.choice(names): value(chance, depth + 1) for _ in range(many)}


def deep(levels):
    """A list in a list in a list."""
    one = []
    for _ in range(levels):
        one = [one]
    return one


def message(chance, widget):
    """A message as a comm hands it over, nearly right or not at all."""
    method = chance.choice(METHODS) if chance.random() < 0.9 else value(chance)
    data = {"method": method}
    if chance.random() < 0.9:
        names = chance.choices([*widget.keys, "nothing", "__class__", ""], k=chance.randint(0, 4))
        nearly = chance.random() < 0.3
        data["state"] = {n: chance.choice(NEARLY) if nearly else value(chance) for n in names}
    elif chance.random() < 0.8:
        data["state"] = value(chance)
    if chance.random() < 0.2:
        data["buffer_paths"] = chance.choice(([["mask"]], [["state", 0]], [[]], value(chance)))
    if method == "custom" and chance.random() < 0.9:
        asked = chance.choice((*ASKED, *NOT_ASKED, *PLAIN))
        question = {"ask": asked, "id": value(chance), "message": value(chance)}
        for name in list(question):
            if chance.random() < 0.05:
                del question[name]
        data["content"] = question if chance.random() < 0.9 else value(chance)
    content = {"data": data if chance.random() < 0.97 else value(chance)}
    buffers = [b"\x00\x01\x01"] * chance.choice((0, 0, 1, 3))
    return {"content": content, "buffers": buffers} if chance.random() < 0.97 else {"content": {}}


def choices(widget):
    """What is chosen, each choice checked by its own trait."""
    chosen = {name: getattr(widget, name) for name in widget.choices()}
    for name, one in chosen.items():
        widget.traits()[name]._validate(widget, one)
    return {name: str(one) for name, one in chosen.items()}


def data(widget):
    """What was computed and is sent, without what counts questions."""
    counts = {"error", "_version", "_answered"}
    return {
        name: widget.get_state(name)[name]
        for name in widget.keys
        if name not in counts and not widget._is_settable(name) and name not in ("layout",)
    }


def send(widget, seed, n):
    """Sends a widget `n` messages; counts what became of them."""
    chance, counts = random.Random(seed), Counter()
    for _ in range(n):
        before, data_before = choices(widget), data(widget)
        one = message(chance, widget)
        widget._handle_msg(one)
        after = choices(widget)
        counts["a choice is another one"] += before != after
        counts["an error is said"] += widget.error != ""
        if before == after and "_go_on" not in str(one):  # which computes
            assert data(widget) == data_before
        repr(widget)
    return counts


def main():
    """Counts over all widgets."""
    from tests.widgets.test_garbage import WIDGETS

    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    for name, make in WIDGETS.items():
        widget = make()
        widget.log.handlers = [handler]
        records.clear()
        n = int(sys.argv[1])
        counts = send(widget, 1, n)
        traces = sum(record.exc_info is not None for record in records)
        print(name, n, dict(counts), f"log: {len(records)} sentences, {traces} tracebacks")
        widget.still()


if __name__ == "__main__":
    assert vl
    main()
