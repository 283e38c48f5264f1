"""`decoded_similarity`: what decoded pictures are alike to, and all of them on one sheet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_type
from vitlens_widgets.lenses.pictures import DecodedPictures

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from pandas import DataFrame

    from vitlens_widgets.trace import ViT

MEANINGS = {
    "input": "likeness to the input",
    "final": "likeness to the last state's picture",
    "others": "likeness to other inputs",
    "ssim": "structure like the input's (SSIM)",
    "embedding": "likeness of the embedding, before",
}


@dataclass(frozen=True, repr=False, eq=False)
class DecodedSimilarity(Result):
    """What `decoded_similarity` found.

    Attributes:
        title: Of what, by which decoder, and how many images.
        pictures: What was asked about.
        alike: Float64 `[row, image]` by what is compared (`MEANINGS`), mean over seeds; NaN where
            no picture is done.
        named: What a judge names in each picture, int64 `[row, image, seed]`, -1 where none is
            done; None without a judge.
        judge: Who named.
    """

    title: str
    pictures: DecodedPictures = field(repr=False)
    alike: dict[str, np.ndarray] = field(repr=False)
    named: np.ndarray | None = field(repr=False)
    judge: ViT | None = field(repr=False)

    def over_images(self, name: str) -> OverImages:
        """One likeness, `[row]`, over images; of one image without an interval."""
        return over_images(self.alike[name])

    def table(self) -> DataFrame:
        """A row per state or component: likenesses over images, and the class named most often."""
        columns: dict[str, list[Any]] = {"of": list(self.pictures.names)}
        for name in self.alike:
            found, said = self.over_images(name), MEANINGS[name]
            columns |= {said: found.mean.tolist(), f"± ({said})": found.half.tolist()}
        if self.named is not None and self.judge is not None:
            most = [_most(row[row >= 0]) for row in self.named]
            labels = self.judge.labels
            columns["named most"] = ["" if at is None else labels[at[0]] for at in most]
            columns["share so named"] = [np.nan if at is None else at[1] for at in most]
        return frame(columns, self.title)

    def figure(self, image: int | None = None) -> LayoutDOM:
        """A sheet of all pictures: a row for each state or component, the input above.

        Args:
            image: One image, its seeds side by side; None: all, the first seed of each.

        Raises:
            UsageError: There is no such image.
        """
        pictures = self.pictures
        n = len(pictures.input)
        if image is not None and not (isinstance(image, int) and 0 <= image < n):
            raise UsageError(f"image={image!r} is not one of these {n}, 0 to {n - 1}.")
        if image is None:
            columns = [f"image {i}" for i in range(n)]
            cells, done, input_row = (
                pictures.pictures[:, :, 0],
                pictures.done[:, :, 0],
                pictures.input,
            )
        else:
            columns = [f"seed {one}" for one in pictures.seeds]
            cells, done = pictures.pictures[:, image], pictures.done[:, image]
            input_row = pictures.input[image][None].repeat(len(columns), 0)
        rows = [("input", list(input_row))]
        rows += [
            (name, [cell if there else None for cell, there in zip(of_row, so, strict=True)])
            for name, of_row, so in zip(pictures.names, cells, done, strict=True)
        ]
        return charts.contact_sheet(self.titled("pictures"), columns, rows)

    def summary(self) -> str:
        """The rows that are most like the input."""
        found = self.over_images("input")
        order = np.argsort(-np.nan_to_num(found.mean, nan=-np.inf), kind="stable")[:3]
        lines = [self.title, "most like the input:"]
        for row in order.tolist():
            several = found.n[row] > 1
            said = mean_and_half(found, row) if several else f"{found.mean[row]:.3f}"
            lines.append(f"  {self.pictures.names[row]}: {said}")
        return "\n".join(lines)


@experiment("reading", needs_classifier=False)
def decoded_similarity(reading: DecodedPictures, judge: ViT | None = None) -> DecodedSimilarity:
    """What decoded pictures are alike to: their input, the last state's picture, other inputs.

    Likeness is the cosine of what the encoder itself pools, SSIM that of structure; see
    `DecodedPictures.similarity`.

    Args:
        reading: From `read` of a lens that paints.
        judge: A classifier that names what it sees, such as `vl.load("toy/p32-taught")`; None for
            none.

    Raises:
        UsageError: It is no such reading, or the judge has no classifier.

    Example:
        >>> found = vl.analysis.decoded_similarity(lens.read(trace), vl.load("toy/p32-taught"))
        >>> found.table()
    """
    check_type("decoded_similarity", reading, DecodedPictures, "what lens.read(trace) gives")
    alike = {"input": reading.similarity(), "final": reading.similarity(to="final")}
    if len(reading.input) > 1:
        alike["others"] = reading.similarity(to="others")
    if min(reading.pictures.shape[3:5]) >= _LEAST_SSIM:
        alike["ssim"] = reading.similarity("ssim")
    means = {name: _over_seeds(one) for name, one in alike.items()}
    if reading.embeddings.ndim == 3:
        means["embedding"] = reading.similarity_before()
    named = None if judge is None else reading.named_by(judge)[0]
    n = len(reading.input)
    title = f"{reading.title}, {n} image{'s' * (n != 1)}"
    return DecodedSimilarity(title, reading, means, named, judge)


_LEAST_SSIM = 11  # pixels of its window


def _over_seeds(values: np.ndarray) -> np.ndarray:
    """Mean over the seeds that are done, `[row, image]`; NaN where none is."""
    return over_images(values).mean


def _most(classes: np.ndarray) -> tuple[int, float] | None:
    """The class that is named most often, and its share."""
    if not len(classes):
        return None
    which, counts = np.unique(classes, return_counts=True)
    best = int(counts.argmax())
    return int(which[best]), float(counts[best] / len(classes))
