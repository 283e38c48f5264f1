"""Features without a model: what PatchFeatures asks for, computed in NumPy from given features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from tests.widgets.fake_reading import FakeLayout
from vitlens_widgets.data.emoji import emoji_for
from vitlens_widgets.errors import UsageError, check_count

SCALE = 12


def units(features):
    """Each vector divided by its length."""
    return features / np.linalg.norm(features, axis=-1, keepdims=True)


def softmax(logits):
    """Over the last axis."""
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


class FakeFeatures:
    """Components and likeness of features `[state, image, token, d]`."""

    def __init__(self, features, layout, per_image):
        self.features, self.layout = features, layout
        n_states, n_images = features.shape[:2]
        self.components = np.zeros((n_states, n_images, layout.rows, layout.cols, 3), np.float32)
        n_bases = n_images if per_image else 1
        self.variance = np.zeros((n_states, n_bases, 3))
        for state, basis in np.ndindex(n_states, n_bases):
            images = [basis] if per_image else range(n_images)
            self._fill(state, basis, list(images))
        self.foreground = self.components[..., 0] > 0

    def _fill(self, state, basis, images):
        patches = self.features[state, images, self.layout.n_prefix :]
        flat = patches.reshape(-1, patches.shape[-1])
        centred = flat - flat.mean(0)
        left, values, _ = np.linalg.svd(centred, full_matrices=False)
        scores = left[:, :3] * values[:3]
        low, high = np.percentile(scores, [2, 98], axis=0)
        shown = ((2 * scores - low - high) / (high - low)).clip(-1, 1)
        grid = (len(images), self.layout.rows, self.layout.cols, 3)
        self.components[state, images] = shown.reshape(grid)
        self.variance[state, basis] = (values**2)[:3] / (values**2).sum()

    def groups(self, k, seed):
        """Any k groups that the seed tells apart: what is sent is to be tested, not k-means."""
        check_count("k", k, least=2, most=self.layout.n_patches)
        shape = self.components.shape[:-1]
        return np.random.default_rng([seed, k]).integers(0, k, shape)

    def similarity(self, image, token):
        """Cosines to a token, in each state to that state's own vector."""
        of = units(self.features)
        found = np.einsum("sitd,sd->sit", of, of[:, image, token])
        grid = (*found.shape[:2], self.layout.rows, self.layout.cols)
        n = self.layout.n_prefix
        return SimpleNamespace(patches=found[..., n:].reshape(grid), prefix=found[..., :n])


@dataclass(frozen=True)
class FakeClass:
    """A class and its examples."""

    name: str
    emoji: str
    slot: int
    clicks: tuple = ()


