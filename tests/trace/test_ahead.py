"""What is read ahead: in order, with its errors in their places, while something else computes."""

from __future__ import annotations

import threading
import time

import pytest

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.small_models import timm_model
from vitlens_widgets.trace.ahead import made_ahead
from vitlens_widgets.trace.example_batches import batches


@pytest.mark.parametrize("n_readers", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_everything_comes_in_order(n, n_readers):
    def made(step):
        time.sleep(0.002 * (step % 3))
        return step * step

    assert list(made_ahead(made, range(n), n_readers)) == [i * i for i in range(n)]


def test_no_more_is_made_ahead_than_is_said():
    begun = []
    every = made_ahead(begun.append, range(20), 2)
    next(every)
    time.sleep(0.1)
    assert len(begun) == 3
    every.close()
    time.sleep(0.1)
    assert len(begun) == 3


@pytest.mark.parametrize("error", [ValueError("no image"), KeyboardInterrupt()])
def test_an_error_comes_after_what_was_made_before(error):
    def made(step):
        if step == 2:
            raise error
        return step

    every = made_ahead(made, range(5))
    assert [next(every), next(every)] == [0, 1]
    with pytest.raises(type(error)):
        next(every)


def test_the_next_batch_is_read_while_one_is_in_use():
    vit = vl.load(timm_model("CLS"))
    data, readers = examples(vit, 6), []

    class Slow:
        labels, has_masks, count, identity = data.labels, data.has_masks, 6, data.identity

        def __getitem__(self, number):
            readers.append(threading.current_thread().name)
            time.sleep(0.05)
            return data[number]

    every = batches(vit, Slow(), 0, 6, 2)
    next(every)
    time.sleep(0.5)  # as a model computes
    begun = time.monotonic()
    batch = next(every)
    assert time.monotonic() - begun < 0.05
    assert list(batch.numbers) == [2, 3]
    assert all(name.startswith("images") for name in readers)
    assert [list(one.numbers) for one in every] == [[4, 5]]


def test_by_what_examples_are_known_is_said_where_it_is_asked():
    vit = vl.load(timm_model("CLS"))
    data = examples(vit, 3)
    with_it = list(batches(vit, data, 0, 3, 2, digests=True))
    assert [len(batch.digests) for batch in with_it] == [2, 1]
    assert len({*with_it[0].digests, *with_it[1].digests}) == 3
    assert [batch.digests for batch in batches(vit, data, 0, 3, 2)] == [(), ()]
