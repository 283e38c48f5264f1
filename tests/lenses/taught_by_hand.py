"""What classes taught by examples come to, in NumPy, float64: the oracle of `lenses.taught`."""

from __future__ import annotations

import numpy as np


def unit(x: np.ndarray) -> np.ndarray:
    """Each of length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def normed(trace, k: int) -> np.ndarray:
    """The final norm of timm's ViT written out: `[image, token, d]`."""
    norm = trace.vit.model.norm
    x = trace.states[k].detach().double().numpy()
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + norm.eps)
    return x * norm.weight.detach().double().numpy() + norm.bias.detach().double().numpy()


def units_of(trace, k: int, examples: dict) -> dict[str, np.ndarray]:
    """The unit vectors of each class's examples, `[example, d]`."""
    units = unit(normed(trace, k))
    return {
        name: np.stack([units[image, trace.layout.find(token)] for image, token in pairs])
        for name, pairs in examples.items()
    }


def prototype_logits(examples: dict[str, np.ndarray], asked: np.ndarray) -> np.ndarray:
    """12 times the cosine with each class's mean direction, `[..., class]`."""
    means = np.stack([unit(vectors.mean(0)) for vectors in examples.values()])
    return 12 * asked @ means.T


def softmax(z: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def image_probabilities(patches: np.ndarray, rule: str) -> np.ndarray:
    """The image's answer by its patches' logits `[image, patch, class]`."""
    if rule == "share":
        return softmax(patches).mean(1)
    return softmax(patches.mean(1) if rule == "mean" else patches.max(1))


def left_out(examples: dict[str, np.ndarray], asked: dict[str, np.ndarray]) -> list[int]:
    """What each example is taken for without it, class by class; -1 for the only one of a class."""
    answers = []
    for name, vectors in examples.items():
        for i in range(len(vectors)):
            rest = {n: v if n != name else np.delete(v, i, 0) for n, v in examples.items()}
            if not len(rest[name]):
                answers.append(-1)
                continue
            answers.append(int(prototype_logits(rest, asked[name][i]).argmax()))
    return answers
