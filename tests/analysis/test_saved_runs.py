"""A run's file continues that run alone, is whole or refused, and a bad disk costs no numbers."""

from __future__ import annotations

import copy
import errno
import os
import shutil
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.analysis.test_stream import Interrupted, Sums, same
from tests.sentences import refused
from tests.small_models import timm_model
from tests.test_files import age, room_for
from vitlens_widgets import files
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.analysis.stream.saved import _sum_of
from vitlens_widgets.data import Example, Examples, ImageFolder


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture
def folder(tmp_path, vit):
    """Two photographs of each of three classes, as files of which many sizes are equal."""
    rng = np.random.default_rng(5)
    for label in range(3):
        place = tmp_path / "photos" / vit.labels[label]
        place.mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 255, (40, 56, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.bmp")
    return tmp_path / "photos"


def images_of(folder, vit):
    return ImageFolder(folder, labels=list(vit.labels))


def same_size_and_time(path):
    """Change the pixels of an image and nothing else that a listing shows."""
    content, now = bytearray(path.read_bytes()), path.stat()
    content[700] ^= 255
    path.write_bytes(bytes(content))
    os.utime(path, ns=(now.st_atime_ns, now.st_mtime_ns))


def test_pixels_that_changed_under_the_same_name_size_and_time_are_noticed(vit, folder, tmp_path):
    file = tmp_path / "run.npz"
    run(Sums(), vit, images_of(folder, vit), n_images=4, batch_size=2, save_to=file)
    before = file.read_bytes()
    data = images_of(folder, vit)
    last, first = data[5].image, data[1].image
    same_size_and_time(last)  # which has not been done yet
    whole = run(Sums(), vit, images_of(folder, vit), batch_size=2)
    found = run(Sums(), vit, images_of(folder, vit), batch_size=2, save_to=file)
    assert same(found.tallies, whole.tallies)
    file.write_bytes(before)
    same_size_and_time(first)
    with refused(vl.UsageError):
        run(Sums(), vit, images_of(folder, vit), save_to=file)
    assert file.read_bytes() == before


def test_a_folder_that_was_copied_elsewhere_is_the_same(vit, folder, tmp_path):
    file = tmp_path / "run.npz"
    run(Sums(), vit, images_of(folder, vit), n_images=4, batch_size=2, save_to=file)
    shutil.copytree(folder, tmp_path / "other", copy_function=shutil.copyfile)
    rest = Sums()
    run(rest, vit, images_of(tmp_path / "other", vit), batch_size=2, save_to=file)
    assert rest.sizes == [2]


@pytest.mark.parametrize("kind", ["array", "picture", "tensor", "class", "mask", "row"])
def test_examples_in_memory_that_changed_are_noticed(vit, tmp_path, kind):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 255, (4, 30, 40, 3), dtype=np.uint8)

    def made(change):
        new = pixels.copy()
        new[1, 3, 4] += change
        mask = new[..., 0] > 100
        if kind == "mask":
            mask[1, 3, 4] ^= bool(change)
            new = pixels
        if kind == "class":
            new = pixels
        convert = {
            "picture": Image.fromarray,
            "tensor": lambda x: torch.tensor(x).permute(2, 0, 1),
        }.get(kind, lambda x: x)
        labels = [2, 3 + bool(change) * (kind == "class"), 4, 5]
        if kind == "row":
            rows = zip(new, labels, strict=True)
            return Examples([{"image": Image.fromarray(i), "label": k} for i, k in rows], names)
        items = [(convert(i), k) for i, k in zip(new, labels, strict=True)]
        if kind == "mask":
            items = [(*item, m) for item, m in zip(items, mask, strict=True)]
        return Examples(items, names)

    names = list(vit.labels)
    run(Sums(), vit, made(0), batch_size=2, save_to=tmp_path)
    assert run(Sums(), vit, made(0), save_to=tmp_path).n_images == 4
    with pytest.raises(vl.UsageError, match="holds a run of other images"):
        run(Sums(), vit, made(9), save_to=tmp_path)


def test_examples_of_a_set_of_ones_own_are_looked_at_unless_it_says_all(vit, tmp_path):
    class Own:
        labels, has_masks, count, identity = vit.labels, False, 3, {"own": 1}
        asked = 0

        def __init__(self, value):
            self.value = value

        def __getitem__(self, number):
            self.asked += 1
            return Example(np.full((30, 40, 3), self.value + number, np.uint8), number)

    run(Sums(), vit, Own(3), save_to=tmp_path)
    with refused(vl.UsageError):
        run(Sums(), vit, Own(4), save_to=tmp_path)

    class Known(Own):
        identity_says_all = True

    run(Sums(), vit, Known(3), save_to=tmp_path / "known.npz")
    data = Known(3)
    run(Sums(), vit, data, save_to=tmp_path / "known.npz")
    assert data.asked == 0


