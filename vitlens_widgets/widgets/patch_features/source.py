"""What PatchFeatures shows of a trace: features, likeness, and what teaches classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.patch_features.seam import (
    FeatureSourceLike,
    TeachingLike,
)
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.recent import Recent

if TYPE_CHECKING:
    from vitlens_widgets.lenses.features import FeatureReading
    from vitlens_widgets.lenses.taught.fitting import Method
    from vitlens_widgets.models.patch_readout import PatchRule
    from vitlens_widgets.trace import Trace

FACE = ("features", "teaching", "pictures", "state_names", "layout", "tokens")
"""What a source can do."""


class FeatureSource:
    """A trace, asked for its features.

    Anything with the same attributes can be shown.

    Args:
        trace: A `vl.Trace`, of any model.
        reading: What was read of it already.
    """

    def __init__(self, trace: Trace, reading: FeatureReading | None = None) -> None:
        self._trace, self._reading = trace, reading
        self.basis = "image" if reading is not None and reading.per_image else "batch"
        self.model_name = trace.vit.name + (" (edited)" if trace.edits else "")
        self.n_images, self.layout = trace.n_images, trace.layout
        self.state_names = list(trace.vit.state_names)
        self.tokens = trace.tokens.cpu().numpy()
        self.has_classifier = bool(trace.vit.adapter.has_classifier)
        self._features = Recent(self._read, most=2)

    @property
    def pictures(self) -> np.ndarray:
        """The images as the model saw them, uint8 `[image, height, width, 3]`."""
        return self._trace.pictures

    def features(self, per_image: bool) -> FeatureReading:
        """All states read, with one basis of components for the batch or one for each image."""
        return self._features(per_image)

    def with_image(self, image: Any) -> FeatureSource:
        """The same with one image more, the last, which alone runs through the model.

        Raises:
            UsageError: The image cannot be read, or the trace takes no more.
        """
        from vitlens_widgets.trace.joined import joined
        from vitlens_widgets.trace.vit import check_vit

        vit = check_vit(self._trace.vit, "PatchFeatures")
        more = FeatureSource(joined(self._trace, vit.trace(image)))
        more.basis = self.basis
        return more

    def _read(self, per_image: bool) -> FeatureReading:
        from vitlens_widgets.lenses.features import read_features

        if self._reading is None:
            self._reading = read_features(self._trace, per_image=per_image)
        return self._reading.on_basis(per_image)  # units are kept once, whatever the basis

    def teaching(self, method: Method, readout: PatchRule) -> TeachingLike:
        """What teaches classes by examples on this trace; see `vl.PatchClassifier`."""
        from vitlens_widgets.lenses.taught import Teaching

        return Teaching(self.features(False), method=method, readout=readout)


def source_of(given: Any) -> FeatureSourceLike:
    """What to show of a trace, or of a reading of its features.

    Raises:
        UsageError: It is neither, or a reading of some of the states alone.
    """
    if has_all(given, FACE):
        return given
    if is_trace(given):
        return FeatureSource(given)
    if has_all(given, ("components", "foreground", "trace")):
        if len(given.state_names) != given.trace.n_states:
            raise UsageError(
                "PatchFeatures shows all states; this reading is of "
                f"{len(given.state_names)} of {given.trace.n_states}: give its trace."
            )
        return FeatureSource(given.trace, given)
    raise refusal("PatchFeatures shows a trace, such as vit.trace(images)", given)
