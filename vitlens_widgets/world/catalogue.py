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
        "(Radford et al. 2021), and from its foil, the same but for one fact that is wrong "
        "(Yuksekgonul et al. 2023). Captions say of each thing its class, and often its colour, "
        "its size and its place, and often what is behind; nothing was ever asked of the patches. "
        'Where a caption happens to be true of another image of the batch, as "a cat" is of every '
        "cat, the two were not compared.",
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
    "toy/clip": "captions",
}
"""Name of an embedded model -> name of its goal."""

DECODERS = {
    "toy/unclip": "painting of a readout",
    "toy/patch-decoder": "painting of tokens",
    "toy/patch-decoder-clip": "painting of tokens",
}
"""Name of an embedded decoder -> name of its goal."""

NAMES = tuple(EMBEDDED)
"""The embedded models; the first is the default."""

SAES = ("toy/p32/2", "toy/p32/5")
"""The embedded sparse autoencoders, by the model and the state that they are of."""


def known(name: str) -> str:
    """The name, if it is that of an embedded model.

    Raises:
        UsageError: It is not; the message names the nearest.
    """
    if isinstance(name, str) and name in DECODERS:
        raise UsageError(
            f'{name} is a decoder, which paints pictures; vl.load_decoder("{name}") loads it.'
        )
    if isinstance(name, str) and name in SAES:
        raise UsageError(f'{name} is a sparse autoencoder; vl.load_sae("{name}") loads it.')
    return one_of(name, NAMES, "model")


def known_decoder(name: str) -> str:
    """The name, if it is that of an embedded decoder.

    Raises:
        UsageError: It is not; the message names the nearest.
    """
    if name in NAMES:
        raise UsageError(f'{name} is no decoder, but a model: vl.load("{name}") loads it.')
    return one_of(name, tuple(DECODERS), "decoder")


def goal_of(name: str) -> str | None:
    """The goal of an embedded model or decoder; None for another's name."""
    return EMBEDDED.get(name) or DECODERS.get(name)


def one_of(name: str, names: tuple[str, ...], what: str) -> str:
    """The name, if it is one of these.

    Raises:
        UsageError: It is not; the message names the nearest.
    """
    if isinstance(name, str) and name in names:
        return name
    hint = did_you_mean(str(name), names) or f" Embedded: {quoted_list(names)}."
    raise UsageError(f"There is no embedded {what} {name!r}.{hint}")
