"""The features that probes are fitted to, kept in a file so that each image runs once."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.stream import ExampleBatch
from vitlens_widgets.data import Dataset, Example
from vitlens_widgets.data.checksums import of_example
from vitlens_widgets.data.examples import checked_example
from vitlens_widgets.data.overlap import share_images
from vitlens_widgets.errors import UsageError
from vitlens_widgets.files import reserve, try_out, write_whole
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import agree
from vitlens_widgets.workers.order import BatchJob, Part
from vitlens_widgets.workers.parts import parts_of

SCHEMA = 1
"""Of a folder of features. A reader refuses any other number."""


class ProbePlaces(NamedTuple):
    """Where probes read, one at each combination."""

    sites: tuple[str, ...]
    layers: tuple[int, ...]
    tokens: tuple[int, ...]


def read_places(vit: ViT, batch: ExampleBatch, places: ProbePlaces, see: Any) -> None:
    """Run a batch and show each site of each layer, all tokens: `see(site, layer, value)`."""

    def shown(site: str, layer: int, value: Tensor) -> None:
        if layer in places.layers:
            see(site, layer, value)

    watch = {site: partial(shown, site) for site in places.sites}
    vit.trace(batch.pixels, preprocessed=True, watch=watch)


class FewShots:
    """The first images of each class of a data set, as a data set.

    Args:
        data: The data set; an endless one is searched as far as classes at random would need.
        shots: How many images of each class.

    Raises:
        UsageError: There are no two classes to tell apart.
    """

    has_masks = False

    def __init__(self, data: Dataset, shots: int) -> None:
        self._data, self.labels = data, data.labels
        self._numbers, self.classes, seen = _first_of_each(data, shots)
        self.count = len(self._numbers)
        self.identity: Mapping[str, Any] = {
            "few shots": shots,
            "of": dict(data.identity),
            "seen": seen,
        }
        if len(set(self.classes)) < 2:
            raise UsageError(f"Probes tell classes apart, and {data!r} shows fewer than two.")

    def __getitem__(self, number: int) -> Example:
        """The example of this number, from 0 on."""
        return self._data[self._numbers[number]]

    def check_apart(self, data: Dataset, n_images: int) -> None:
        """Refuse to test probes on images that they are fitted to.

        Data sets that do not say what their examples are made from are only known to be the same
        where all of them is.

        Args:
            data: The test images.
            n_images: How many of them, from the first on.

        Raises:
            UsageError: Some of them are among these.
        """
        if share_images(self._data, self._numbers, data, n_images):
            raise UsageError(
                f"Probes are tested on other images than they are fitted to, and {data!r} has some "
                f"of those that were taken from {self._data!r}: give train= or data= other ones, "
                "scenes of another seed, or ImageFolder(folder, per_class=10) and "
                "ImageFolder(folder, skip=10)."
            )


def _first_of_each(data: Dataset, shots: int) -> tuple[list[int], list[int], str]:
    """Numbers and classes of the first examples of each class, and what tells them from others."""
    digest, looks = hashlib.sha256(), not getattr(data, "identity_says_all", False)
    wanted = shots * len(data.labels)
    stop = 8 * wanted if data.count is None else data.count
    seen = [0] * len(data.labels)
    numbers: list[int] = []
    classes: list[int] = []
    for number in range(stop):
        example = checked_example(data, number)
        label = example.label
        if seen[label] < shots:
            seen[label] += 1
            numbers.append(number)
            classes.append(label)
            digest.update(of_example(example).encode() if looks else b"")
        if len(numbers) == wanted:
            break
    return numbers, classes, digest.hexdigest()


def features_of(
    vit: ViT,
    data: FewShots,
    places: ProbePlaces,
    batch_size: int,
    about: Mapping[str, Any],
    cache: Path | None,
    executor: Any = None,
) -> np.ndarray:
    """Run all images, or those that are not in the cache yet.

    Args:
        vit: The model.
        data: The images.
        places: Where.
        batch_size: How many images run together.
        about: What the features are of, in JSON's types.
        cache: A folder to keep the features in, and to go on from; None for a file that goes away.
        executor: Whose workers run them; None for this process.

    Returns:
        float32 `[site, layer, token, image, d]`, in a file.

    Raises:
        UsageError: The folder holds other features, or there is no room for them.
    """
    shape = (*(len(part) for part in places), data.count, vit.width)
    if cache is None:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the array)
        reserve(file, 4 * math.prod(shape), Path(tempfile.gettempdir()))
        values, kept = np.memmap(file, np.float32, "w+", shape=shape), None
    else:
        values, kept = _kept(cache, shape, about)
    reader, done, ahead = _Reader(vit, places, values), 0, list[Part]()
    if kept is not None:
        done, ahead = kept.done, kept.ahead

    def keep(parts: Sequence[Part]) -> None:
        """What workers have done beyond a gap has its place in the file, too."""
        later = [part for part in parts if part.start >= done]
        for part in later:
            reader.store(part)
        if kept is not None:
            kept.say(values, done, later)

    with progress_bar(data.count, "features for probes") as bar:
        bar.update(done + sum(part.stop - part.start for part in ahead))
        job = BatchJob(reader.read, False, vit, cast("Dataset", data), data.labels)
        span = (done, data.count)
        with parts_of(job, executor, span, batch_size, bar.update, ahead, keep) as parts:
            for part in parts:
                reader.store(part)
                done = part.stop
                if kept is not None:
                    kept.say(values, done, [one for one in ahead if one.start >= done])
    return values


class _Reader:
    """What is read of a batch, and where it is kept."""

    def __init__(self, vit: ViT, places: ProbePlaces, values: np.ndarray) -> None:
        self._vit, self._places, self._values = vit, places, values

    def __getstate__(self) -> dict[str, Any]:
        """Sent to workers without the file."""
        return {**vars(self), "_values": None}

    def read(self, _tallies: Mapping[str, Any], batch: ExampleBatch) -> dict[str, np.ndarray]:
        """By site and block, float32 `[token, image, d]`."""
        found: dict[str, np.ndarray] = {}

        def see(site: str, layer: int, value: Tensor) -> None:
            chosen = value[:, list(self._places.tokens)].float()
            if not chosen.isfinite().all():
                raise UsageError(f"{site} of block {layer} has values that are no finite numbers.")
            found[f"{site} {layer}"] = chosen.transpose(0, 1).cpu().numpy()

        read_places(self._vit, batch, self._places, see)
        return found

    def store(self, part: Part) -> None:
        """Keep what was read of a batch in its place, where it is not there yet."""
        for s, site in enumerate(self._places.sites if part.tallies else ()):
            for b, layer in enumerate(self._places.layers):
                span = slice(part.start, part.stop)
                self._values[s, b][:, span] = part.tallies[f"{site} {layer}"]


class _Kept(NamedTuple):
    """The file that says how much of an array is done."""

    path: Path
    about: Mapping[str, Any]
    done: int
    """How many images are, from the first on."""
    ahead: list[Part]
    """What is beyond them, in its place already."""

    def say(self, values: np.ndarray, done: int, ahead: Sequence[Part] = ()) -> None:
        """Replace what is said, at once, so that an interruption cannot tear it."""
        cast("np.memmap", values).flush()
        spans = [(part.start, part.stop) for part in ahead]
        said = {"schema": SCHEMA, "about": self.about, "done": done, "ahead": spans}
        write_whole(self.path, json.dumps(said).encode())


def _kept(cache: Path, shape: Sequence[int], about: Mapping[str, Any]) -> tuple[np.ndarray, _Kept]:
    """The array of a folder, and the file that says how much of it is done."""
    if not cache.is_dir():
        raise UsageError(f"There is no folder {cache} to keep features in.")
    path, state = cache / "features.npy", cache / "features.json"
    if not state.exists():
        try_out(path)
        values = np.lib.format.open_memmap(path, "w+", np.float32, tuple(shape))
        with path.open("r+b") as file:
            reserve(file, path.stat().st_size, path)
        kept = _Kept(state, about, 0, [])
        kept.say(values, 0)
        return values, kept
    try:
        said = json.loads(state.read_text(encoding="utf-8"))
        known, done, schema = said["about"], said["done"], said.get("schema")
        ahead = [Part(int(a), int(b), {}) for a, b in said.get("ahead", ())]
        values = np.lib.format.open_memmap(path, "r+")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UsageError(f"{cache} holds no features; give cache= another folder.") from error
    same = agree(known, json.loads(json.dumps(about))) and schema == SCHEMA
    right = values.shape == tuple(shape) and values.dtype == np.float32
    if not (same and right and isinstance(done, int) and 0 <= done <= shape[-2]):
        raise UsageError(
            f"{cache} holds features of another model, of other images or places, or of another "
            "version of vitlens_widgets; give cache= another folder."
        )
    return values, _Kept(state, about, done, ahead)


def signs(classes: np.ndarray, n_classes: int) -> Tensor:
    """1 for the true class and -1 for each other, float64 `[image, class]`."""
    found = -torch.ones(len(classes), n_classes, dtype=torch.float64)
    found[torch.arange(len(classes)), torch.from_numpy(classes)] = 1
    return found