class FakeTeaching:
    """Prototypes: the mean of the unit vectors of a class's examples, as a unit vector."""

    def __init__(self, features, layout):
        self.units, self.layout = units(features), layout
        self.past, self.future, self.classes = [], [], ()

    can_undo = property(lambda self: bool(self.past))
    can_redo = property(lambda self: bool(self.future))
    taught = property(lambda self: [one for one in self.classes if one.clicks])

    def _become(self, classes):
        self.past.append(self.classes)
        self.future.clear()
        self.classes = tuple(classes)

    def _named(self, name):
        return next((one for one in self.classes if one.name == name), None)

    def _exchange(self, old, **changed):
        self._become(replace(one, **changed) if one is old else one for one in self.classes)

    def add(self, name, image, token):
        """Makes a patch an example."""
        if not 0 <= image < self.units.shape[1]:
            raise UsageError(f"There is no image {image}.")
        if not self.layout.n_prefix <= token < self.layout.n_tokens:
            raise UsageError(f"Token {token} is no patch.")
        if any((image, token) in one.clicks for one in self.classes):
            raise UsageError("The patch is an example already.")
        one = self._named(name)
        if one is not None:
            return self._exchange(one, clicks=(*one.clicks, (image, token)))
        taken = {other.slot for other in self.classes}
        slot = next(i for i in range(99) if i not in taken)
        new = FakeClass(name, emoji_for(name), slot, ((image, token),))
        return self._become((*self.classes, new))

    def remove(self, image, token):
        """Takes an example away."""
        one = next((c for c in self.classes if (image, token) in c.clicks), None)
        if one is None:
            raise UsageError("The patch is no example.")
        self._exchange(one, clicks=tuple(c for c in one.clicks if c != (image, token)))

    def rename(self, name, new):
        """Gives a class another name."""
        if self._named(new) or not self._named(name):
            raise UsageError(f'"{name}" cannot be called "{new}".')
        self._exchange(self._named(name), name=new, emoji=emoji_for(new))

    def remove_class(self, name):
        """Takes a class away."""
        if not self._named(name):
            raise UsageError(f'There is no class "{name}".')
        self._become(one for one in self.classes if one.name != name)

    def undo(self):
        """Goes one deed back."""
        return self._step(self.past, self.future)

    def redo(self):
        """Does again what was undone."""
        return self._step(self.future, self.past)

    def _step(self, come, go):
        if come:
            go.append(self.classes)
            self.classes = come.pop()
            return True
        return False

    def fit(self):
        """The prototypes of the final state, `[class, d]`."""
        if not self.taught:
            raise UsageError("There is no example yet.")
        return self.prototypes("final")[-1]

    def prototypes(self, examples_from, without=None):
        """`[state, class, d]`; None for a class whose only example is left out."""
        of = (
            self.units
            if examples_from == "state"
            else np.broadcast_to(self.units[-1:], self.units.shape)
        )
        rows = [[of[:, i, t] for i, t in one.clicks if (i, t) != without] for one in self.taught]
        return np.stack(
            [units(np.mean(row, 0)) if row else np.full_like(of[:, 0, 0], np.nan) for row in rows],
            1,
        )

    def film(self, examples_from):
        """The answer of every patch in every state."""
        patches = self.units[:, :, self.layout.n_prefix :]
        logits = SCALE * np.einsum("sipd,scd->sipc", patches, self.prototypes(examples_from))
        shares = softmax(logits)
        grid = (*shares.shape[:2], self.layout.rows, self.layout.cols)
        return SimpleNamespace(
            answers=shares.argmax(-1).reshape(grid), probability=shares.max(-1).reshape(grid)
        )

    def held_out(self):
        """Each example left out in turn."""
        return SimpleNamespace(by_state=self._held("state"), by_final=self._held("final"))

    def _held(self, examples_from):
        """The class that the other examples give each one, -1 for one alone, `[state, example]`."""
        found = []
        for one in self.taught:
            for image, token in one.clicks:
                if len(one.clicks) == 1:
                    found.append(np.full(len(self.units), -1))
                    continue
                rest = self.prototypes(examples_from, (image, token))
                logits = np.einsum("sd,scd->sc", self.units[:, image, token], rest)
                found.append(np.nan_to_num(logits, nan=-9).argmax(-1))
        return np.stack(found, 1)

    def as_python(self):
        """The lines that teach the same."""
        taught = {one.name: list(one.clicks) for one in self.taught}
        return f"vl.PatchClassifier(trace).fit({taught!r})"


class FakeSource:
    """Features `[state, image, token, d]` with pictures."""

    has_classifier, basis = False, "batch"

    def __init__(self, features, pictures, layout, model_name="fake/dino"):
        self.values, self.pictures, self.layout = features, pictures, layout
        self.model_name = model_name
        self.n_images = features.shape[1]
        self.state_names = [*(f"{k}_pre" for k in range(len(features) - 1)), "final"]
        self.tokens = np.arange(layout.n_tokens)
        self.known = {}

    def features(self, per_image):
        """What is read of them."""
        if per_image not in self.known:
            self.known[per_image] = FakeFeatures(self.values, self.layout, per_image)
        return self.known[per_image]

    def teaching(self, _method="prototypes", _readout="share"):
        """What teaches."""
        return FakeTeaching(self.values, self.layout)


def random_features(
    seed=0, *, states=4, images=2, rows=3, cols=5, prefix=("CLS",), width=16, patch=8
):
    """Asymmetric random features: another vector at every state, image and token."""
    rng = np.random.default_rng(seed)
    layout = FakeLayout(rows, cols, tuple(prefix))
    features = rng.normal(size=(states, images, layout.n_tokens, width)).astype(np.float32)
    features += rng.normal(size=(1, 1, 1, width)) * 0.5
    pictures = rng.integers(0, 256, (images, rows * patch, cols * patch, 3), dtype=np.uint8)
    return FakeSource(features, pictures, layout)
