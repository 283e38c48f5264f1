"""Every figure of a result has a title of its own, which says what and of whom in words."""

from __future__ import annotations

import re
from inspect import signature
from typing import Any

EVOLUTION = ("score", "rate", "images", "readout_score", "readout_rate", "boxes")

FIGURES: dict[str, tuple[str, ...]] = {
    "attribution": ("curve", "steps", "heads"),
    "mean_attribution": ("curve", "steps", "heads"),
    "activation_patching": ("share", "effect", "metric"),
    "attribution_patching": ("share", "effect", "metric"),
    "deciding_heads": ("share", "turned"),
    "decoded_heads": ("correlation", "heads"),
    "segmentation": ("iou", "separation", "everywhere"),
    "linear_probes": ("accuracy", "rank", "projection"),
    "class_value_agreement": ("means", "boxes"),
    "class_and_context": ("quartiles", "boxes"),
    "class_similarity_change": ("change", "composition"),
    "key_value_agreement": ("agreement", "chance", "single", "answers"),
    "identifiability": EVOLUTION,
    "attention_perturbation": EVOLUTION,
    "lens_causality": ("lens", "model", "alignment", "mismatched", "stimulus", "response"),
    "lens_stability": ("kl", "agreement", "patch_kl", "patch_agreement"),
    "lens_segmentation": ("iou", "separation", "everywhere"),
    "lens_agreement": ("kl", "agreement", "patch_kl", "patch_agreement", "truth_minus_model"),
}
"""What may be drawn, by experiment, where results do not list it as `names` or `metrics`."""

REPR = re.compile(r"\w\(|=|\w'\w*'|object at|\[|\{")
"""What Python says of an object, and people do not: `Scenes(...)`, `rule='text'`."""


def check_titles(experiment: str, found: Any) -> None:
    """Refuses a title that is another figure's, says only whose it is, or holds a repr."""
    titles = [title_of(figure) for figure in figures_of(experiment, found)]
    assert len(set(titles)) == len(titles)
    for title in titles:
        assert re.match(r"[A-Z0-9].*\S: \S", title) or title.startswith("Attention between"), title
        assert not REPR.search(title), title


def figures_of(experiment: str, found: Any) -> list[Any]:
    """All that one result can draw by its name."""
    if "name" not in signature(found.figure).parameters:
        return [found.figure()]
    listed = getattr(found, "names", None) or getattr(found, "metrics", None)
    names = FIGURES.get(experiment) or tuple(listed)
    extra = [found.figure(by_class=True)] if experiment == "segmentation" else []
    extra += [found.figure("converged")] if experiment == "convergence" else []
    return [found.figure(name) for name in names] + extra


def title_of(figure: Any) -> str:
    """Of one figure, or of several beside one another; in one line."""
    return " ".join((figure.name or figure.title.text).split("\n"))
