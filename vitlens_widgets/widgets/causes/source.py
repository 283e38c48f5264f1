"""Two runs of one model: what each answers, and what it answers when parts are exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.causes.answers import Compared
from vitlens_widgets.widgets.causes.places import Spot, Values
from vitlens_widgets.widgets.causes.seam import CausesLike, Direction, Outside, Writes
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.recent import Recent

if TYPE_CHECKING:
    from vitlens_widgets.analysis import EdgeEffects
    from vitlens_widgets.analysis.circuits.finding import Finding
    from vitlens_widgets.analysis.patching import Exchange, Place
    from vitlens_widgets.trace import Trace

FACE = ("logits", "exchange", "estimates", "reads", "writes", "rows", "pictures", "labels")
"""What a source can do, beside its sizes and names."""

KEEP = 0.8
"""The share of the gap that a circuit is to keep."""

MANY_HEADS = 8
"""From so many heads on, all heads of a block together are no row of their own."""


class PairSource:
    """The clean and the corrupted run, pair by pair.

    Anything with the same methods can be shown.

    Args:
        clean: A trace of one image or several.
        corrupted: A trace of as many, by the same model, in the same order.
    """

    def __init__(self, clean: Trace, corrupted: Trace) -> None:
        from vitlens_widgets.lenses.lens import check_classifier

        check_classifier(clean.vit)
        check_pair(clean, corrupted)
        vit = clean.vit
        self._runs = (clean, corrupted)
        self._exchanges: dict[str, Exchange] = {}
        self._pairs = Recent(partial(_pair, self._runs), most=2)
        self._scores = Recent(partial(_scores, self._pairs), most=2)
        self.model_name, self.probability_kind = vit.name, vit.probabilities
        self.readout_name = vit.readout.name
        self.n_layers, self.n_heads = vit.n_layers, vit.n_heads
        self.n_images, self.layout, self.labels = clean.n_images, clean.layout, vit.labels
        self.tokens = clean.tokens.cpu().numpy()
        self.rows = rows_of(clean)

    def picture(self, image: int) -> np.ndarray:
        """The clean image as the model saw it, uint8 `[height, width, 3]`."""
        return self._runs[0].pictures[image]

    def pictures(self, image: int) -> np.ndarray:
        """Both images of a pair, uint8 `[2, height, width, 3]`."""
        return np.stack([run.pictures[image] for run in self._runs])

    def logits(self, image: int) -> np.ndarray:
        """What both runs answer, float32 `[2, class]`."""
        both: list[Any] = [run.logits for run in self._runs]  # there are some: it is a classifier
        return np.stack([one[image].detach().float().cpu().numpy() for one in both])

    def _base_and_other(self, direction: Direction) -> tuple[Trace, Trace]:
        clean, corrupted = self._runs
        return (clean, corrupted) if direction == "noising" else (corrupted, clean)

    def exchange(
        self, places: Sequence[Sequence[Spot]], image: int, direction: Direction
    ) -> Iterator[np.ndarray]:
        """The answer after each set of places was exchanged, float32 `[class]`, in their order."""
        sets = [[place_in_run(place) for place in together] for together in places]
        for _, logits in self._exchange(direction).answers(sets, image=image):
            yield logits[0].float().cpu().numpy()

    def _exchange(self, direction: Direction) -> Exchange:
        """Puts values of one run into the other; it keeps what it needs of both."""
        from vitlens_widgets.analysis.patching import Exchange

        if direction not in self._exchanges:
            self._exchanges[direction] = Exchange(*self._base_and_other(direction))
        return self._exchanges[direction]

    def estimates(
        self, target: int, against: int | None, image: int, direction: Direction, values: Values
    ) -> tuple[np.ndarray, np.ndarray]:
        """By how much the metric would change to first order: `vl.analysis.attribution_patching`.

        Returns:
            `[layer, row]`, heads first, and `[layer, position]` of the states before the blocks.
            All heads of a block together change it by the sum of theirs.
        """
        from vitlens_widgets.analysis.circuits.nodes import estimates_at

        metric = target if against is None else (target, against)
        base = Compared(target, against).metric(self.logits(image))[int(direction == "denoising")]
        of_heads = "z" if values == "output" else values
        sites = {of_heads: ("layer", "head"), "resid_pre": ("layer", "token")}
        sites |= {"mlp_out": ("layer",)} if "mlp" in self.rows else {}
        found = estimates_at(*self._pairs(image), metric, sites, direction)
        change = {site: one.metric[0] - base for site, one in found.items()}
        beside = {"attention": lambda: change[of_heads].sum(1), "mlp": lambda: change["mlp_out"]}
        rows = np.column_stack([change[of_heads], *(beside[row]() for row in self.rows)])
        return rows, change["resid_pre"]

    def reads(self, layer: int, head: int, image: int, direction: Direction) -> np.ndarray:
        """Where a head looks from what the readout reads, float32 `[position]`."""
        base, _ = self._base_and_other(direction)
        weights = base.vit.readout
        pattern = base.attention(layer, head)[image]
        try:
            asking = weights.weights(base.states[-1], len(self.layout.prefix))[image]
        except UsageError:  # no weighted mean of tokens: all of them ask
            asking = pattern.new_full((len(pattern),), 1 / len(pattern))
        return (asking.to(pattern) @ pattern).detach().float().cpu().numpy()

    def writes(self, classes: Sequence[int], image: int, direction: Direction) -> Writes:
        """What the readout adds up, as logits of classes; see `vl.analysis.attribution`.

        Raises:
            UsageError: It cannot be split so.
        """
        from vitlens_widgets.analysis import attribution

        base, _ = self._base_and_other(direction)
        found = attribution(base, list(classes)).parts
        curve = np.concatenate([found.cumulative, found.logits[..., None]], -1)
        beside = {"attention": found.heads.sum(-1) + found.attention_biases, "mlp": found.mlps}
        rows = [found.heads, *(np.asarray(beside[row])[..., None] for row in self.rows)]
        return Writes(curve[:, image], np.concatenate(rows, -1)[:, image])

    def finding(self, target: int, against: int | None, image: int, outside: Outside) -> Finding:
        """The search for few edges that keep the answer to one pair; see `vl.analysis.circuit`.

        A mean is that over all images of the corrupted run.

        Raises:
            UsageError: As `vl.analysis.circuit`.
        """
        from vitlens_widgets.analysis.circuits.finding import Finding
        from vitlens_widgets.analysis.circuits.pairs import pairs

        metric = target if against is None else (target, against)
        given = pairs(*self._pairs(image), metric)
        return Finding(given, self._scores(metric, image), KEEP, outside, [self._runs[1]])


def _pair(runs: tuple[Trace, Trace], image: int) -> tuple[Trace, Trace]:
    """Both runs of one pair, by itself."""
    from vitlens_widgets.trace.single import single

    clean, corrupted = runs
    return runs if clean.n_images == 1 else (single(clean, image), single(corrupted, image))


def _scores(
    pair: Callable[[int], tuple[Trace, Trace]], metric: int | tuple[int, int], image: int
) -> EdgeEffects:
    """What each edge of a pair carries, by gradients."""
    from vitlens_widgets.analysis import edge_attribution_patching

    return edge_attribution_patching(*pair(image), metric, method="eap-ig")


def place_in_run(spot: Spot) -> Place:
    """As activation patching names it."""
    from vitlens_widgets.analysis.patching import Place

    tokens = list(spot.tokens) if spot.kind == "tokens" else None
    return Place(site_of(spot), spot.layer, head=spot.head, token=tokens)


def site_of(place: Spot) -> str:
    """Where a place is found in a trace."""
    match place.kind:
        case "tokens":
            return "resid_pre"
        case "mlp":
            return "mlp_out"
        case "attention" if place.values == "output":
            return "attn_out"
        case _:
            return "z" if place.values == "output" else place.values


def rows_of(trace: Trace) -> tuple[str, ...]:
    """What is exchanged of a block beside its heads."""
    points = trace.vit.adapter.hook_points(0)
    mlp = ["mlp"] if "mlp_out" in points else []
    return ("attention", *mlp) if trace.vit.n_heads < MANY_HEADS else (*mlp,)


def check_pair(clean: Trace, corrupted: Trace) -> None:
    """Refuse two runs between which nothing can be exchanged.

    Raises:
        UsageError: Of two models, of other numbers of images or tokens, or edited in their blocks.
    """
    from vitlens_widgets.trace.validate import apart
    from vitlens_widgets.trace.variants import check_unedited

    if clean.vit is not corrupted.vit:
        raise UsageError(
            "clean and corrupted are two runs of one model; corrupted is of "
            f"{apart(corrupted.vit, clean.vit)}"
        )
    if clean.n_images != corrupted.n_images:
        raise UsageError(
            f"clean and corrupted hold the images of each pair in the same order; {clean.n_images} "
            f"and {corrupted.n_images} were given."
        )
    if clean.layout != corrupted.layout or list(clean.tokens) != list(corrupted.tokens):
        raise UsageError(
            f"clean and corrupted need the same tokens; {clean.layout} and {corrupted.layout} were "
            "given."
        )
    for run in (clean, corrupted):
        check_unedited(run)


def source_of(clean: Any, corrupted: Any) -> CausesLike:
    """What to show of two traces; anything with a source's methods is shown as it is.

    Raises:
        UsageError: They are no traces, or no pair.
    """
    if has_all(clean, FACE) and corrupted is None:
        return clean
    for given in (clean, corrupted):
        if not is_trace(given):
            raise refusal(
                "Causes takes one trace, or two of one model, the clean and the corrupted run, "
                "such as vit.trace(image) and vit.trace(other_image)",
                given,
            )
    return PairSource(clean, corrupted)
