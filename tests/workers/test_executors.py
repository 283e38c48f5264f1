"""Experiments by workers: the same numbers, nothing lost, whatever dies on the way."""

from __future__ import annotations

import _thread
import multiprocessing
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.over_data import OVER_DATA
from tests.sentences import refused
from tests.small_models import hf_model, timm_model
from tests.workers.data_sets import Fails, Kills, Sums
from tests.workers.in_place import AtOnce
from vitlens_widgets.analysis.lens_causality import measure
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.data import Examples, ImageFolder, Streamed
from vitlens_widgets.workers.sent import Sent
from vitlens_widgets.workers.shards import Shards

SPAWN = multiprocessing.get_context("spawn")
WORDS = {
    "perturbation_test": {"n_points": 3, "n_random": 1},
    "decoded_heads": {"n_permutations": 9},
}
N = 23  # images; with batches of 3 the last one is smaller


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def data(vit):
    return examples(vit, N)


@pytest.fixture(scope="module")
def whole(vit, data):
    """What one process finds."""
    return run(Sums(), vit, data, batch_size=3).tallies


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


@pytest.mark.parametrize("name", OVER_DATA)
def test_every_experiment_finds_the_same_numbers(vit, pool, tmp_path, name):
    experiment, words = getattr(vl.analysis, name), WORDS.get(name, {})
    data = examples(vit, 7)
    files = [tmp_path / "one.npz", tmp_path / "many.npz"]
    experiment(vit, data, batch_size=2, save_to=files[0], **words)
    experiment(vit, data, batch_size=2, save_to=files[1], executor=pool, **words)
    with np.load(files[0]) as one, np.load(files[1]) as many:
        assert one.files == many.files
        for key in one.files:
            added = name == "activations" and one[key].dtype == np.float64
            in_slots = key.startswith(("of strongest", "of sample"))  # tested with their own
            if added:  # in another order
                bound = 8 * np.finfo(float).eps * max(1.0, np.abs(one[key]).max())
                assert np.abs(one[key] - many[key]).max() <= bound, key
            elif key != "sum" and not in_slots:
                assert np.array_equal(one[key], many[key]), key


def test_probes_are_fitted_once_and_by_workers_too(vit, pool, tmp_path):
    train, test = examples(vit, 30, seed=1), examples(vit, 7)
    words = {"sites": ["resid_post"], "layers": [0, 2], "shots": 2, "batch_size": 2}
    found = []
    for executor in (None, pool):
        file = tmp_path / f"{len(found)}.npz"
        vl.analysis.linear_probes(vit, train, test, executor=executor, save_to=file, **words)
        with np.load(file) as kept:
            found.append({name: kept[name] for name in kept.files if name[:3] == "of "})
    assert same(*found)


def test_experiments_with_lenses_and_two_sets_are_the_same(vit, pool):
    train, test = examples(vit, 12, seed=1), examples(vit, 7)
    words = {"lenses": vl.JacobianLens.fit(vit, train, n_images=2), "batch_size": 3}
    for name, more in (("lens_agreement", {}), ("lens_causality", {"n_train": 8})):
        first = (vit, train, test) if more else (vit, test)
        one, many = (
            getattr(vl.analysis, name)(*first, executor=executor, **words, **more).table()
            for executor in (None, pool)
        )
        assert one.equals(many)


def test_lenses_of_halves_are_fitted_by_workers(vit):
    sets = examples(vit, 5, seed=1), examples(vit, 4)
    at_once = AtOnce()
    one, many = (
        vl.analysis.lens_stability(vit, *sets, fit="jacobian", batch_size=2, executor=executor)
        for executor in (None, at_once)
    )
    assert one.table().equals(many.table())
    assert one.same_answers().equals(many.same_answers())
    jobs = {order.job.key for order in at_once.orders}
    assert len(jobs) == 3  # two halves, and the measure


def test_states_that_directions_are_found_in_are_run_by_workers(vit):
    sets, at_once = (examples(vit, 12, seed=1), examples(vit, 7)), AtOnce()
    words = {"n_train": 8, "n_directions": 2, "batch_size": 3, "states": 2}
    one, many = (
        vl.analysis.lens_causality(vit, *sets, executor=executor, **words)
        for executor in (None, at_once)
    )
    assert one.directions().equals(many.directions())
    jobs = {}
    for order in at_once.orders:
        jobs.setdefault(order.job.key, set()).update(range(order.start, order.stop))
    assert sorted(map(len, jobs.values())) == [7, 8]


