"""Values of one run put into another, place by place, as many at once as fit."""

# pyright: reportPrivateUsage=false
# A trace's context says where its tokens stand.
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_trace, chosen_images, logits_of
from vitlens_widgets.analysis.patching.places import NEURON_SITES, Place, region
from vitlens_widgets.errors import UsageError, as_list, counted, said
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models.sites import DERIVED_SITES
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.rows_block import LATE_SITES, Put
from vitlens_widgets.trace.validate import check_same
from vitlens_widgets.trace.variants import Variant, Variants, check_unedited

Places = Place | Sequence[Place]
"""A place, or several that are exchanged together."""

_KEPT_BYTES = 2**28


class Exchange:
    """Puts values of one run into another of the same model and asks for the answers.

    Places whose exchange can be known are not run: where a state's values are the same in both
    runs, or nothing of a place reaches the readout, the answer is this run's own, to the bit; with
    a whole state it is the other run's.

    Args:
        base: The run that is changed, of one image or several.
        source: The run whose values are put in, image by image.

    Raises:
        UsageError: No traces, of different models, sizes or numbers of images, with edits in their
            blocks, or without a classifier.

    Example:
        >>> exchange = Exchange(corrupted, clean)
        >>> for which, logits in exchange.answers([Place("z", 3, head=1), Place("z", 5, head=2)]):
        ...     print(which, logits.softmax(-1))  # [image, class]
    """

    def __init__(self, base: Trace, source: Trace) -> None:
        check_classifier(check_trace(base).vit)
        check_same(check_trace(source), base._context, "The other run")
        for trace in (base, source):
            check_unedited(trace)
        self.base, self.source = base, source
        self._variants = Variants(base)
        self._read = self._variants.read_tokens()
        self._values: dict[tuple[str, int], Tensor] = {}

    def __repr__(self) -> str:
        n_images = counted(self.base.n_images, "image")
        return f"{type(self).__name__}({self.base.vit.name}, {n_images})"

    @property
    def at_once(self) -> int:
        """How many runs of an image go together: as many as memory allows, one at least."""
        return self._variants.at_once

    @property
    def step(self) -> int:
        """How many exchanges go together where all images are run."""
        return max(1, self.at_once // self.base.n_images)

    def check(self, exchanges: Sequence[Places]) -> None:
        """Refuse places that are not there.

        Raises:
            UsageError: One is not.
        """
        for places in exchanges:
            for place in _listed(places):
                self._region(place)

    def answers(
        self,
        exchanges: Sequence[Places],
        order: Sequence[int] | None = None,
        image: int | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """The model's answer with each of the exchanges made, as they are done.

        Args:
            exchanges: Places; a list in place of one is exchanged together.
            order: Which are done first, as places in `exchanges`; None for all in order. Those that
                are not named are left out.
            image: One image; None for all.

        Yields:
            Which exchange, and the logits `[image, class]`, in float32 or finer.

        Raises:
            UsageError: A place or image that is not there, or a model that has changed since.
        """
        images = chosen_images(self.base, image)
        step = self.step if image is None else self.at_once
        waiting = list(range(len(exchanges))) if order is None else [int(i) for i in order]
        for first in range(0, len(waiting), step):
            some = waiting[first : first + step]
            found = self._together([exchanges[i] for i in some], images)
            yield from zip(some, found, strict=True)

    def width(self, site: str) -> int:
        """The length of a site's last axis."""
        return self.values(site, 0).shape[-1]

    def values(self, site: str, layer: int) -> Tensor:
        """The other run's values at a site, kept for a while."""
        if site in ("resid_pre", "resid_post"):
            return self.source.states[layer + (site == "resid_post")].detach()
        key = (site, layer)
        if key not in self._values:
            found = self.source[site, layer].detach()
            while self._values and self._n_bytes() + found.nbytes > _KEPT_BYTES:
                del self._values[next(iter(self._values))]
            self._values[key] = found
        return self._values[key]

    def _n_bytes(self) -> int:
        return sum(one.nbytes for one in self._values.values())

    def _together(self, exchanges: Sequence[Places], images: Sequence[int]) -> Tensor:
        """`[exchange, image, class]`."""
        own, other = (logits_of(one).detach()[images] for one in (self.base, self.source))
        fine = torch.promote_types(own.dtype, torch.float32)
        found = own.to(fine).repeat(len(exchanges), 1, 1)
        variants: list[Variant] = []
        rows: list[tuple[int, int]] = []
        for at, places in enumerate(exchanges):
            regions = [(place, self._region(place)) for place in _listed(places)]
            for row, image in enumerate(images):
                puts = [one for p, r in regions if (one := self._put(p, r, image)) is not None]
                if any(self._is_whole(put) for put in puts):
                    found[at, row] = other[row].to(fine)
                elif puts:
                    variants.append(Variant(image, tuple(puts)))
                    rows.append((at, row))
        if variants:
            index = torch.tensor(rows, device=found.device)
            found[index[:, 0], index[:, 1]] = self._answers(variants)
        return found

    def _answers(self, variants: Sequence[Variant]) -> Tensor:
        """`[variant, class]`, as many at once as memory allows: a place has one for each image."""
        size = self.at_once
        parts = (variants[first : first + size] for first in range(0, len(variants), size))
        return torch.cat([self._variants.answers(part) for part in parts])

    def _region(self, place: Place) -> Region:
        width = self.width(place.site) if place.site in NEURON_SITES else 0
        return region(place, self.base._context, width)

    def _put(self, place: Place, where: Region, image: int) -> Put | None:
        """What is put into the run of an image; None if that changes nothing."""
        values = self.values(place.site, place.layer)[(image, *where.mesh)]
        if place.site not in ("resid_pre", "resid_post"):
            put = Put(place.site, place.layer, where, values)
            return put if self._reaches(put) else None
        k = place.layer + (place.site == "resid_post")
        put = Put("resid_pre", k, where, values)
        same = torch.equal(self.base.states[k][(image, *where.mesh)], values)
        return None if same or not self._reaches(put) else put

    def _reaches(self, put: Put) -> bool:
        """Whether the answer can depend on what is put in; else its tokens are not read."""
        n_layers = self.base.vit.n_layers
        late = put.layer == n_layers or put.site in (*LATE_SITES, "q")
        if self._read is None or put.layer < n_layers - 1 or not late:
            return True
        tokens = put.region.chosen[1 if put.site in DERIVED_SITES else 0]
        return bool(torch.isin(tokens, self._read.to(tokens.device)).any())

    def _is_whole(self, put: Put) -> bool:
        """Whether from here on the run is the other one."""
        n_tokens = self.base.states.shape[2]
        return (
            put.site == "resid_pre"
            and len(cast("Tensor", torch.unique(put.region.chosen[0]))) == n_tokens
        )


def _listed(places: Places) -> list[Place]:
    """The places that are exchanged together, of which there is one at least."""
    several = [places] if isinstance(places, Place) else as_list("places=", places, "[Place(...)]")
    for place in several:
        if not isinstance(place, Place):
            raise UsageError(
                'A place is vl.analysis.Place("z", 3, head=1), or a list of several that are '
                f"exchanged together, not {said(place)}."
            )
    if not several:
        raise UsageError("Places that are exchanged together are one at least.")
    return several
