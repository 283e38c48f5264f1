"""The seam between the package and the model libraries: one adapter per family of ViTs.

A new family is one small file with one subclass of `Adapter`; see `models/registry.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models.classifier import Classifier
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hook_points import HookPoints
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.models.readout import Readout
from vitlens_widgets.models.score_parts import ScoreParts


class Adapter(ABC):
    """What the rest of the package needs to know of a model, said in one vocabulary.

    Args:
        model: The model; it is read and called, never changed.
        image_size: (height, width) to run at; by default the checkpoint's own.

    Raises:
        UnsupportedModelError: The model breaks an assumption that exact numbers rest on.
    """

    positions_in_blocks: bool = False
    """Whether blocks place their tokens themselves (rotary or relative positions)."""

    readout: Readout
    """What the model's own classifier reads."""

    image_size: tuple[int, int]
    """(height, width) in pixels that the model runs at."""

    classifier: Classifier | None = None
    """A classifier that the user gave, in place of the model's own."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.model: Foreign = model
        self.image_size = as_size(self.own_size if image_size is None else image_size)
        self.layout()
        for layer in range(self.n_layers):
            self.hook_points(layer)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(of a {type(self.model).__name__})"

    @property
    @abstractmethod
    def own_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the images that the checkpoint was made for."""

    @property
    @abstractmethod
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""

    @property
    @abstractmethod
    def n_heads(self) -> int:
        """Attention heads per block."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The width d of the residual stream."""

    @abstractmethod
    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size (height, width); by default the model's own.

        Raises:
            UsageError: The model cannot run at that size.
        """

    @property
    def n_channels(self) -> int:
        """How many channels an image has: 3, for red, green and blue, unless an adapter knows."""
        return 3

    @property
    def patch_size(self) -> tuple[int, int]:
        """(height, width) of a patch in pixels."""
        layout, (height, width) = self.layout(), self.image_size
        return height // layout.rows, width // layout.cols

    @abstractmethod
    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:  # noqa: ARG002
        """What block `layer` makes its scores of, from its sites q and k.

        Here products of queries and keys over the root of a head's width; a family that rotates
        them, adds to them or scales them otherwise says so.

        Args:
            layer: The block.
            q: `[image, head, query, d_head]`.
            k: `[image, head, key, d_head]`.
        """
        return ScoreParts(q, k, scale=q.shape[-1] ** -0.5)

    def attention_scores(self, layer: int, q: Tensor, k: Tensor) -> Tensor:
        """The scores that block `layer` gives its softmax, from its sites q and k.

        `[image, head, query, d_head]` and `[image, head, key, d_head]` give
        `[image, head, query, key]`; rotations of q and k and position biases are included.
        """
        return self.score_parts(layer, q, k).scores()

    def exact_scores(self, layer: int, q: Tensor, k: Tensor) -> Tensor:
        """`attention_scores` of the sites q and k themselves, in float32 or finer.

        `[image, token, head, d_head]`, twice, give `[image, head, query, key]`.
        """
        return self.exact_parts(layer, q, k).scores()

    def exact_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """What `exact_scores` are made of: `score_parts` in float32 or finer."""
        fine = torch.promote_types(q.dtype, torch.float32)
        return self.score_parts(layer, *(part.transpose(1, 2).to(fine) for part in (q, k)))

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, as the forward pass would: `[image, token, d]` to the next state."""
        return self.blocks[layer](state)

    @abstractmethod
    def pooled(self, pixels: Tensor) -> Tensor:
        """What the model's own code gives a classifier: `[image, 3, height, width]` to features."""

    @abstractmethod
    def token_features(self, state: Tensor) -> Tensor:
        """Each token as if it were the readout: `[image, token, d] -> [image, token, feature]`.

        The final norm comes first, with its own statistics per token, as in the model.
        """

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm alone, `[image, token, d]`: no pooling, no projection.

        `token_features`, unless an adapter's readout does more to a token.
        """
        return self.token_features(state)

    @abstractmethod
    def readout_features(self, state: Tensor) -> Tensor:
        """What the readout gives a classifier: `[image, token, d] -> [image, feature]`."""

    def readout_weights(self, state: Tensor) -> Tensor:
        """How the readout weighs the tokens of the last state, `[image, token]`.

        Raises:
            UsageError: As `Readout.weights`.
        """
        return self.readout.weights(state, self.layout().n_prefix)

    @property
    @abstractmethod
    def head(self) -> Foreign:
        """The model's own classifier of features; None without one."""

    def answer(self, pixels: Tensor) -> Tensor:
        """The model's own logits by its own code, `[image, class]`; it has a classifier."""
        return self.model(pixels)

    def forward(self, pixels: Tensor) -> Tensor:
        """The answer `[image, class]` to pixels `[image, 3, height, width]`.

        The model's own logits by its own code; with a classifier that the user gave, its logits
        for what the model's own code pools; without any, what is pooled.
        """
        if self.classifier is not None:
            return self.classifier(self.pooled(pixels))
        return self.pooled(pixels) if self.head is None else self.answer(pixels)

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token read as if it were the readout: `[image, token, d] -> [image, token, class]`.

        The final norm comes first, with its own statistics per token, as in the model.
        """
        return (self.classifier or self.head)(self.token_features(state))

    def readout_logits(self, state: Tensor) -> Tensor:
        """The classifier on the readout of a state: `[image, token, d] -> [image, class]`."""
        return (self.classifier or self.head)(self.readout_features(state))

    @property
    def has_classifier(self) -> bool:
        """Whether there are class logits to read."""
        return self.classifier is not None or self.head is not None

    @property
    def probabilities(self) -> Kind:
        """How its logits become probabilities: a single logit says yes or no.

        Raises:
            UnsupportedModelError: Its outputs are no logits.
        """
        if self.classifier is not None and self.classifier.kind is not None:
            return self.classifier.kind
        return "sigmoid" if self.n_classes == 1 else "softmax"

    @property
    def classifier_advice(self) -> str:
        """How a user gives this model a classifier, for where it is missed."""
        return (
            f"vl.load(..., classifier=(weight, bias)) with a weight [class, {self.n_features}], or "
            "an nn.Linear fitted to what it pools; or teach it classes by patches: "
            "vl.PatchClassifier(vit, images)"
        )

    @abstractmethod
    def preprocessing(self) -> Preprocessing:
        """The checkpoint's own way from an image to pixels, and back."""

    @abstractmethod
    def checkpoint_name(self) -> str:
        """What the model's own configuration calls it; empty where it says nothing."""

    @abstractmethod
    def label_names(self) -> Sequence[str] | str | None:
        """The checkpoint's class names, the name of a known label set, or None if it has none."""

    @property
    def n_layers(self) -> int:
        """The number L of blocks."""
        return len(self.blocks)

    @property
    @clean
    def n_classes(self) -> int:
        """How many classes the classifier knows; 0 without one."""
        if not self.has_classifier:
            return 0
        with torch.no_grad():
            return self.readout_logits(self.blank_state(1)).shape[-1]

    @property
    @clean
    def n_features(self) -> int:
        """The width of what the model pools for a classifier."""
        with torch.no_grad():
            return self.readout_features(self.blank_state(1)).shape[-1]

    def blank_state(self, n_images: int) -> Tensor:
        """A state of zeros, `[image, token, d]`, of the model's type and on its device."""
        like = next(self.model.parameters())
        return like.new_zeros(n_images, self.layout().n_tokens, self.width)