def test_a_finished_run_finds_no_directions_again(vit, tmp_path, monkeypatch):
    sets = examples(vit, 8, seed=1), examples(vit, 3)
    words = {"n_train": 4, "n_directions": 2, "states": 2, "save_to": tmp_path}
    first = vl.analysis.lens_causality(vit, *sets, **words)
    monkeypatch.setattr(measure, "KnownStates", None)
    again = vl.analysis.lens_causality(vit, *sets, **words, executor=AtOnce())
    assert again.directions().equals(first.directions())


def test_means_of_sites_are_the_same(vit, data, pool):
    here, there = (
        vl.analysis.mean_values(vit, data, ["z"], batch_size=3, executor=one)
        for one in (None, pool)
    )
    assert all(torch.equal(here.values[key], there.values[key]) for key in here.values)


def test_a_jacobian_lens_is_the_same(data, pool, tmp_path):
    vit = vl.load(timm_model("distillation"))
    words = {"n_images": 5, "batch_size": 2}
    one = vl.JacobianLens.fit(vit, data, **words)
    many = vl.JacobianLens.fit(vit, data, executor=pool, save_to=tmp_path / "lens", **words)
    assert torch.equal(one.weight, many.weight)
    assert torch.equal(one.bias, many.bias)
    assert one.fitted == many.fitted


def test_a_fork_and_dasks_client_do_it_too(vit, data, whole):
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=fork) as executor:
        assert same(run(Sums(), vit, data, batch_size=3, executor=executor).tallies, whole)


def test_a_cluster_stops_and_goes_on_and_loses_a_worker(vit, data, whole, tmp_path):
    file = tmp_path / "run.npz"
    with vl.cluster(2) as executor:
        assert "2 workers" in repr(executor)
        found = run(Sums(), vit, data, batch_size=3, executor=executor)
        assert same(found.tallies, whole)
        run(Sums(), vit, data, batch_size=3, n_images=9, executor=executor, save_to=file)
        deadly = Kills(data, 13, tmp_path / "note", 1)
        found = run(Sums(), vit, deadly, batch_size=3, executor=executor.client, save_to=file)
        assert deadly.n_times() == 1
        assert same(found.tallies, whole)
    assert same(run(Sums(), vit, data, save_to=file).tallies, whole)  # read


def test_a_killed_worker_loses_nothing(vit, data, whole, tmp_path):
    deadly = Kills(data, 10, tmp_path / "note", 1)
    pool = ProcessPoolExecutor(2, mp_context=SPAWN)
    with pool as executor, pytest.warns(UserWarning, match="A worker process died"):
        found = run(Sums(), vit, deadly, batch_size=3, executor=executor)
    assert deadly.n_times() == 1
    assert found.n_images == N
    assert same(found.tallies, whole)


def test_images_that_kill_every_worker_are_named_and_the_others_kept(vit, data, whole, tmp_path):
    deadly, file = Kills(data, 10, tmp_path / "note", 99), tmp_path / "run.npz"
    pool = ProcessPoolExecutor(2, mp_context=SPAWN)
    with pool as executor, pytest.warns(UserWarning, match="died"), refused(vl.UsageError):
        run(Sums(), vit, deadly, batch_size=3, executor=executor, save_to=file)
    with np.load(file) as kept:
        assert int(kept["done"]) == 9
    assert same(run(Sums(), vit, data, batch_size=3, save_to=file).tallies, whole)


@pytest.mark.parametrize("error", [RuntimeError("no memory left"), vl.UsageError("No such file.")])
def test_a_batch_that_fails_is_tried_again_then_named(vit, data, whole, pool, tmp_path, error):
    file = tmp_path / "run.npz"
    once = Fails(data, 10, tmp_path / "once", 1, error)
    assert same(run(Sums(), vit, once, batch_size=3, executor=pool).tallies, whole)
    always = Fails(data, 10, tmp_path / "always", 99, error)
    with refused(vl.UsageError):
        run(Sums(), vit, always, batch_size=3, executor=pool, save_to=file)
    assert always.n_times() == 2
    with np.load(file) as kept:
        assert int(kept["done"]) == 9
    assert same(run(Sums(), vit, data, batch_size=3, save_to=file).tallies, whole)


