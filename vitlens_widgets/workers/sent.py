"""What workers are sent, and the folder in which they find the large of it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.fingerprint import fingerprint_of_module
from vitlens_widgets.workers.crew import Crew
from vitlens_widgets.workers.order import BatchJob, Order, SentModel
from vitlens_widgets.workers.parcel import Parcel, pack, packed
from vitlens_widgets.workers.recipe import recipe_of


class Sent:
    """A job on its way; `remove` leaves nothing of it.

    Args:
        job: What is done with each batch.
        crew: Who does it.
        batch_size: How many images the model runs together.
        near: A folder that workers of other machines may see; see `Shards`.

    Attributes:
        order: What all orders have in common.

    Raises:
        UsageError: It cannot be sent.
    """

    def __init__(self, job: BatchJob, crew: Crew, batch_size: int, near: Path | None) -> None:
        self._model = job.vit.model
        self._folder = _folder(near if crew.may_be_elsewhere else None)
        try:
            self.order = self._common(job, crew, batch_size)
        except BaseException:
            self.remove()
            raise

    def _common(self, job: BatchJob, crew: Crew, batch_size: int) -> Order:
        digest, recipe = fingerprint_of_module(self._model), recipe_of(self._model)
        parcel = Parcel(digest, str(self._folder / "model.parcel"))
        model = SentModel(digest, recipe, parcel, job.vit.device.type != "cpu")
        if recipe is None:
            self._pack_model()
        how = (batch_size, crew.sharing, crew.elsewhere, crew.forked)
        asker = (str(self._stop_file), crew.seconds, platform.node(), os.getpid())
        return Order(packed(job, self._model, self._folder), model, 0, 0, 0, *how, *asker)

    def _pack_model(self) -> None:
        """Write the model itself down, where that has not been done."""
        path = self._folder / "model.parcel"
        if not path.exists():
            with path.open("wb") as file:
                pack(self._model, file)

    def with_content(self, order: Order) -> Order:
        """The same order, with all bytes, for a worker that sees no files of this machine.

        Raises:
            UsageError: It had them already.
        """
        self._pack_model()
        if order.model.recipe is None and order.job.content and order.model.parcel.content:
            raise UsageError("A worker could not read what it was sent.")
        return order.with_content()

    @property
    def _stop_file(self) -> Path:
        return self._folder / "stop"

    def call_off(self, crew: Crew) -> None:
        """Have workers end after the batch that they are at."""
        self._stop_file.touch()
        crew.call_off(str(self._stop_file))

    def remove(self) -> None:
        """Take back what was packed."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _folder(near: Path | None) -> Path:
    """A new folder, near the given one if that may be written to."""
    if near is not None:
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=".vitlens-", dir=near.absolute()))
    return Path(tempfile.mkdtemp(prefix="vitlens-"))
