"""`deciding_heads`: which head decides the answer, chosen on some pairs, judged on others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.analysis.chosen_head import is_to_choose, of_others
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.metrics import logit_difference
from vitlens_widgets.analysis.over_images import OverImages, ShareOfImages, share_of_images
from vitlens_widgets.analysis.patching.patching import How, Patching
from vitlens_widgets.analysis.patching.places import Place
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset, Example, covered, read_image
from vitlens_widgets.data.covers import Cover
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_choice
from vitlens_widgets.masks import top_left
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.batch import as_batch
from vitlens_widgets.trace.single import chosen

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

MEANINGS = {
    "share": "share of the way to the other answer",
    "turned": "share of pairs that are turned",
}


@dataclass(frozen=True, eq=False)
class DecidingHeads(Result):
    """How far each head, exchanged alone, carries the answer; all are float64 `[layer, head]`.

    A share of the way is the mean change over the mean gap of all pairs, and its interval that of
    such a ratio (delta method). Shares of images and of pairs have Wilson's.

    Attributes:
        title: The model, the images, and unusual settings.
        how: `"noising"` or `"denoising"`.
        n_pairs: How many pairs count of those to choose on, and of those to judge by.
        counts: The share of images whose pair counts.
        to_choose: The share of the way on the pairs to choose on.
        share: The same on those to judge by.
        others: The mean share of all other heads, on those to judge by: a head drawn by lot.
        ahead: The head's share less that, pair by pair, with its own interval.
        turned: The share of pairs to judge by that each head turns: `against` has the larger logit
            (in denoising, the target).
        others_turned: The mean of that over all other heads.
    """

    title: str
    how: str
    n_pairs: tuple[int, int]
    counts: OverImages = field(repr=False)
    to_choose: OverImages = field(repr=False)
    share: OverImages = field(repr=False)
    others: OverImages = field(repr=False)
    ahead: OverImages = field(repr=False)
    turned: OverImages = field(repr=False)
    others_turned: OverImages = field(repr=False)

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The (layer, head) that goes farthest on the pairs to choose on; None without any."""
        if not self.n_pairs[0]:
            return None
        layer, head = np.unravel_index(np.nanargmax(self.to_choose.mean), self.share.mean.shape)
        return int(layer), int(head)

    @property
    def rank(self) -> int | None:
        """Where the chosen head stands among all on the pairs to judge by; 1 is the farthest."""
        if self.chosen is None or not self.n_pairs[1]:
            return None
        return 1 + int((self.share.mean > self.share.mean[self.chosen]).sum())

    def table(self) -> DataFrame:
        """A row per head, those that go farthest on the pairs to judge by first."""
        order = np.argsort(-np.nan_to_num(self.share.mean.ravel(), nan=-np.inf), kind="stable")
        layer, head = np.unravel_index(order, self.share.mean.shape)
        columns: dict[str, list[Any]] = {
            "layer": layer.tolist(),
            "head": head.tolist(),
            "chosen": [at == self.chosen for at in zip(layer, head, strict=True)],
            "share, to choose": self.to_choose.mean.ravel()[order].tolist(),
        }
        named = {
            "share": self.share,
            "ahead of the others": self.ahead,
            "turned": self.turned,
        }
        for name, found in named.items():
            columns |= _columns(name, found, order)
        return frame(columns, self.title)

    def figure(self, name: str = "share") -> Figure:
        """Each head as a cell, on the pairs to judge by.

        Args:
            name: `"share"` or `"turned"`.

        Raises:
            UsageError: Something else.
        """
        found = self.share if check_name(name, MEANINGS) == "share" else self.turned
        n_layers, n_heads = found.mean.shape
        names = {"layer": list(map(str, range(n_layers))), "head": list(map(str, range(n_heads)))}
        said = MEANINGS[name]
        title = self.titled(f"heads exchanged alone, {said}")
        return charts.signed_cells(title, said, found.mean, ["layer", "head"], names)

    def summary(self) -> str:
        """How many pairs count, the chosen head, and a head drawn by lot."""
        first, second = self.n_pairs
        lines = [
            self.title,
            f"pairs that count: {first} to choose on, {second} to judge by, "
            f"{mean_and_half(self.counts)} of the images",
        ]
        if self.chosen is None or self.rank is None:
            return "\n".join([*lines, "too few to choose a head and to judge it"])
        at, n = self.chosen, self.share.mean.size
        return "\n".join(
            [
                *lines,
                f"L{at[0]} H{at[1]} was chosen; of {n} it is number {self.rank} to judge by",
                f"share of the way: {mean_and_half(self.share, at)}; a head by lot "
                f"{mean_and_half(self.others, at)}; ahead by {mean_and_half(self.ahead, at)}",
                f"pairs turned: {mean_and_half(self.turned, at)}; by a head by lot "
                f"{mean_and_half(self.others_turned, at)}",
            ]
        )