def interrupted(call):
    """Calls it, and presses Ctrl-C a moment later."""
    pressed = threading.Timer(1.5, _thread.interrupt_main)
    pressed.start()
    with pytest.raises(KeyboardInterrupt) as said:
        call()
    pressed.join()
    return str(said.value)


def test_an_interrupt_keeps_what_is_done(vit, data, pool, tmp_path):
    file = tmp_path / "run.npz"
    slow = Sums(seconds=0.4)
    run(slow, vit, data, n_images=3, batch_size=1, executor=pool)  # the workers are warm
    words = {"batch_size": 1, "save_to": file}
    said = interrupted(lambda: run(slow, vit, data, executor=pool, **words))
    assert "the same call goes on from there" in said
    with np.load(file) as kept:
        done = int(kept["done"])
        ahead = sum(key.startswith("at ") for key in kept.files) // 2
    assert 0 < done + ahead < N
    assert str(done + ahead) in said
    begun = time.monotonic()
    here = run(Sums(), vit, data, **words)
    assert time.monotonic() - begun < 10
    assert same(here.tallies, run(Sums(), vit, data, batch_size=1).tallies)


def test_what_is_done_beyond_a_gap_is_not_done_again(vit, data, pool, tmp_path):
    file, note = tmp_path / "run.npz", tmp_path / "note"
    gap = Fails(data, 0, note, 99, RuntimeError("no"))
    with pytest.raises(vl.UsageError, match="done; the same call goes on"):
        run(Sums(seconds=0.05), vit, gap, batch_size=1, executor=pool, save_to=file)
    with np.load(file) as kept:
        assert int(kept["done"]) == 0
        first = min(int(key.split()[1]) for key in kept.files if key.startswith("at "))
    asked = Fails(data, first, tmp_path / "asked", 0, RuntimeError("read again"))
    measured = []

    class Listening(Sums):
        def measure(self, batch):
            measured.extend(batch.numbers)
            return super().measure(batch)

    found = run(Listening(), vit, asked, batch_size=1, save_to=file)
    assert first not in measured
    assert same(found.tallies, run(Sums(), vit, data, batch_size=1).tallies)


class Broken:
    """An executor that does something else."""

    def __init__(self, does):
        self.submit = does


def never_again(*_):
    raise RuntimeError("cannot schedule new futures after shutdown")


def something(*_):
    future = Future()
    future.set_result(7)
    return future


def raising(*_):
    future = Future()
    future.set_exception(OSError("no node answers"))
    return future


def cancelled(*_):
    future = Future()
    future.cancel()
    return future


@pytest.mark.parametrize("does", [never_again, something, raising, cancelled])
def test_a_broken_executor_is_said(vit, data, does):
    with refused(vl.UsageError):
        run(Sums(), vit, data, executor=Broken(does))


@pytest.mark.parametrize("executor", [4, "dask", ProcessPoolExecutor])
def test_what_is_no_executor_is_refused(vit, data, executor):
    with refused(vl.UsageError):
        run(Sums(), vit, data, executor=executor)


def test_threads_gain_nothing_and_find_the_same(vit, data, whole):
    with ThreadPoolExecutor(3) as executor, pytest.warns(UserWarning, match="gains"):
        assert same(run(Sums(), vit, data, batch_size=3, executor=executor).tallies, whole)


def test_data_sets_that_cannot_travel_are_refused(vit, data, pool):
    pictures = [(np.zeros((1000, 1000, 3), np.uint8), None)] * 2
    many = [(np.full((1000, 1000, 3), i, np.uint8), None) for i in range(30)]
    run(Sums(), vit, Examples([(picture, 0) for picture, _ in pictures], vit.labels), executor=pool)
    for other in (
        Examples([(picture, 0) for picture, _ in many], vit.labels),
        Streamed([(data[i].image, data[i].label) for i in range(4)], vit.labels, count=4),
        Examples(Locked([(data[0].image, 0)]), vit.labels),
    ):
        with refused(vl.UsageError):
            run(Sums(), vit, other, executor=pool)


