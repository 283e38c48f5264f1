"""Classes taught in a PatchFeatures: by Python, or by a reader's clicks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vitlens_widgets.widgets.patch_features import lessons
from vitlens_widgets.widgets.patch_features.seam import (
    FeaturesLike,
    FeatureSourceLike,
    TeachingLike,
)
from vitlens_widgets.widgets.patch_features.traits import FeatureTraits
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser, done

if TYPE_CHECKING:
    from vitlens_widgets.lenses.taught import PatchClassifier
    from vitlens_widgets.trace import ViT


class TeachesClasses(FeatureTraits):
    """What of a PatchFeatures is about its classes; see there."""

    _source: FeatureSourceLike
    _teaching: TeachingLike

    @property
    def classifier(self) -> PatchClassifier:
        """The `vl.PatchClassifier` that was taught.

        Raises:
            UsageError: No class was taught yet.
        """
        return self._teaching.fit()

    @property
    def vit(self) -> ViT:
        """The model that answers with the classes taught, as `vit.taught(classifier)` makes it.

        Raises:
            UsageError: No class was taught yet.
        """
        classifier: Any = self.classifier  # as the protocol of `taught` sees it
        return classifier.vit.taught(classifier)

    @property
    def python(self) -> str:
        """Lines that teach the same classes again."""
        return self._teaching.as_python()

    def add(self, name: str, image: Any, token: Any = None) -> None:
        """Teaches a patch: makes it an example of a class, which is new if there is none yet.

        Args:
            name: Of the class; an emoji before it becomes the class's.
            image: The image of the patch; of a single image, the patch at once.
            token: The patch, as its index in the sequence or its (row, column).

        Raises:
            UsageError: No such image or patch, or it is an example already.
        """
        with self._shown():
            self._teaching.add(name, image, token)

    def remove(self, image: Any, token: Any = None) -> None:
        """Takes an example away; its class stays.

        Raises:
            UsageError: The patch is no example.
        """
        with self._shown():
            self._teaching.remove(image, token)

    def rename(self, name: str, new: str) -> None:
        """Gives a class another name; it keeps its colour and its examples.

        Raises:
            UsageError: No class has this name, or another one has the new name.
        """
        with self._shown():
            self._teaching.rename(name, new)

    def forget(self, name: str) -> None:
        """Takes a class away with its examples.

        Raises:
            UsageError: No class has this name.
        """
        with self._shown():
            self._teaching.remove_class(name)

    def undo(self) -> bool:
        """Takes the last of these changes back; whether there was one."""
        with self._shown():
            return self._teaching.undo()

    def redo(self) -> bool:
        """Makes again what was undone last; whether there was anything."""
        with self._shown():
            return self._teaching.redo()

    @contextmanager
    def _shown(self) -> Generator[None]:
        """Shows what was changed within, also where a later change failed."""
        try:
            yield
        finally:
            with self.hold_sync():
                self._fill_taught()

    def _fill_taught(self) -> None:
        """Packs the classes and what every patch answers."""
        self._set(self._taught(self._teaching, self._source.features(self.basis == "image")))

    def _taught(self, teaching: TeachingLike, features: FeaturesLike) -> dict[str, Any]:
        """Classes and what every patch answers, as traits."""
        how = (self.examples_from, len(self._meta["prefix"]), self._meta["method"])
        return lessons.taught(teaching, features, *how)

    @answers_browser
    def _leave_out(self, _message: Any, _buffers: Buffers) -> Reply:
        """Leaves each click out in every state, where a click alone would not wait for that."""

        def leave() -> None:
            if self._teaching.taught:
                _ = self._teaching.held_out().by_state  # kept, until something else is taught
                self._fill_taught()

        return done(leave)

    @answers_browser
    def _teach(self, message: Any, _buffers: Buffers) -> Reply:
        with self._shown():
            lessons.follow(self._teaching, message["lessons"])
        return {}, []
