"""PatchFeatures: the patches of a model without a classifier, and classes taught by clicking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets

from vitlens_widgets.errors import UsageError
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.explorer.inputs import picture_of, vit_of
from vitlens_widgets.widgets.patch_features import data
from vitlens_widgets.widgets.patch_features.figure import figure_parts
from vitlens_widgets.widgets.patch_features.grouping import LAST, GroupsPatches
from vitlens_widgets.widgets.patch_features.source import source_of
from vitlens_widgets.widgets.patch_features.still import draw
from vitlens_widgets.widgets.patch_features.teaching import TeachesClasses
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC
from vitlens_widgets.widgets.shared.checks import is_trace
from vitlens_widgets.widgets.shared.meanings import Depth, Meaning, OfBatch, TokenMeaning
from vitlens_widgets.widgets.shared.thumbs import thumbs
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser, done

if TYPE_CHECKING:
    import numpy as np

    from vitlens_widgets.lenses.taught.fitting import Method
    from vitlens_widgets.models.patch_readout import PatchRule
    from vitlens_widgets.trace import Trace
    from vitlens_widgets.widgets.explorer.inputs import AnyModel
    from vitlens_widgets.widgets.patch_features.seam import FeatureSourceLike


class PatchFeatures(TeachesClasses, GroupsPatches):
    """What the patches are like in every state, without a classifier; and classes by clicking.

    In the mode "look", the patches' three main components are colours, and a patch that is pinned
    is compared with all others, those of other images included. In the mode "teach", a click on a
    patch makes it an example of a class: the classes are fitted at once, the film of all states
    follows, and each click is left out in turn to see whether the others agree.

    Args:
        trace: What `vit.trace(images)` gave, of any model, or `vl.read_features(trace)`.
        image: Which image of the trace's batch is shown.
        caption: A few words to stand under the image.
        method: How classes are made of examples, `"prototypes"` or `"logistic"`; see
            `vl.PatchClassifier`.
        readout: How the patches of the model that was taught answer together, `"share"`, `"mean"`
            or `"best"`; see `vl.PatchClassifier`.
        **choices: The other traits under Attributes.

    Attributes:
        image: Which image of the batch is shown. Default: 0.
        state: The state shown, by index or name (`0_pre` to `final`); read as an index. Default:
            the last.
        token: The pinned token, as its index in the sequence (prefix tokens count). Another image
            that is chosen is compared with it, too; given again, it is pinned in that image.
            Default: None.
        mode: "look" at features, or "teach" classes. Default: "look".
        colours: The components of all patches, or those of the foreground, which is where the first
            is above Otsu's threshold; or the "groups" of patches with like features, found by
            k-means in every state. Default: "components".
        n_groups: How many groups, 2 to 12. Default: 6.
        seed: Of the groups' first centres. Default: 0.
        basis: Whether the batch shares its components, or each image has its own. Default: as the
            reading that was given, else "batch".
        similarity: On the image, or as flat colours. Default: "image".
        examples_from: Whether the classes of a state are made of the examples as they are in that
            state, or in the final one. Default: "state".
        tint: What the colour of a patch says in the class map: its class, or how certain it is.
            Default: "class".
        names: What stands on regions of the class map, "emoji" with the name, or "none". Default:
            "emoji".

    Raises:
        UsageError: No trace was given, or a method, a readout or a choice is out of range or
            unknown.

    Example:
        >>> features = vl.PatchFeatures(vit.trace(images))
        >>> features.token = vit.layout.token(row=8, col=14)
        >>> features.mode = "teach"
    """

    _esm = STATIC / "patch_features.js"
    _css = STATIC / "patch_features.css"
    _kind = "What each patch is like: patch features"
    _figure = staticmethod(figure_parts)
    _beyond = "another image or patch to compare with, other components or groups, classes to teach"

    def __init__(
        self,
        trace: Any,
        image: int = 0,
        caption: str = "",
        *,
        method: Method = "prototypes",
        readout: PatchRule = "share",
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        self._source = source = source_of(trace)
        self._n_images, self._n_tokens = source.n_images, source.layout.n_tokens
        self._method = method
        self._kept = frozenset(int(token) for token in source.tokens)
        self._state_names = list(source.state_names)
        self._pictures = source.pictures
        self.state = len(self._state_names) - 1
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._set(self._of_pictures(source, self._pictures, caption))
        start = {"image": image, "basis": source.basis, **choices}
        self._set(start)  # refused before anything more is computed
        self._teaching = source.teaching(method, readout)
        for fill in (
            self._fill_picture,
            self._fill_components,
            self._fill_similar,
            self._fill_taught,
        ):
            fill()
        super().__init__(**of_widgets)
        self._follow("image", self._fill_picture, lambda: self._picture_of)
        self._follow("basis", self._fill_components, lambda: self._components_of)
        self._follow_groups()
        self._follow("token", self._fill_similar, self._pinned_before)
        self._follow("examples_from", self._fill_taught, lambda: self._taught_from)

    def _of_pictures(
        self, source: FeatureSourceLike, pictures: np.ndarray, caption: str
    ) -> dict[str, Any]:
        """Names and sizes, as JSON, and the pictures, small."""
        grid, small = source.layout, thumbs(pictures, data.THUMB)
        meta = {
            "model_name": source.model_name,
            "state_names": self._state_names,
            "prefix": list(grid.prefix),
            "tokens": sorted(self._kept),
            "rows": grid.rows,
            "cols": grid.cols,
            "height": pictures.shape[1],
            "width": pictures.shape[2],
            "thumb": list(small.shape[1:3]),
            "n_images": source.n_images,
            "caption": caption,
            "has_classifier": source.has_classifier,
            "method": self._method,
        }
        return {"_thumbs": pack.uint8(small), "_meta": meta}

    def show(self, image: Any) -> None:
        """Adds an image after the others, and shows it; what is pinned and taught stays.

        Args:
            image: A path, web address, PIL image, array or tensor, or a scene of `vl.world`.

        Raises:
            UsageError: It cannot be read, or the trace was edited; what was there stays.

        Example:
            >>> features.show("dog.jpg")
        """
        self._show_picture(picture_of(image)[0])

    def _show_picture(self, picture: Any) -> None:
        """Computes everything, then swaps everything: an error or interrupt leaves what was."""
        source = self._source.with_image(picture)
        pictures, features = source.pictures, source.features(self.basis == "image")
        teaching = self._teaching.on(source.features(False))
        packed = self._of_pictures(source, pictures, self._meta["caption"])
        packed |= data.components(features) | data.NO_GROUPS | self._grouped(features)
        if self._similar_of:
            packed |= data.similarity(features.similarity(*self._similar_of), *self._similar_of)
        packed |= self._taught(teaching, features)
        with self.hold_sync():
            self._source, self._teaching = source, teaching
            self._pictures, self._n_images = pictures, source.n_images
            self._set({**packed, "error": ""})
            self.image = source.n_images - 1

    @answers_browser
    def _open(self, message: dict[str, Any], buffers: Buffers) -> Reply:
        from vitlens_widgets.data.images import image_from_bytes

        content, name = bytes(buffers[0]), message.get("name", "")
        return done(lambda: self._show_picture(image_from_bytes(content, name)))

    def _follow(self, choice: str, fill: Callable[[], None], before: Callable[[], Any]) -> None:
        """Lets what depends on a choice follow it; where it cannot, the choice goes back."""

        def follow(_change: Any) -> None:
            try:
                with self.hold_sync():  # all arrays and what they are of arrive together
                    fill()
            except BaseException as error:
                setattr(self, choice, before())
                self._fail(error, f"The {choice} could not be shown", LAST)

        self.observe(follow, choice)

    @traitlets.validate("token")
    def _pin_here(self, proposal: dict[str, Any]) -> int | None:
        """The token that is pinned in another image, given anew: no change tells of it."""
        token = proposal["value"]
        if self._similar_of and self._similar_of[1] == token and token == self.token:
            self._fill_similar()
        return token

    def _pinned_before(self) -> int | None:
        return self._similar_of[1] if self._similar_of else None

    def _fill_picture(self) -> None:
        if self._picture_of != self.image:
            self._set(
                {"_picture": pack.uint8(self._pictures[self.image]), "_picture_of": self.image}
            )

    def _fill_components(self) -> None:
        if self._components_of != self.basis:
            features = self._source.features(self.basis == "image")
            found = data.components(features) | self._grouped(features)
            self._set(found | {"_components_of": self.basis})

    def _fill_similar(self) -> None:
        token = self.token
        if token is None:
            self._set(data.NO_SIMILARITY)
        elif [self.image, token] != self._similar_of:
            found = self._source.features(self.basis == "image").similarity(self.image, token)
            self._set(data.similarity(found, self.image, token))

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its states, tokens and images."""
        source = self._source
        place = TokenMeaning(
            source.layout, tuple(sorted(self._kept)), lambda: list(self._pictures), self.image
        )
        return {
            "state": Depth(len(self._state_names) - 1),
            "token": place,
            "image": OfBatch(self._n_images),
        }

    def __repr__(self) -> str:
        shown = self._in_words()
        n = len(self._teaching.taught)
        taught = f", {n} class{'es' * (n > 1)} taught" if n else ""
        return f"PatchFeatures({self._meta['model_name']}{taught}, {shown})"


def teach(vit: AnyModel | Trace, images: Any = None, **choices: Any) -> PatchFeatures:
    """Classes taught by clicking on patches: `PatchFeatures` in the mode "teach".

    Args:
        vit: The model, from `vl.load`, or what that takes: a name, a path, a module; or a trace.
        images: One image or several, as `vit.trace` takes them; none beside a trace.
        **choices: As `PatchFeatures`.

    Raises:
        UsageError: No images, or those of a trace and others, or as `vit.trace` and
            `PatchFeatures`.

    Example:
        >>> taught = vl.teach("vit_small_patch14_dinov2", "astronaut.jpg")
        >>> taught.classifier.save("suits.safetensors")  # after a few clicks
        >>> twin = taught.vit  # answers with the classes, for every lens and experiment
    """
    chosen: dict[str, Any] = {"mode": "teach"} | choices
    if is_trace(vit) == (images is not None):
        raise UsageError(
            "vl.teach takes a model and images, such as vl.teach(vit, images), or the trace of "
            f"some, vl.teach(trace); {'both' if is_trace(vit) else 'no images'} were given."
        )
    trace: Any = vit if is_trace(vit) else vit_of(vit, "vl.teach").trace(images)
    return PatchFeatures(trace, **chosen)
