"""Whatever is struck, at any instruction at all: switches, hooks and modes are as they were."""

from __future__ import annotations

import gc
from functools import partial

import pytest
import torch
from torch import nn
from torch.overrides import _pop_mode_temporarily

from tests.interrupts.standing import left, standing
from tests.interrupts.strike import ALL, ctrl_c, raising, struck_at
from vitlens_widgets.models.cleanup import Cleanup, clean, entered, hooking
from vitlens_widgets.trace.products import WatchedProducts


class Parts(nn.Module):
    """A layer, and a product that a mode of torch's functions sees."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Linear(2, 2)
        self.first.register_forward_hook(lambda *_: None)  # the user's own, which stays

    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            x = self.first(x).unflatten(-1, (2, 1)).flatten(-2)
        return nn.functional.linear(x, self.second.weight)


@clean
def changing(model: Parts, threads: int) -> torch.Tensor:
    """Everything that the package changes for a while, within one another."""
    seen = []
    mode = WatchedProducts({model.second: [seen.append]})
    undo = partial(torch.set_num_threads, torch.get_num_threads())
    with torch.no_grad(), Cleanup(undo), hooking() as hooks, entered(mode):
        torch.set_num_threads(threads)
        hooks.before(model.first, lambda _m, args, _kw: seen.append(args), first=True)
        hooks.after(model.first, lambda _m, _args, out: out + 1)
        answer = model(torch.ones(1, 3))
    assert len(seen) == 2
    return answer


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Parts()


@pytest.mark.parametrize("strike", [ctrl_c, raising(MemoryError)], ids=["Ctrl-C", "an error"])
def test_at_every_instruction(model, strike):
    call = partial(changing, model, torch.get_num_threads() + 1)
    call()
    before, expected = standing(model), call()
    at = 1
    while (struck := struck_at(call, at, strike, ALL)).error:
        assert left(before, standing(model)) == [], struck.error
        at += 1
    assert at > 1000
    assert torch.equal(call(), expected)


def test_what_a_generator_undoes_late_is_not_undone_twice():
    value, log = [0], []

    @clean
    def fails():
        manager = entered(WatchedProducts({}))
        manager.__enter__()
        log.append(manager)  # lives on, with its generator in the middle
        with Cleanup(partial(value.__setitem__, 0, 0)):
            value[0] = 1
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fails()
    assert value == [0]
    before = standing()
    log.clear()
    assert left(before, standing()) == []


def _cut_off(kind):
    taken = _pop_mode_temporarily()
    taken.__enter__()  # here Ctrl-C came, before `with` knew of it
    raise kind


@clean
def _fails_on_the_way_out(kind):
    with torch.device("meta"):
        _cut_off(kind)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_whose_way_out_ends_in_another_error_leaves_nothing(kind):
    before = standing()
    with pytest.raises(RuntimeError, match="empty mode stack") as caught:
        _fails_on_the_way_out(kind)
    assert isinstance(caught.value.__context__, kind)
    del caught
    gc.collect()
    assert left(before, standing()) == []


def test_what_was_owed_before_is_still_owed():
    value = []
    with Cleanup(partial(value.append, "outer")):
        with pytest.raises(RuntimeError):
            _fails(value)
        assert value == ["inner"]
    assert value == ["inner", "outer"]


@clean
def _fails(value):
    with Cleanup(partial(value.append, "inner")):
        raise RuntimeError("in the middle")