def test_a_folder_is_listed_again_by_each_worker(vit, pool, tmp_path, monkeypatch):
    monkeypatch.setattr("vitlens_widgets.workers.shards.MOST_DATA", 4_000)  # of none of its names
    for i in range(200):
        file = tmp_path / vit.labels[i % 2] / f"photograph number {i} of a long afternoon.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (i, 9, 255 - i)).save(file)
    data = ImageFolder(tmp_path, vit.labels)
    here, there = (run(Sums(), vit, data, batch_size=7, executor=one) for one in (None, pool))
    assert same(here.tallies, there.tallies)
    Image.new("RGB", (8, 8)).save(data.source(0).with_stem("another"))
    found = run(Sums(), vit, data, batch_size=7, executor=pool)  # they have its list
    assert same(found.tallies, here.tallies)
    with refused(vl.UsageError):
        run(Sums(seconds=0.001), vit, data, batch_size=7, executor=pool)


class Locked(list):
    """A list that no process gives to another."""

    def __reduce_ex__(self, protocol):
        raise TypeError("cannot pickle this")


def test_what_only_says_how_batches_are_added_runs_in_one_process(vit, data):
    class Last(Sums):
        def add(self, _tallies, batch):
            return self.measure(batch)

    with refused(vl.UsageError):
        run(Last(), vit, data, executor=AtOnce())
    assert run(Last(), vit, data).n_images == N


def test_a_measure_of_ones_own_needs_no_module(vit, data, pool):
    class Largest(Sums):
        def measure(self, batch):
            return {"n": np.array([len(batch)]), "double": np.array([self.twice(len(batch))])}

        twice = staticmethod(lambda n: 2 * n)

    Largest.__module__ = "__main__"
    found = run(Largest(), vit, data, batch_size=3, executor=pool)
    assert found.tallies["double"].tolist() == [2 * N]


@pytest.mark.parametrize(
    "model",
    [
        lambda: vl.load("toy/p32"),
        lambda: vl.load("vit_tiny_patch16_224", pretrained=False, labels="imagenet-1k"),
        lambda: vl.load(timm_model("four registers and layer scale")),
        lambda: vl.load(hf_model(), preprocessing={"mean": (0.5,) * 3, "std": (0.5,) * 3}),
    ],
    ids=["named", "random", "module", "transformers"],
)
def test_models_arrive_as_they_are(pool, model):
    vit = model()
    vit.model.register_forward_hook(add_a_bit)  # of the user's own
    data = vl.world.Scenes(seed=1)
    words = {"n_images": 4, "batch_size": 2}
    one, many = (vl.analysis.mean_values(vit, data, **words, executor=e) for e in (None, pool))
    assert all(torch.equal(one.values[key], many.values[key]) for key in one.values)


def add_a_bit(_module, _given, answer):
    return answer


def test_a_named_model_is_loaded_and_its_weights_stay(pool, monkeypatch):
    vit = vl.load("toy/p32")
    monkeypatch.setattr(Sent, "_pack_model", None)
    vl.analysis.mean_values(vit, vl.world.Scenes(seed=1), n_images=4, executor=pool)
    monkeypatch.undo()
    with torch.no_grad():  # now it is no longer what its name says
        next(vit.model.parameters()).mul_(1.5)
    one, many = (
        vl.analysis.mean_values(vit, vl.world.Scenes(seed=1), n_images=4, executor=executor)
        for executor in (None, pool)
    )
    assert all(torch.equal(one.values[key], many.values[key]) for key in one.values)


def test_workers_that_see_no_files_are_sent_all(vit, data, whole, pool, monkeypatch):
    enter = Shards.__enter__

    def elsewhere(self):
        made = enter(self)
        for file in self._sent._folder.glob("*.parcel"):
            content = file.read_bytes()
            file.unlink()
            contents[str(file)] = content
        return made

    contents = {}
    read = vl.workers.parcel.Parcel.read

    def remembered(self):
        return contents.get(self.path) or read(self)

    monkeypatch.setattr(Shards, "__enter__", elsewhere)
    monkeypatch.setattr("vitlens_widgets.workers.parcel.Parcel.read", remembered)
    monkeypatch.setattr("vitlens_widgets.workers.parcel.SMALL", 10)
    vit = vl.load(timm_model("CLS", depth=2))  # one that no worker has
    found = run(Sums(), vit, data, batch_size=3, executor=pool)
    assert same(found.tallies, whole)


def test_progress_counts_images_of_all_workers(vit, data, pool, monkeypatch):
    counted = []

    class Bar:
        def __init__(self, total, what):
            assert (total, what) == (N, "sums")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            counted.append(n)

    monkeypatch.setattr("vitlens_widgets.analysis.stream.data_run.progress_bar", Bar)
    run(Sums(), vit, data, batch_size=3, executor=pool)
    assert sum(counted) == N
