"""Features: what makes each neuron or latent fire, what it writes, what it does on an image."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import traitlets

from vitlens_widgets.errors import UsageError, check_text
from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.features.data import described, packed
from vitlens_widgets.widgets.features.figure import figure_parts
from vitlens_widgets.widgets.features.looks import (
    BY_ITSELF,
    OF_FEATURE,
    OF_IMAGE,
    SHOWN,
    Look,
    Looks,
)
from vitlens_widgets.widgets.features.seam import CatalogueLike
from vitlens_widgets.widgets.features.source import source_of
from vitlens_widgets.widgets.features.still import draw
from vitlens_widgets.widgets.features.traits import EFFECT, FeaturesTraits
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.meanings import (
    ClassMeaning,
    Depth,
    FeatureMeaning,
    Meaning,
    OfBatch,
    TokenMeaning,
)
from vitlens_widgets.widgets.shared.thumbs import of_batch
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser

FIRES = 0.5
"""Of its largest activation: what fires so much on the own image is looked at first."""

N_ROWS = 13
"""Rows of the list that are seen at once; as in js/features/list.js."""


class Features(FeaturesTraits):
    """Neurons and latents: what makes each one fire, what it writes, what it does on an image.

    All features of a data set at once, as a table of classes and blocks, a scatter and a list;
    one of them large: the images that it fires most on, a patch of each tenth of its activations,
    their histogram, the classes that it promotes, the heads that read it, and features like it.
    With an image of your own: where the feature fires there, what fires at a patch, and the
    answers with the feature turned down and up, one run for all strengths.

    Pictures are made when a feature is looked at. A saved page has those that were looked at, and
    those that `keep` was told.

    Args:
        activations: What `vl.analysis.activations(vit, data)` has found.
        vit: The model that it was found of: for what a feature writes, and for own images.
        images: An own image, or several: whatever `vl.load(...).trace` takes.
        caption: A few words to stand beside the title, e.g. what the data set shows.
        **choices: The other traits under Attributes.

    Raises:
        UsageError: It is nothing that `vl.analysis.activations` has found, the model is another
            one, or a choice is out of range or unknown.

    Source:
        Olah et al. (2017), "Feature Visualization": images from all over the range of a neuron's
        activations. Schubert et al. (2020), "OpenAI Microscope".

    Example:
        >>> found = vl.analysis.activations(vit, vl.world.Scenes(), n_images=600)
        >>> features = vl.Features(found, vit, image)
        >>> features.layer, features.feature, features.strength = 4, 225, 0
    """

    _esm = STATIC / "features.js"
    _css = STATIC / "features.css"
    _figure = staticmethod(figure_parts)
    _kind = "Neurons and features"

    def __init__(
        self,
        activations: Any,
        vit: Any = None,
        images: Any = None,
        *,
        caption: str = "",
        **choices: Any,
    ) -> None:
        if "sae" in choices:
            raise UsageError(
                "Features shows the latents of the SAE that activations were found of: give it to "
                "them, vl.Features(vl.analysis.activations(vit, data, sae=sae), vit, image)."
            )
        self._refuse_unknown(choices)
        check_text("caption", caption, "600 scenes")
        self._source = source = source_of(activations, vit, images)
        self._measure(source)
        self._looks = Looks(source)
        self._labels, self._emoji = list(source.labels), list(source.labels.emoji)
        self._thumbs, of_thumbs = of_batch(source.n_images, source.picture)
        self._meta = described(source, caption) | of_thumbs
        self._set(packed(source))
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        if not {"layer", "feature"} & set(choices):
            place, self.feature = self._first()
            self.layer = source.layers[place]
        self._set(choices)
        if source.n_images:
            self._show_image()
            if "token" not in choices:
                self.token = self._strongest_token()
        self._set(self._looks.kept(self._of_choice(BY_ITSELF)))
        super().__init__(**of_widgets)
        self.observe(self._on_image, "image")

    def _measure(self, source: CatalogueLike) -> None:
        self._layers, self._n_layers = tuple(source.layers), source.n_layers
        self._width, self._n_images = source.width, source.n_images
        self._n_own = max(1, source.n_images)  # 0 stays a choice where there is none
        self._n_tokens, self._label_set = source.layout.n_tokens, source.labels

    @traitlets.default("layer")
    def _last_layer(self) -> int:
        return self._layers[-1]

    @traitlets.default("sort")
    def _usual_sort(self) -> str:
        return "largest" if self._source.selectivity is None else "selectivity"

    @traitlets.default("up")
    def _usual_up(self) -> str:
        return self._usual_sort()

    @property
    def _which(self) -> int:
        """The own image that is shown."""
        return cast("int", self.image)

    def _first(self) -> tuple[int, int]:
        """The block's place and the feature that the list begins with.

        With an own image, the first one that fires on it.
        """
        row = 1 if self._source.selectivity is None else 0
        numbers = np.frombuffer(self._numbers, "<f4").reshape(-1, len(self._layers), self._width)
        known = np.nan_to_num(numbers[row], nan=-np.inf)
        if self._n_images:
            fires = self._fires_on_own() >= FIRES
            known = np.where(fires, known, -np.inf) if fires.any() else known
        place, feature = divmod(int(known.argmax()), self._width)
        return place, feature

    def _fires_on_own(self) -> np.ndarray:
        """The largest activation on the own image's patches, as a share, `[layer, feature]`."""
        largest = np.asarray(self._source.largest, float)
        n_prefix = len(self._source.layout.prefix)
        values = self._source.activations(self._which)[:, n_prefix:].max(1)
        return np.divide(values, largest, out=np.zeros_like(largest), where=largest > 0)

    def _strongest_token(self) -> int | None:
        """The own image's patch where the chosen feature fires most; None if nowhere."""
        place, n_prefix = self._layers.index(self.layer), len(self._source.layout.prefix)
        values = self._source.activations(self._which)[place, n_prefix:, self.feature]
        return n_prefix + int(values.argmax()) if values.max() > 0 else None

    def _show_image(self) -> None:
        picture = self._source.picture(self._which)
        self._picture, self._of_image = pack.uint8(picture), self.image

    def _on_image(self, _change: Any) -> None:
        if self.image == self._of_image:
            return
        try:
            with self.hold_sync():
                self._source.activations(self._which)
                self._show_image()
        except BaseException as error:
            self.image = self._of_image
            self._fail(error, "The image could not be shown", "it shows the last one")

    def keep(self, *features: tuple[int, int]) -> None:
        """Looks at features, so that a saved page has their pictures and numbers too.

        Args:
            *features: Block and number of each.

        Raises:
            UsageError: There is no such feature.

        Example:
            >>> features.keep((4, 225), (5, 534))
            >>> features.save_html("features.html")
        """
        traits = cast("dict[str, Any]", self.traits())
        for layer, feature in features:
            place = (
                int(traits["layer"].validate(self, layer)),
                int(traits["feature"].validate(self, feature)),
            )
            for look in self._of_feature(place, SHOWN):
                self._looks(look)

    def _of_feature(self, place: tuple[int, int], kinds: Collection[str]) -> list[Look]:
        """What is shown of a feature, with an own image on that."""
        looks = [Look(kind, *place) for kind in kinds if kind in OF_FEATURE]
        if self._n_images:
            looks += [Look(kind, *place, self._which) for kind in kinds if kind in OF_IMAGE]
        return looks

    def _of_choice(self, kinds: Collection[str] = SHOWN) -> list[Look]:
        """What is shown of the feature, image and patch that are chosen, and the list's names."""
        looks = self._of_feature((self.layer, self.feature), kinds)
        if self._n_images and self.token is not None:
            looks.append(Look("here", image=self._which, token=self.token))
        if self._n_images and EFFECT in (self.sort, self.up, self.across):
            target = -1 if self.target is None else self.target
            looks.append(Look(EFFECT, image=self._which, target=target))
        return looks + [Look("crops", *place) for place in self._listed()]

    def _listed(self) -> list[tuple[int, int]]:
        """Features that the list begins with, and those around the chosen one, if so named."""
        if self._source.selectivity is not None:
            return []
        numbers = np.frombuffer(self._numbers, "<f4").reshape(-1, len(self._layers) * self._width)
        order = np.argsort(-np.nan_to_num(numbers[1], nan=-np.inf), kind="stable")
        chosen = self._layers.index(self.layer) * self._width + self.feature
        at = int(np.flatnonzero(order == chosen)[0])
        listed = [*order[:N_ROWS].tolist(), *order[max(0, at - N_ROWS) : at + N_ROWS].tolist()]
        return [(self._layers[i // self._width], i % self._width) for i in dict.fromkeys(listed)]

    @answers_browser
    def _look(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        """What a page looks at, each as JSON with its bytes."""
        found = [self._looks(look) for look in self._looks.read(what)]
        return {"found": [said for said, _ in found]}, [data for _, data in found]

    def saved(self) -> SavedWidget:
        """The widget as a page without a kernel keeps it: with all that was looked at."""
        page = super().saved()
        for look in self._of_choice():
            said, _ = self._looks(look)
            self._name(said.get("groups", ()))
        return replace(page, state=page.state | self._looks.kept())

    def _name(self, groups: Iterable[tuple[str, Sequence[Sequence[Any]]]]) -> None:
        """Have the pictures by which the features of these groups are named, if they are."""
        if self._source.selectivity is not None:
            return
        for layer, feature, *_ in (one for _, some in groups for one in some):
            if layer in self._layers:
                self._looks(Look("crops", layer, feature))

    @property
    def _beyond(self) -> str:
        images = [", another own image"] * (self._n_images > 1)
        return "".join(["pictures of features that were not looked at", *images])

    def _pictured(self) -> dict[str, Any]:
        return super()._own_state() | self._looks.kept(self._of_choice(BY_ITSELF))

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its blocks, the own image's tokens, the classes, and the own images."""
        source = self._source
        found: dict[str, Meaning] = {}
        if len(self._layers) == self._n_layers:
            found["layer"] = Depth(self._n_layers, is_block=True)
        if self._n_images:
            tokens = tuple(range(self._n_tokens))
            every = range(self._n_images)
            found["token"] = TokenMeaning(
                source.layout, tokens, lambda: [source.picture(i) for i in every], self._which
            )
            found["image"] = OfBatch(self._n_images)
        if len(self._labels):
            found["target"] = ClassMeaning(tuple(self._labels), is_search=True)
        if source.kind != "latent":
            found["feature"] = FeatureMeaning(source.model_name, source.site, source.width)
        return found

    def __repr__(self) -> str:
        of = f"{self._meta['model_name']} · {self._meta['site']}"
        return f"Features({of}, {self._in_words()})"
