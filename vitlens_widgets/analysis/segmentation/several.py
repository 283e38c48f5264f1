"""How patches draw what an image shows by several lenses, beside the logit lens of their model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.compare import same_states
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.analysis.segmentation.measure import segmentation
from vitlens_widgets.analysis.segmentation.result import MEANINGS, Segmentation
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.lenses import Lens, LogitLens
from vitlens_widgets.lenses.lens import check_lens
from vitlens_widgets.trace.edits import Edit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class LensSegmentation(Result):
    """What `lens_segmentation` found.

    Attributes:
        title: The number of lenses, models and images.
        found: What `segmentation` found, by the lenses' names; the logit lens of each model first.
        plain: The name of the logit lens that each lens is held against.
    """

    title: str
    found: Mapping[str, Segmentation] = field(repr=False)
    plain: Mapping[str, str] = field(repr=False)

    def more(self, lens: str, name: str = "iou") -> OverImages:
        """By how much a lens is above the logit lens of its model, image by image, `[state]`.

        Args:
            lens: Its name.
            name: Of `MEANINGS`.

        Raises:
            UsageError: There is no such lens, or it was not measured.
        """
        check_name(lens, self.found)
        own, plain = (self.found[one].things(name) for one in (lens, self.plain[lens]))
        return over_images(own - plain)

    def table(self, name: str = "iou") -> DataFrame:
        """A row per lens and state: the mean over images, and how much it has above the logit lens.

        Each with half the width of its 95 % interval; the second one is over the differences of
        each image.

        Raises:
            UsageError: It was not measured.
        """
        check_name(name, MEANINGS)
        rows: dict[str, list[Any]] = {}
        for lens, one in self.found.items():
            mean, more = one.mean(name), self.more(lens, name)
            n = len(one.state_names)
            columns = {
                "lens": [lens] * n,
                "state": one.state_names,
                name: mean.mean.tolist(),
                f"± ({name})": mean.half.tolist(),
                "more than the logit lens": more.mean.tolist(),
                "± (more)": more.half.tolist(),
            }
            for column, values in columns.items():
                rows.setdefault(column, []).extend(values)
        return frame(rows, f"Things, {self.title}")

    def figure(self, name: str = "iou") -> Figure:
        """One measure's mean over images at each state, a curve for each lens.

        Args:
            name: `"iou"`, `"separation"` or `"everywhere"`.

        Raises:
            UsageError: It was not measured, or the models have other numbers of states.
        """
        meaning = MEANINGS[check_name(name, MEANINGS)]
        states = same_states(self.found)
        means = {lens: one.mean(name) for lens, one in self.found.items()}
        plot = charts.figure_over_states(self.titled(meaning), states, name, y_range=(-0.02, 1.02))
        return charts.with_means(plot, "state", states, means)

    def summary(self) -> str:
        """Of each lens the state whose patches draw best, and what the logit lens has there."""
        lines = [self.title]
        for lens, one in self.found.items():
            mean = one.mean()
            k = int(mean.mean.argmax())
            lines.append(
                f"{lens}: mean IoU {mean_and_half(mean, k)} at {one.state_names[k]}, "
                f"{mean_and_half(self.more(lens), k)} more than the logit lens there"
            )
        return "\n".join(lines)


@experiment("lenses")
def lens_segmentation(
    lenses: Mapping[str, Lens] | Sequence[Lens] | Lens,
    scenes: Iterable[Any],
    *,
    background: int | str | None = "background",
    edits: Sequence[Edit] = (),
    batch_size: int = 32,
) -> LensSegmentation:
    """How well patches draw what an image shows by each of several lenses, at every state.

    What `segmentation` measures, for every lens and for the logit lens of each of their models, on
    the same images, so that differences are those of lenses and not of images.

    Args:
        lenses: A lens, several, or several by names of one's own; of one model or of several with
            the classes of the scenes.
        scenes: As for `segmentation`.
        background: As for `segmentation`.
        edits: As for `segmentation`.
        batch_size: As for `segmentation`.

    Raises:
        UsageError: No lens, two of one name, or as `segmentation`.

    Source:
        See `segmentation`.

    Example:
        >>> twins = {name: vl.load(name) for name in ("toy/p32", "toy/p32-cls", "toy/p32-taught")}
        >>> tuned = {f"tuned, {n}": vl.TunedLens.load(n, vit) for n, vit in twins.items()}
        >>> scenes = [vl.world.scene(60_000 + i, objects=2) for i in range(100)]
        >>> vl.analysis.lens_segmentation(tuned, scenes).table()
    """
    given = _named(lenses)
    images = scenes if hasattr(scenes, "__len__") else list(scenes)
    every, plain = _with_logit_lenses(given)
    words: dict[str, Any] = {"background": background, "edits": edits, "batch_size": batch_size}
    found = {name: segmentation(lens, images, **words) for name, lens in every.items()}
    n_models = len({id(lens.vit.model) for lens in every.values()})
    n_images = next(iter(found.values())).n_images
    title = ", ".join(
        (counted(len(every), "lens"), counted(n_models, "model"), counted(n_images, "image"))
    )
    return LensSegmentation(title=title, found=found, plain=plain)


def _named(lenses: Any) -> dict[str, Lens]:
    """By name; a lens's own name, with its model's where several share it.

    Raises:
        UsageError: There are none, one is no lens, or two have one name.
    """
    if is_mapping(lenses):
        given = {str(name): lens for name, lens in lenses.items()}
    else:
        several = list(lenses) if is_several(lenses) else [lenses]
        for lens in several:
            check_lens(lens, "lenses=")
        names = [lens.name for lens in several]
        if len(set(names)) < len(names):
            names = [f"{lens.name}, {lens.vit.name}" for lens in several]
        if len(set(names)) < len(names):
            raise UsageError(
                "Two of these lenses have one name and one model; give names of your own, "
                'lens_segmentation({"seed 0": ..., "seed 1": ...}, scenes).'
            )
        given = dict(zip(names, several, strict=True))
    if not given:
        raise UsageError("No lenses were given: lens_segmentation needs at least one.")
    return {name: check_lens(lens, "lenses=") for name, lens in given.items()}


def _with_logit_lenses(given: Mapping[str, Lens]) -> tuple[dict[str, Lens], dict[str, str]]:
    """With the logit lens of each model before them, and which of those each stands beside."""
    models = {id(lens.vit.model): lens.vit for lens in given.values()}
    own = {id(lens.vit.model): name for name, lens in given.items() if type(lens) is LogitLens}
    every: dict[str, Lens] = {}
    for model, vit in models.items():
        name = own.setdefault(
            model, LogitLens.name if len(models) == 1 else f"{LogitLens.name}, {vit.name}"
        )
        every[name] = given.get(name, LogitLens(vit))
    every |= given
    return every, {name: own[id(lens.vit.model)] for name, lens in every.items()}
