"""The groups of like patches in a PatchFeatures: found when they are asked for."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.widgets.patch_features import data
from vitlens_widgets.widgets.patch_features.seam import FeaturesLike, FeatureSourceLike
from vitlens_widgets.widgets.patch_features.traits import FeatureTraits

LAST = "what is shown is what was there before"


class GroupsPatches(FeatureTraits):
    """What of a PatchFeatures is about its groups; see there."""

    _source: FeatureSourceLike
    _grouped_by: tuple[str, int, int]

    def _grouped(self, features: FeaturesLike) -> dict[str, Any]:
        """The groups as traits; none where they are not shown."""
        if self.colours != "groups":
            return {}
        return data.groups(features, self.n_groups, self.seed, self.basis)

    def _fill_groups(self) -> None:
        if self._groups_of != [self.n_groups, self.seed, self.basis]:
            self._set(self._grouped(self._source.features(self.basis == "image")))
        self._grouped_by = (self.colours, self.n_groups, self.seed)

    def _follow_groups(self) -> None:
        """Lets the groups follow what they are of; where they cannot, all of it goes back."""
        self._grouped_by = (self.colours, self.n_groups, self.seed)

        def follow(_change: Any) -> None:
            try:
                with self.hold_sync():
                    self._fill_groups()
            except BaseException as error:
                with self.hold_trait_notifications():  # else the first of them would be followed
                    self.colours, self.n_groups, self.seed = self._grouped_by
                self._fail(error, "The groups could not be shown", LAST)

        self.observe(follow, ["colours", "n_groups", "seed"])
