"""What PatchFeatures sends to the browser and takes from it."""

from __future__ import annotations

from typing import Any

import traitlets

from vitlens_widgets.widgets.patch_features.data import MOST_GROUPS
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.traits import Index, KeptToken, OneOf, State
from vitlens_widgets.widgets.shared.whole import MOST_SEED, Whole


class FeatureTraits(LensWidget):
    """The traits of a PatchFeatures; see there."""

    image = Index[int]("_n_images", "an image of the batch", default_value=0).tag(
        sync=True, choice=True
    )
    state = State("_state_names").tag(sync=True, choice=True)
    token = KeptToken[int | None]("_n_tokens", "a token", allow_none=True, default_value=None).tag(
        sync=True, choice=True
    )
    mode = OneOf("look", "teach").tag(sync=True, choice=True)
    colours = OneOf("components", "foreground", "groups").tag(sync=True, choice=True)
    n_groups = Whole(2, MOST_GROUPS, default_value=6).tag(sync=True, choice=True)
    seed = Whole(0, MOST_SEED, default_value=0).tag(sync=True, choice=True)
    basis = OneOf("batch", "image").tag(sync=True, choice=True)
    similarity = OneOf("image", "flat").tag(sync=True, choice=True)
    examples_from = OneOf("state", "final").tag(sync=True, choice=True)
    tint = OneOf("class", "certainty").tag(sync=True, choice=True)
    names = OneOf("emoji", "none").tag(sync=True, choice=True)

    _meta = traitlets.Dict().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _picture_of = traitlets.Int(-1).tag(sync=True)
    _thumbs = traitlets.Bytes().tag(sync=True)
    _components = traitlets.Bytes().tag(sync=True)
    _foreground = traitlets.Bytes().tag(sync=True)
    _variance = traitlets.Bytes().tag(sync=True)
    _components_of = traitlets.Unicode("").tag(sync=True)
    _groups = traitlets.Bytes().tag(sync=True)
    _groups_of = traitlets.List[Any]().tag(sync=True)
    _similarity = traitlets.Bytes().tag(sync=True)
    _similar_prefix = traitlets.Bytes().tag(sync=True)
    _similar_of = traitlets.List[int]().tag(sync=True)
    _lessons = traitlets.Dict().tag(sync=True)
    _class_map = traitlets.Bytes().tag(sync=True)
    _certainty = traitlets.Bytes().tag(sync=True)
    _held = traitlets.Bytes().tag(sync=True)
    _taught_from = traitlets.Unicode("").tag(sync=True)
