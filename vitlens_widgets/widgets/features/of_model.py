"""What the model tells of features: what they write, who reads them, what they do on an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.features.seam import Kind, Neighbour, TurnedAnswers, WrittenLogits
from vitlens_widgets.widgets.shared.recent import Recent

if TYPE_CHECKING:
    from vitlens_widgets.analysis.activations import Activations
    from vitlens_widgets.trace import Trace, ViT

NO_MODEL = "Give the model to see this: vl.Features(found, vit)."
NO_IMAGE = "Give the model and an image to see this: vl.Features(found, vit, image)."
NO_CLASSES = "This model has no classifier: give one with classes, or a CLIP with prompts."
OF_CHANNELS = "This is told of neurons (mlp_post) and of an SAE's latents, not of other channels."
DISTANCE = "distance"
SIDES = {"earlier": "fires with it, earlier", "later": "fires with it, later"}
N_LIKE = 4
"""Features of each kind that are like one."""

N_PARTNERS = 64
"""Images that correlations are of: so many that a reader waits for them."""

_IMAGES = 4  # own ones, whose activations are kept


class OfModel:
    """The model, asked about its features.

    Args:
        vit: The model; None where nobody gives it.
        trace: A run of own images; None without.
        kind: What the features are.
        found: Where they were looked at.
    """

    def __init__(
        self, vit: ViT | None, trace: Trace | None, kind: Kind, found: Activations
    ) -> None:
        self._vit, self._trace, self._kind = vit, trace, kind
        self._found = found
        self._sae: Any = found.sae
        self._layers, self._site = found.layers, found.site
        classified = vit is not None and vit.adapter.has_classifier
        self.answers = vit.labels if vit is not None and classified else nothing(DISTANCE)
        self.answers_are = vit.probabilities if vit is not None and classified else ""
        self._like: Any = None
        self._activations = Recent(self._of_image, most=_IMAGES)

    def _known(self) -> ViT:
        """The model, if it can be asked.

        Raises:
            UsageError: It cannot.
        """
        if self._vit is None:
            raise UsageError(NO_MODEL)
        if self._kind == "channel":
            raise UsageError(OF_CHANNELS)
        return self._vit

    def writes(self, layer: int, feature: int) -> WrittenLogits:
        """See `ActivationSource`."""
        from vitlens_widgets.analysis.features import writes

        vit = self._known()
        if not vit.adapter.has_classifier:
            raise UsageError(NO_CLASSES)
        told = writes(vit, layer, feature, self._sae, n_random=1)  # chance is not shown
        return WrittenLogits(told.labels, told.labels.emoji, told.logits)

    def readers(self, layer: int, feature: int) -> np.ndarray:
        """See `ActivationSource`."""
        from vitlens_widgets.analysis.features import readers

        told = readers(self._known(), layer, feature, self._sae)
        return np.moveaxis(told.ratio, 0, -1)

    def neighbours(self, layer: int, feature: int) -> dict[str, list[Neighbour]]:
        """See `ActivationSource`."""
        from vitlens_widgets.analysis import neighbours

        vit = self._known()
        if self._like is None:  # directions of all features, kept for the next one
            words: dict[str, Any] = {"sae": self._sae} if self._sae else {"layers": self._layers}
            self._like = neighbours(vit, layer, feature, **words)
        told = self._like.of(layer, feature)
        return {"writes the same": listed(told.top(N_LIKE))}

    def partners(self, layer: int, feature: int) -> dict[str, list[Neighbour]]:
        """See `ActivationSource`."""
        from vitlens_widgets.analysis import partners

        found, vit = self._found, self._known()
        words: dict[str, Any] = {"sae": found.sae} if found.sae else {"layers": found.layers}
        n_images = min(found.n_images, N_PARTNERS)
        told = partners(vit, found.data, layer, feature, n_images=n_images, **words)
        sides = {"same": "fires with it"} if len(found.layers) == 1 else SIDES
        return {name: listed(told.top(N_LIKE, side)) for side, name in sides.items()}  # pyright: ignore[reportArgumentType]

    def activations(self, image: int) -> np.ndarray:
        """Of all features, float32 `[layer, token, feature]`."""
        return self._activations(image)

    def _of_image(self, image: int) -> np.ndarray:
        import torch

        from vitlens_widgets.analysis.features.feature import FeatureSet

        if self._trace is None or self._vit is None:
            raise UsageError(NO_IMAGE)
        if self._sae is not None:
            of = FeatureSet(self._vit, self._layers[0], self._sae)
            every = torch.arange(self._sae.n_latents)
            return of.activations(self._trace, every)[image][None].float().cpu().numpy()
        sites = (self._trace[self._site, layer][image].detach() for layer in self._layers)
        return np.stack([site.flatten(1).float().cpu().numpy() for site in sites])

    def effects(self, image: int, target: str | None) -> tuple[str, np.ndarray]:
        """See `ActivationSource`."""
        from vitlens_widgets.analysis.features.direct import asked_readout, direct_effects

        vit, trace = self._known(), self._trace
        if trace is None:
            raise UsageError(NO_IMAGE)
        if not vit.adapter.has_classifier:
            raise UsageError(NO_CLASSES)
        if target is not None and target not in list(self.answers):
            raise UsageError(
                f'{vit.name} has no class "{target}" to have an effect on; search no class to see '
                "the effects on its own answer."
            )
        asked, readout = asked_readout(trace, target, None, image)
        each = (direct_effects(trace, layer, readout, self._sae, image) for layer in self._layers)
        return asked, np.stack(list(each))

    def turned(
        self, image: int, layer: int, feature: int, strengths: Sequence[float]
    ) -> TurnedAnswers:
        """See `ActivationSource`."""
        from vitlens_widgets.analysis.features import turned

        self._known()
        if self._trace is None:
            raise UsageError(NO_IMAGE)
        told = turned(self._trace, layer, feature, self._sae, strengths=strengths, image=image)
        if told.labels is None:
            return TurnedAnswers(told.distance[:, None], None, None)
        return TurnedAnswers(told.probabilities, told.top, told.probability)


def listed(told: Any) -> list[Neighbour]:
    """Features with a number each, as an engine gives them."""
    columns = (part.tolist() for part in (told.layer, told.feature, told.value))
    return [Neighbour(*one) for one in zip(*columns, strict=True)]


def nothing(*names: str) -> Any:
    """A label set of no classes, or of what stands in their place."""
    from vitlens_widgets.data.labels import LabelSet

    return LabelSet(list(names), [""] * len(names), "no classes")
