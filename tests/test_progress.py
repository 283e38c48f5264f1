"""Long work shows its progress, leaves nothing of it in a notebook, and is foreseen."""

from __future__ import annotations

import re
import warnings

import nbformat
import pytest
from nbclient import NotebookClient

import vitlens_widgets as vl
import vitlens_widgets.progress as module

WORK = """
import os
os.environ |= {"TQDM_MININTERVAL": "0", "TQDM_MINITERS": "1"}  # the bar shows every step
from vitlens_widgets import progress as module
from vitlens_widgets.progress import progress, progress_bar
module._QUIET_SECONDS = 1e-6  # a bar is shown at once; 0 would mean before its work begins
for _ in progress(range(4), "steps"):
    pass
with progress_bar(4, "more"):
    pass
"""
HALF = """
try:
    with progress_bar(4, "half") as bar:
        for _ in range(3):
            bar.update(1)
        raise ValueError("stopped")
except ValueError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def cells():
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (WORK, HALF)]
    NotebookClient(notebook, timeout=60).execute()
    return notebook.cells


def kinds(cell):
    return [set(output.get("data", {})) for output in cell.outputs]


def test_of_finished_work_no_bar_is_left_in_the_notebook(cells):
    assert kinds(cells[0]) == [{"text/html"}]
    assert cells[0].outputs[0].data["text/html"] == ""


def test_of_work_that_was_not_finished_the_bar_stays(cells):
    assert any("application/vnd.jupyter.widget-view+json" in kind for kind in kinds(cells[1]))
    assert cells[1].outputs[-1].text == "stopped\n"


class Clock:
    """Moves on by so many seconds whenever it is asked."""

    def __init__(self, seconds):
        self.now, self.seconds = 0.0, seconds

    def __call__(self):
        self.now += self.seconds
        return self.now


def foreseen(monkeypatch, seconds, total=1000, given=4000, first=1):
    """What is warned of when each step takes so long, and after which step."""
    monkeypatch.setattr(module, "_now", Clock(seconds))
    work = module.Foresight("This fit", total, "steps", given)
    for done in range(first, total + 1):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            work.after(done)
        if said:
            yield done, str(said[0].message)


def test_long_work_is_foreseen_once(monkeypatch):
    """36 seconds a step: 10 hours of a thousand, and fifty of them are half an hour."""
    told = list(foreseen(monkeypatch, 36))
    assert told == [
        (
            2,
            "This fit will take about 10 hours more at this pace; with steps=200 it would be about "
            "half an hour in all.",
        )
    ]


@pytest.mark.parametrize(
    ("seconds", "step", "words"),
    [(2, 6, "33 minutes"), (0.01, None, ""), (1.7, None, ""), (2000, 2, "23 days")],
)
def test_only_long_work_is_and_once_it_was_watched(monkeypatch, seconds, step, words):
    told = list(foreseen(monkeypatch, seconds))
    assert [one for one, _ in told] == ([] if step is None else [step])
    assert all(f"about {words} more" in sentence for _, sentence in told)


def test_fewer_are_never_none(monkeypatch):
    ((_, sentence),) = foreseen(monkeypatch, 9000, total=10, given=10)
    assert "with steps=1 it" in sentence


def test_who_goes_on_was_warned_before(monkeypatch):
    monkeypatch.setattr(module, "_now", Clock(9000))
    work = module.Foresight("This fit", 10, "steps", 10, goes_on=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(10):
            work.more(1)


def test_a_slower_second_part_is_foreseen(monkeypatch):
    clock = Clock(0.1)
    monkeypatch.setattr(module, "_now", clock)
    work = module.Foresight("This fit", 1000, "steps", 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(500):
            work.more(1)
    clock.seconds = 30
    work.more(1)  # watched together with quick ones
    with pytest.warns(UserWarning, match=r"about 4 hours more .* steps=30"):
        work.more(1)


FITS = {
    "training": (
        lambda vit, data, **n: vl.train_sae(
            vit, data, 1, n_latents=16, k=2, steps=6, buffer=300, batch_size=100, **n
        ),
        r"This training will take about .* with steps=\d+ it",
    ),
    "buffer": (
        lambda vit, data, **n: vl.train_sae(vit, data, 1, n_latents=16, k=2, steps=1, **n),
        r"Filling the buffer will take about .* with buffer=\d+ it",
    ),
    "descent": (
        lambda vit, data, **n: vl.TunedLens.fit(vit, data, batch_size=4, steps=6, **n),
        r"This fit will take about .* with steps=\d+ it",
    ),
    "closed form": (
        lambda vit, data, **n: vl.TunedLens.fit(vit, data, batch_size=2, steps=0, **n),
        r"This fit will take about .* with n_images=\d+ it",
    ),
    "mean": (
        lambda vit, data, **n: vl.JacobianLens.fit(vit, data, batch_size=50, **n),
        r"This fit will take about .* with n_images=\d+ it",
    ),
}


@pytest.mark.parametrize("which", FITS)
@pytest.mark.parametrize("seconds", [1000, 1e-3])
def test_fits_that_take_long_say_so(which, seconds, monkeypatch):
    """With the numbers that they have by default, on a clock that is slow or quick."""
    fit, words = FITS[which]
    monkeypatch.setattr(module, "_now", Clock(seconds))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fit(vl.load("toy/attn-mlp-2l"), vl.world.Scenes(), n_images=100)
    sentences = [str(one.message) for one in said]
    assert [one for one in sentences if re.match(words, one)] == sentences[:1] * (seconds > 1)
    assert all(one.filename == __file__ for one in said)
