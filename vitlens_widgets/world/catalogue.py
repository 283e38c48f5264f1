"""The embedded models: which there are, and what each was asked. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list


@dataclass(frozen=True, slots=True)
class Goal:
    """What a model is asked in training, in words.

    Attributes:
        kind: Of model: "classes" for classifiers, "infilling" for masked autoencoders, "texts" for
            models of images and texts; "patch decoder" and "flow decoder" for decoders.
        trained_on: In the fewest words.
        recipe: In sentences.
        not_good_for: What its models are no good for.
    """

    kind: str
    trained_on: str
    recipe: str
    not_good_for: str


GOALS = {
    "class": Goal(
        kind="classes",
        trained_on="class label",
        recipe="Trained from the classes of the image alone, asked of CLS. Nothing was ever asked "
        "of the patches.",
        not_good_for="Photographs, and saying where things are: its patches do not draw them.",
    ),
    "multiple-instance": Goal(
        kind="classes",
        trained_on="image labels, asked of the patches together",
        recipe="Trained from image labels only. CLS names the classes of the image; the mean of a "
        "class's five largest patch probabilities must tell whether the class is in the image "
        "(multiple-instance loss), and any answer but background costs a patch a little. No patch "
        "was ever told what it shows: its answers emerged.",
        not_good_for="Photographs, things outside the sixteen classes, and exact outlines.",
    ),
    "patches": Goal(
        kind="classes",
        trained_on="patch labels",
        recipe="Trained from the exact masks: every patch is told which share of it each label "
        "covers, and CLS the classes of the image. Its patch answers were taught; they did not "
        "emerge.",
        not_good_for="Photographs, and showing that patch answers emerge: these were taught.",
    ),
    "infilling": Goal(
        kind="infilling",
        trained_on="hidden patches",
        recipe="Trained to paint the three quarters of the patches that it is not shown, hidden at "
        "random, by the squared error of their pixels.",
        not_good_for="Photographs, fine details such as whiskers, and large hidden areas: what "
        "could be many things is painted as their mean.",
    ),
    "infilling, normalised": Goal(
        kind="infilling",
        trained_on="hidden patches, normalised",
        recipe="Trained as toy/mae, but each hidden patch is to be painted minus its own mean and "
        "over its own deviation: better for features (He et al. 2022, table 1d), but the painting "
        "loses its colours.",
        not_good_for="Photographs, and pictures: the brightness and contrast of what it paints "
        "must come from elsewhere.",
    ),
    "captions": Goal(
        kind="texts",
        trained_on="captions",
        recipe="Trained to tell which caption belongs to which scene, among those of a batch "
        "(Radford et al. 2021). Captions say of each thing its class, and often its colour, its "
        "size and its place, and often what is behind; nothing was ever asked of the patches. Only "
        "captions of the same words count as the same: of the 256 of a later batch, some 18 say "
        "what another says in other words, and some 22 name a class alone, each true of some 24 "
        "other images, and all these count as wrong.",
        not_good_for="Photographs, words that no caption had, and saying where things are by its "
        "patches: only CLS was compared with captions.",
    ),
    "painting of tokens": Goal(
        kind="patch decoder",
        trained_on="all tokens of every state",
        recipe="Trained to paint the scene from all tokens of one state, told which, by the "
        "absolute error of pixels and of their differences across and down (Zheng et al. 2025 for "
        "its place); some states came with noise, some with tokens hidden.",
        not_good_for="Photographs, and what the encoder's state does not hold: it paints the "
        "middle of what could be.",
    ),
    "painting of a readout": Goal(
        kind="flow decoder",
        trained_on="readout embeddings",
        recipe="Trained to make the scene out of noise, led by the encoder's embedding: a "
        "rectified flow that predicts the picture (Li & He 2025), a tenth of the time without the "
        "embedding.",
        not_good_for="Photographs, and telling what an embedding says from what the decoder fills "
        "in by itself: look at several seeds.",
    ),
}
"""Name of a goal -> what it is."""

_SMALL = [f"toy/attn-{kind}-{layers}l" for kind in ("only", "mlp") for layers in (1, 2, 3, 4)]

EMBEDDED = {
    "toy/p32": "multiple-instance",
    "toy/p32-taught": "patches",
    "toy/p32-cls": "class",
    **dict.fromkeys(_SMALL, "class"),
    "toy/mae": "infilling",
    "toy/mae-norm": "infilling, normalised",
}
"""Name of an embedded model -> name of its goal."""

NAMES = tuple(EMBEDDED)
"""The embedded models; the first is the default."""


def known(name: str) -> str:
    """The name, if it is that of an embedded model.

    Raises:
        UsageError: It is not; the message names the nearest.
    """
    if isinstance(name, str) and name in NAMES:
        return name
    hint = did_you_mean(str(name), NAMES) or f" Embedded: {quoted_list(NAMES)}."
    raise UsageError(f"There is no embedded model {name!r}.{hint}")
