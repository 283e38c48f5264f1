"""A readout of a user's classes: what the patches answer, and never CLS, which was not taught."""

from __future__ import annotations

import copy
import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from vitlens_widgets.errors import check_choice
from vitlens_widgets.kinds import is_tuple
from vitlens_widgets.models.adapter import Adapter
from vitlens_widgets.models.classifier import UnitClassifier
from vitlens_widgets.models.cleanup import clean, hooking
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.models.readout import Readout

PatchRule = Literal["share", "mean", "best"]
"""How the patches' answers become the image's; see `ReadsPatches`."""

_NAMES = {
    "share": "share of patches",
    "mean": "mean of patch logits",
    "best": "best patch of each class",
}


class ReadsPatches(Adapter):
    """What is put over an adapter so that a classifier reads normed patches, and they answer.

    A token's logits are the classifier's of the token after the final norm. The image's are, from
    the logits `z[p, c]` of its P patches,

    - `"share"`: `log (1/P) sum_p softmax(z[p])[c]`, so that the softmax of these is the share of
      the patches that answers c, a patch counting by its probability;
    - `"mean"`: `(1/P) sum_p z[p, c]`, which is the classifier of the mean of the unit tokens;
    - `"best"`: `max_p z[p, c]`, the patch most like c, as in multiple-instance learning.

    Where a method asks how the readout weighs tokens (rollouts), `"share"` and `"mean"` weigh all
    patches alike. `"best"` reads another patch for each class, so that it has no such weights, and
    the method refuses it.

    Sources:
        "share" is the sum rule of Kittler et al. (1998), "On combining classifiers", "mean" their
        product rule, "best" the max pooling of Oquab et al. (2015), "Is object localization for
        free?".
    """

    patch_rule: PatchRule
    untaught: Adapter
    """The model's own."""
    classifier: UnitClassifier  # pyright: ignore[reportIncompatibleVariableOverride]  # set once
    """What the user taught."""

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm alone, `[image, token, d]`."""
        return self.untaught.normed(state)

    def token_features(self, state: Tensor) -> Tensor:
        """What the classifier reads of each token: `normed`."""
        return self.normed(state)

    def token_logits(self, state: Tensor) -> Tensor:
        """The classifier on each token, `[image, token, class]`."""
        return self.classifier(self.normed(state))

    def readout_features(self, state: Tensor) -> Tensor:
        """The mean of the patches' unit vectors, `[image, d]`."""
        units = torch.nn.functional.normalize(self.normed(self._patches_alone(state)), dim=-1)
        return units.mean(1)

    def readout_logits(self, state: Tensor) -> Tensor:
        """What the patches answer together, `[image, class]`."""
        logits = self.token_logits(self._patches_alone(state))
        if self.patch_rule == "mean":
            return logits.mean(1)
        if self.patch_rule == "best":
            return logits.amax(1)
        return logits.log_softmax(-1).logsumexp(1) - math.log(logits.shape[1])

    def forward(self, pixels: Tensor) -> Tensor:
        """The patches' answer, `[image, class]`, after a run of the model's own code."""
        return self.readout_logits(self._last_state_of_own_run(pixels))

    def pooled(self, pixels: Tensor) -> Tensor:
        """`readout_features` after a run of the model's own code, `[image, d]`."""
        return self.readout_features(self._last_state_of_own_run(pixels))

    @property
    def n_classes(self) -> int:
        """How many classes were taught."""
        return self.classifier.n_classes

    @property
    def n_features(self) -> int:
        """The width of a token."""
        return self.width

    @property
    def probabilities(self) -> Kind:
        """One class among all that were taught."""
        return "softmax"

    def label_names(self) -> None:
        """None: the user names them."""

    def _patches_alone(self, state: Tensor) -> Tensor:
        return state[:, self.layout().n_prefix :]

    @clean
    def _last_state_of_own_run(self, pixels: Tensor) -> Tensor:
        """What the last block gives while the model runs by its own code, `[image, token, d]`."""
        given: list[Tensor] = []

        def see(_module: object, _args: object, output: Any) -> None:
            given[:] = [output[0] if is_tuple(output) else output]

        with hooking() as hooks:
            hooks.after(self.blocks[-1], see)
            self.untaught.pooled(pixels)
        return given[0]


def reading_patches(adapter: Adapter, classifier: UnitClassifier, rule: PatchRule) -> Adapter:
    """The adapter of the same model with a classifier of its patches.

    Args:
        adapter: The model's own, or one that was taught other classes.
        classifier: Reads tokens after the final norm, `[..., d] -> [..., class]`.
        rule: See `ReadsPatches`.

    Raises:
        UsageError: Another rule.
    """
    check_choice("readout=", rule, get_args(PatchRule))
    own = own_adapter(adapter)
    twin: Any = copy.copy(own)
    twin.__class__ = type(f"Taught{type(own).__name__}", (ReadsPatches, type(own)), {})
    twin.untaught, twin.classifier, twin.patch_rule = own, classifier, rule
    groups = () if rule == "best" else ("patches",)
    twin.readout = Readout(_NAMES[rule], groups, direct=False)
    return twin


def own_adapter(adapter: Adapter) -> Adapter:
    """The adapter as it was before its model was taught classes, if it was."""
    return adapter.untaught if isinstance(adapter, ReadsPatches) else adapter
