"""`Teaching`: classes while they are taught, click by click, with undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from scipy import special

from vitlens_widgets.data.emoji import emoji_for, split_emoji
from vitlens_widgets.errors import UsageError, check_choice, did_you_mean
from vitlens_widgets.lenses.features import FeatureReading
from vitlens_widgets.lenses.taught.classifier import PatchClassifier
from vitlens_widgets.lenses.taught.examples import (
    PatchExamples,
    check_click,
    check_name,
    check_new,
    is_called,
    placed,
)
from vitlens_widgets.lenses.taught.film import ExamplesFrom, Film
from vitlens_widgets.lenses.taught.fitting import METHODS, Fitted, Method
from vitlens_widgets.lenses.taught.held_out import HeldOut
from vitlens_widgets.lenses.taught.taught_class import TaughtClass, python_of
from vitlens_widgets.models.live import Live
from vitlens_widgets.models.patch_readout import PatchRule
from vitlens_widgets.trace.vit import check_vit


class Teaching(Live):
    """Classes that are being taught on some images; what follows from them is found when asked.

    Args:
        features: What was read of the images: `vl.read_features(vit.trace(images))`.
        method: As in `PatchClassifier`.
        readout: As in `PatchClassifier`.

    Attributes:
        classes: The classes in the order of teaching, also those without examples.

    Example:
        >>> teaching = Teaching(vl.read_features(trace))
        >>> teaching.add("⛑️ helmet", 0, (27, 25))
        >>> teaching.add("🚩 flag", 0, (4, 2))
        >>> teaching.film().answers[-1, 0]  # [row, col], as indices of `taught`
    """

    kept_by = "keep teaching.as_python(), or teaching.fit().save(path)"

    def __init__(
        self,
        features: FeatureReading,
        *,
        method: Method = "prototypes",
        readout: PatchRule = "share",
    ) -> None:
        if not isinstance(features, FeatureReading):
            raise UsageError(
                f"Teaching takes what vl.read_features(trace) gives, not {type(features).__name__}."
            )
        vit = check_vit(features.trace.vit, "Teaching")
        self._blank = PatchClassifier(vit, features, method=method, readout=readout)
        self._features = features
        self.classes: tuple[TaughtClass, ...] = ()
        self._undone: list[tuple[TaughtClass, ...]] = []
        self._before: list[tuple[TaughtClass, ...]] = []
        self._found: dict[Any, Any] = {}  # what follows from the classes as they are

    @property
    def taught(self) -> list[TaughtClass]:
        """The classes with examples, which alone are fitted."""
        return [one for one in self.classes if one.clicks]

    def add(self, name: str, image: Any, token: Any = None) -> None:
        """Make a patch an example of a class, which is new where no class has this name.

        Args:
            name: The class's; a new one's may begin or end with an emoji.
            image: The index of the image; of a single image, the patch at once.
            token: The patch's index or (row, column).

        Raises:
            UsageError: No name, no such image or patch, or the patch is an example already.
        """
        name = check_name(name)
        click = check_click(*placed(image, token, self._features.n_images), self._features)
        owner = self.class_at(click.image, click.token)
        check_new(click, owner and owner.name, self._features.layout)
        known = self._named(name)
        if known is None:
            emoji, word = split_emoji(name)
            new = TaughtClass(word, emoji or emoji_for(word), self._free_slot(), (click,))
            self._become((*self.classes, new))
        else:
            self._exchange(known, replace(known, clicks=(*known.clicks, click)))

    def remove(self, image: Any, token: Any = None) -> None:
        """Take an example away; a class without examples stays, in its place.

        Raises:
            UsageError: The patch is no example.
        """
        click = check_click(*placed(image, token, self._features.n_images), self._features)
        owner = self.class_at(click.image, click.token)
        if owner is None:
            where = f"image {click.image}, {self._features.layout.describe(click.token)}"
            raise UsageError(f"The patch at {where} is no example, so that none can be removed.")
        clicks = tuple(one for one in owner.clicks if one != click)
        self._exchange(owner, replace(owner, clicks=clicks))

    def remove_class(self, name: str) -> None:
        """Take a class away with its examples; the others keep their slots.

        Raises:
            UsageError: No class has this name.
        """
        gone = self._must(name)
        self._become(tuple(one for one in self.classes if one is not gone))

    def rename(self, name: str, new: str) -> None:
        """Call a class otherwise; it keeps its place, slot and examples.

        Args:
            name: Of the class.
            new: May begin or end with an emoji; without one, that which fits is taken.

        Raises:
            UsageError: No class has this name, or another one has the new name.
        """
        known, new = self._must(name), check_name(new)
        other = self._named(new)
        if other is not None and other is not known:
            raise UsageError(f'There is a class "{other.name}" already; give another name.')
        emoji, word = split_emoji(new)
        self._exchange(known, replace(known, name=word, emoji=emoji or emoji_for(word)))

    def undo(self) -> bool:
        """Take the last change back; whether there was one."""
        return self._step(self._before, self._undone)

    def redo(self) -> bool:
        """Make again what was undone last, unless something else was done since; whether it was."""
        return self._step(self._undone, self._before)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone change to make again."""
        return bool(self._undone)

    def on(self, features: FeatureReading) -> Teaching:
        """The same classes, and what can be undone, on a reading whose first images are these."""
        moved = Teaching(features, method=self._blank.method, readout=self._blank.readout)
        moved.classes = self.classes
        moved._before, moved._undone = [*self._before], [*self._undone]
        return moved

    def class_at(self, image: int, token: Any) -> TaughtClass | None:
        """The class that a patch is an example of, if it is one."""
        click = check_click(image, token, self._features)
        return next((one for one in self.classes if click in one.clicks), None)

    def fit(self) -> PatchClassifier:
        """The classifier of all classes with examples, fitted on final tokens.

        Raises:
            UsageError: There is no example yet, or one class only for "logistic".
        """
        return self._once("fit", lambda: self._blank.fit_checked(self._features, self._examples()))

    def film(self, examples_from: ExamplesFrom = "state") -> Film:
        """What every patch answers in every state that is read; classes as in `taught`.

        Args:
            examples_from: `"state"`: each state is read by its own tokens of the examples;
                `"final"`: every state by those of the final one, as the taught model reads it.

        Raises:
            UsageError: As `fit`, or another word.
        """
        check_choice("examples_from=", examples_from, get_args(ExamplesFrom))
        return self._once(("film", examples_from), lambda: self._filmed(examples_from))

    def held_out(self) -> HeldOut:
        """Whether the classes hold for examples that are left out; see `PatchClassifier.held_out`.

        Raises:
            UsageError: As `fit`.
        """
        return self._once("held out", self.fit().held_out)

    def as_python(self, images: str = "images") -> str:
        """Lines that teach the same classes: they make `classifier` and `twin` of `vit`.

        Args:
            images: What the images are called in these lines.
        """
        own = self._blank
        return python_of(self.taught, self._features.layout, images, own.method, own.readout)

    def _examples(self) -> PatchExamples:
        taught = self.taught
        if not taught:
            raise UsageError("There is no example yet; add(name, image, token) gives one.")
        names, emoji, clicks = zip(*((c.name, c.emoji, c.clicks) for c in taught), strict=True)
        return PatchExamples(names, emoji, clicks)

    def _filmed(self, examples_from: ExamplesFrom) -> Film:
        features, examples = self._features, self._examples()
        final = features.trace.n_states - 1
        chances = [
            special.softmax(
                self._fitted(k if examples_from == "state" else final, examples).logits(
                    features.kept_units(k)[:, features.layout.n_prefix :].numpy()
                ),
                axis=-1,
            )
            for k in features.states
        ]
        return Film(np.stack([features.laid_out(one) for one in chances]))

    def _fitted(self, k: int, examples: PatchExamples) -> Fitted:
        """The classes by their examples' tokens of state k."""

        def fit() -> Fitted:
            method = METHODS[self._blank.method]
            return method(self._units(examples)[k], examples.classes, len(examples.names))

        return self._once(("fitted", k), fit)

    def _units(self, examples: PatchExamples) -> dict[int, np.ndarray]:
        """Those of the examples by state, float64 `[example, d]`; see that the weights stayed."""

        def find() -> dict[int, np.ndarray]:
            states = sorted({*self._features.states, self._features.trace.n_states - 1})
            found = self._features.units_at(states, examples.flat).astype(np.float64)
            return dict(zip(states, found, strict=True))

        return self._once("units", find)

    def _once(self, what: Any, find: Callable[[], Any]) -> Any:
        if what not in self._found:
            self._found[what] = find()
        return self._found[what]

    def _named(self, name: str) -> TaughtClass | None:
        return next((one for one in self.classes if is_called(one.name, name)), None)

    def _must(self, name: str) -> TaughtClass:
        known = self._named(check_name(name))
        if known is None:
            near = did_you_mean(name, [one.name for one in self.classes])
            raise UsageError(f'No class is called "{name}".{near}')
        return known

    def _free_slot(self) -> int:
        taken = {one.slot for one in self.classes}
        return next(slot for slot in range(len(taken) + 1) if slot not in taken)

    def _exchange(self, old: TaughtClass, new: TaughtClass) -> None:
        self._become(tuple(new if one is old else one for one in self.classes))

    def _become(self, classes: Sequence[TaughtClass]) -> None:
        """What every change goes through."""
        self._before.append(self.classes)
        self._undone.clear()
        self.classes, self._found = tuple(classes), {}

    def _step(self, come: list[Any], go: list[Any]) -> bool:
        if not come:
            return False
        go.append(self.classes)
        self.classes, self._found = come.pop(), {}
        return True

    def _shared(self) -> Iterable[object]:
        """What was read of the images, and the model."""
        return (self._features, self._blank)