@pytest.mark.parametrize("kind", ["quantised", "hook"])
def test_a_run_of_a_model_that_only_its_answers_tell_apart_is_refused(tmp_path, kind):
    def made(factor):
        model = timm_model("CLS")
        if kind == "hook":
            model.blocks[1].register_forward_hook(lambda _m, _a, output: output * factor)
            return vl.load(model)
        model.blocks[2].mlp.fc2.weight.data *= factor
        return vl.load(torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, torch.qint8))

    data = examples(made(1.0), 3)
    run(Sums(), made(1.5), data, save_to=tmp_path)
    run(Sums(), made(1.5), data, save_to=tmp_path)
    with refused(vl.UsageError):
        run(Sums(), made(1.25), data, save_to=tmp_path)


def rewritten(file, change, *, sign):
    """The file with a change in it, signed again or not."""
    with np.load(file) as found:
        arrays = {name: found[name] for name in found}
    del arrays["sum"]
    change(arrays)
    np.savez(file, **arrays, **({"sum": _sum_of(arrays)} if sign else {"sum": "0" * 64}))


CHANGES = {
    "a missing tally": lambda a: a.pop("of classes"),
    "a negative count": lambda a: a.update({"of classes": a["of classes"] - 9}),
    "a count that is no whole number": lambda a: a.update({"of classes": a["of classes"] + 0.5}),
    "another shape": lambda a: a.update({"of classes": a["of classes"][1:]}),
    "a NaN": lambda a: a.update({"of pixels": a["of pixels"] * np.nan}),
    "another number of images": lambda a: a.update({"done": np.array(3)}),
    "a negative number of images": lambda a: a.update({"done": np.array(-1)}),
    "a tally more": lambda a: a.update({"of more": np.zeros(3)}),
    "other images": lambda a: a.update({"seen": np.array("f" * 64)}),
    "another schema": lambda a: a.update({"schema": np.array(1)}),
    "no schema": lambda a: a.pop("schema"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_changed_is_refused_and_left(vit, tmp_path, name):
    data, file = examples(vit, 4), tmp_path / "run.npz"
    run(Sums(), vit, data, n_images=2, save_to=file)
    rewritten(file, CHANGES[name], sign=False)
    before = file.read_bytes()
    for n_images in (2, 4):
        with refused(vl.UsageError):
            run(Sums(), vit, data, n_images=n_images, save_to=file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["a missing tally", "another shape", "a tally more"])
def test_tallies_of_another_kind_are_never_merged(vit, tmp_path, name):
    data, file = examples(vit, 4), tmp_path / "run.npz"
    run(Sums(), vit, data, n_images=2, save_to=file)
    rewritten(file, CHANGES[name], sign=True)
    before = file.read_bytes()
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_file_with_one_flipped_byte_is_refused(vit, tmp_path, at):
    data, file = examples(vit, 2), tmp_path / "run.npz"
    run(Sums(), vit, data, save_to=file)
    content = bytearray(file.read_bytes())
    content[int(at * len(content))] ^= 64
    file.write_bytes(content)
    with pytest.raises(vl.UsageError):
        run(Sums(), vit, data, save_to=file)
    file.write_bytes(content[: len(content) // 2])
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=file)


def test_a_disk_that_fills_up_costs_no_numbers(vit, tmp_path, monkeypatch):
    data, file = examples(vit, 8), tmp_path / "run.npz"
    whole = run(Sums(), vit, data, batch_size=2)
    fsync, calls = os.fsync, iter(range(9))

    def full(descriptor):
        if next(calls) in (1, 2):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="No space left.*holds the first 2 images") as caught:
        found = run(Sums(), vit, data, batch_size=2, save_to=file)
    assert len(caught) == 1
    assert same(found.tallies, whole.tallies)
    assert same(run(Sums(), vit, data, save_to=file).tallies, whole.tallies)


def test_a_disk_that_stays_full_is_said_once_more_at_the_end(vit, tmp_path):
    data, file = examples(vit, 6), tmp_path / "run.npz"
    run(Sums(), vit, data, n_images=2, save_to=file)
    before, whole = file.read_bytes(), run(Sums(), vit, data, batch_size=2)
    with room_for(500), pytest.warns(UserWarning, match="holds the first 2") as caught:
        found = run(Sums(), vit, data, batch_size=2, save_to=file)
    first, last = (str(one.message) for one in caught)
    assert "File too large" in first
    assert "holds the first 2 of 6 images" in last
    assert same(found.tallies, whole.tallies)
    assert file.read_bytes() == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rest = run(Sums(), vit, data, batch_size=2, save_to=file)
    assert same(rest.tallies, whole.tallies)


def test_where_nothing_can_be_saved_nothing_is_begun(vit, tmp_path, monkeypatch):
    def refuse(*_args, **_words):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    sums = Sums()
    with refused(vl.UsageError):
        run(sums, vit, examples(vit, 2), save_to=tmp_path / "run.npz")
    assert sums.sizes == []


def test_two_threads_with_one_file_end_with_the_whole_run(vit, tmp_path):
    data, file = examples(vit, 12), tmp_path / "run.npz"
    whole = run(Sums(), vit, data, batch_size=1)
    found, errors = [], []

    def go():
        try:
            found.append(run(Sums(), vit, data, batch_size=1, save_to=file))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(same(one.tallies, whole.tallies) for one in found)
    assert same(run(Sums(), vit, data, save_to=file).tallies, whole.tallies)
    assert list(tmp_path.iterdir()) == [file]


RUNS = """
import sys
from tests.analysis.class_space_oracle import examples
from tests.analysis.test_stream import Sums
from tests.small_models import timm_model
import vitlens_widgets as vl
from vitlens_widgets.analysis.stream import run
class Stopping(Sums):
    def measure(self, batch):
        if len(self.sizes) == int(sys.argv[2]):
            print("here", flush=True)
            sys.stdin.readline()
        return super().measure(batch)
vit = vl.load(timm_model("CLS"))
run(Stopping(), vit, examples(vit, 400), batch_size=1, save_to=sys.argv[1])
"""


def test_two_killed_programs_with_one_file_leave_a_run_that_goes_on(vit, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_swept", set())
    data, file = examples(vit, 400), tmp_path / "run.npz"
    words, pipe = [sys.executable, "-c", RUNS, str(file)], subprocess.PIPE
    several = [
        subprocess.Popen([*words, at], stdin=pipe, stdout=pipe, text=True) for at in ("12", "17")
    ]
    for running in several:
        assert running.stdout.readline() == "here\n"
    for running in several:
        running.kill()
        running.communicate()
    with np.load(file) as kept:
        done = int(kept["done"])
    assert 12 <= done <= 12 + 17  # one may have gone on from the other's
    age(set(tmp_path.iterdir()) - {file})
    rest = Sums()
    found = run(rest, vit, data, n_images=done + 3, batch_size=1, save_to=file)
    assert rest.sizes == [1, 1, 1]
    whole = run(Sums(), vit, data, n_images=done + 3, batch_size=1)
    assert same(found.tallies, whole.tallies)
    assert list(tmp_path.iterdir()) == [file]


def test_a_lens_knows_its_model_by_its_answers_and_its_file_by_its_sum(tmp_path):
    def made(factor):
        model = timm_model("CLS")
        model.blocks[1].register_forward_hook(lambda _m, _a, output: output * factor)
        return vl.load(model)

    path = tmp_path / "lens.safetensors"
    vl.FrozenNormLens(made(1.5), bias=True).save(path)
    assert vl.Lens.load(path, made(1.5)).name
    with refused(vl.UsageError):
        vl.Lens.load(path, made(1.25))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"bias\\": true', b'\\"bias\\": 1e99'))
    assert path.read_bytes() != content
    with refused(vl.UsageError):
        vl.Lens.load(path, made(1.5))
    with room_for(100), refused(vl.UsageError):
        vl.LogitLens(copy.copy(made(1.5))).save(path)


def test_what_takes_long_to_write_is_written_at_times_and_at_the_end(vit, tmp_path, monkeypatch):
    data, file = examples(vit, 5), tmp_path / "run.npz"
    monkeypatch.setattr(Sums, "save_seconds", 3600.0)
    with pytest.raises(KeyboardInterrupt, match="before the first of 5"):
        run(Sums(), vit, Interrupted(data, at=3), batch_size=1, save_to=file)
    assert not file.exists()
    whole = run(Sums(), vit, data, batch_size=1, save_to=file)
    assert file.exists()
    again = run(Sums(), vit, data, batch_size=1, save_to=file)
    assert same(again.tallies, whole.tallies)