def as_size(value: int | Iterable[int]) -> tuple[int, int]:
    """(height, width) of two numbers, or of one for both."""
    height, width = value if isinstance(value, Iterable) else (value, value)
    return height, width


def grid(image_size: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """(rows, cols) of the patches that an image of (height, width) is cut into.

    Raises:
        UsageError: The patches do not tile the image.
    """
    if any(side <= 0 or side % patch for side, patch in zip(image_size, patch_size, strict=True)):
        raise UsageError(
            f"An image of {image_size[0]} x {image_size[1]} pixels cannot be cut into patches of "
            f"{patch_size[0]} x {patch_size[1]}; give a height and a width that are multiples."
        )
    return image_size[0] // patch_size[0], image_size[1] // patch_size[1]


def require(holds: bool, model: Foreign, assumption: str, found: str = "") -> None:
    """Refuse a model that breaks an assumption.

    Args:
        holds: Whether the assumption holds.
        model: The model.
        assumption: What must be; may already say what is instead.
        found: What is instead.

    Raises:
        UnsupportedModelError: `holds` is false.
    """
    if not holds:
        sentence = f"{assumption}, but {found}" if found else assumption
        raise UnsupportedModelError(
            f"This {type(model).__name__} cannot be read exactly: {sentence}."
        )