@over_data(DecidingHeads)
def deciding_heads(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    target: Literal["true", "answer"] = "true",
    by: Cover = "mean",
    how: How = "noising",
) -> Measures[DecidingHeads]:
    """Which head decides whether the thing is named: each exchanged alone, over a data set.

    Each image makes a pair with itself under a cover: what its mask marks is hidden. The pair
    counts if the clean image is answered by the target and the covered one by another class,
    `against`; what is measured is the logit of the one less that of the other. The output of one
    head (`z`, all tokens) is then exchanged, for all heads one after the other, in exact runs; the
    share of the way is how far the answer goes to the other one.

    The head that does best looks better than it is. So pairs are split in two halves by a checksum
    of the examples' names: a head is chosen on the one half and judged on the other, beside the
    mean of all other heads, which is what a head drawn by lot does.

    It costs two forward passes for each image, and for each pair that counts about half a pass for
    each head.

    Args:
        vit: The model.
        data: Images with their classes and masks.
        target: The class that must be answered: the `"true"` one, or the model's own `"answer"`.
        by: What covers the marked pixels: see `vl.data.covered`. Images of which nothing or
            everything is marked do not count.
        how: `"noising"`: a head of the clean run is given what it says of the covered image.
            `"denoising"`: the reverse.

    Raises:
        UsageError: Unknown words, a data set without masks, or what `run` refuses.

    Source:
        Joseph & Nanda (2024), "Laying the foundations for vision and multimodal mechanistic
        interpretability", the cat-and-dog switch, of one pair; Wang et al. (2023), section 3.2, for
        means over pairs.

    Example:
        >>> found = vl.analysis.deciding_heads(vit, vl.world.Scenes(objects=2), n_images=200)
        >>> found.chosen, found.summary()
    """
    return _Deciding(vit, target, by, how)


class _Deciding(Measures[DecidingHeads]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "deciding heads"
    usual: ClassVar = {"target": "true", "by": "mean", "how": "noising"}
    needs_masks = True

    def __init__(self, vit: ViT, target: str, by: Cover, how: How) -> None:
        self._vit = vit
        self._of_answer = check_choice("target", target, ("true", "answer")) == "answer"
        self._by: Cover = check_choice("by=", by, get_args(Cover))
        self._how: How = check_choice("how", how, get_args(How))
        self.settings = {"target": target, "by": by, "how": how}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What the pairs of a batch that count add, `[6, layer, head]` each, and how many."""
        moved, gap, turned = self._exchanged(batch)
        to_choose = np.array([is_to_choose(one) for one in batch.examples])[:, None, None]
        chosen_on, judged_by = (
            [np.where(half, one, np.nan) for one in (moved, turned)]
            for half in (to_choose, ~to_choose)
        )
        ahead = judged_by[0] - of_others(judged_by[0])
        return {
            "counts": tally((gap > 0).all((1, 2)).astype(float)),
            "to choose": tally(chosen_on[0], gap),
            "share": tally(judged_by[0], gap),
            "others": tally(of_others(judged_by[0]), gap),
            "ahead": tally(ahead, gap),
            "turned": tally(judged_by[1]),
            "others turned": tally(of_others(judged_by[1])),
        }

    def result(self, done: Totals) -> DecidingHeads:
        """What it all says."""
        sums = done.tallies
        counted = [int(sums[half][0].max()) for half in ("to choose", "share")]
        named = {name.replace(" ", "_"): spread(one) for name, one in sums.items()}
        named |= {name: share_of_images(named[name]) for name in ("counts", "turned")}
        return DecidingHeads(done.title, self._how, (counted[0], counted[1]), **named)

    def _exchanged(self, batch: ExampleBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How far each head goes, the gap, and whether it turns: `[image, layer, head]` each.

        NaN, and a gap of 0, where a pair does not count.
        """
        shape = (len(batch), self._vit.n_layers, self._vit.n_heads)
        moved, turned, gap = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
        covers = [self._covered(*one) for one in zip(batch.examples, batch.masks, strict=True)]
        here = [i for i, one in enumerate(covers) if one is not None]
        if not here:
            return moved, gap, turned
        hidden = as_batch(self._vit, [covers[i] for i in here], False)[0]
        pixels, true = batch.pixels[here], batch.classes[here]
        runs = [self._vit.trace(one, preprocessed=True) for one in (pixels, hidden)]
        told, other = (logits_of(run).argmax(-1).cpu() for run in runs)
        wanted = told if self._of_answer else true
        counts = ((told == wanted) & (other != wanted)).nonzero()[:, 0]
        if not len(counts):
            return moved, gap, turned
        kept = cast("list[int]", counts.tolist())
        runs = [chosen(run, kept) for run in runs]
        asked = [cast("list[int]", one[counts].tolist()) for one in (wanted, other)]
        patching = Patching(runs[0], runs[1], logit_difference(*asked), self._how)
        rows, noising = np.array(here)[counts.numpy()], self._how == "noising"
        gap[rows] = patching.gap.size[:, None, None]
        places = [Place("z", layer, head=head) for layer, head in np.ndindex(*shape[1:])]
        for answer in patching.run(places):
            layer, head = divmod(answer.which, shape[2])
            off = patching.gap.clean - answer.metric, answer.metric - patching.gap.corrupted
            moved[rows, layer, head] = off[0] if noising else off[1]
            turned[rows, layer, head] = answer.metric < 0 if noising else answer.metric > 0
        return moved, gap, turned

    def _covered(self, example: Example, mask: np.ndarray | None) -> np.ndarray | None:
        """The image with what its mask marks under a cover; None where that is not possible."""
        if mask is None:
            return None
        image = read_image(example.image)
        marked = top_left(mask, (image.height, image.width)) > 0
        return None if marked.all() or not marked.any() else covered(image, marked, self._by)


def _columns(name: str, found: OverImages, order: np.ndarray) -> dict[str, list[Any]]:
    """A mean and its interval, in this order of the heads."""
    ends = {f"± ({name})": found.half}
    if isinstance(found, ShareOfImages):
        ends = {f"{name}, from": found.low, f"{name}, to": found.high}
    return {key: one.ravel()[order].tolist() for key, one in ({name: found.mean} | ends).items()}
