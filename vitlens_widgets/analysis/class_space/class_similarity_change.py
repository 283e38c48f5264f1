"""Class similarity change: which sub-blocks move tokens towards the representation of the class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from vitlens_widgets.analysis.class_space.class_similarity_change_result import (
    ClassSimilarityChange,
    Split,
)
from vitlens_widgets.analysis.class_space.permutation import shuffled_means_p
from vitlens_widgets.analysis.class_space.rules import (
    Rule,
    check_choice,
    check_rule,
    counted_tokens,
)
from vitlens_widgets.analysis.class_space.sub_blocks import (
    COMPOSITION,
    PLACES,
    SUB_BLOCKS,
    changes_of,
    composition_of,
    read_run,
)
from vitlens_widgets.analysis.class_space.token_labels import (
    MaskRule,
    check_mask_rule,
    class_tokens,
)
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.over_images import OverImages, share_of_images
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, pooled, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.trace import ViT


@over_data(ClassSimilarityChange)
def class_similarity_change(
    vit: ViT,
    data: Dataset,
    *,
    rule: Rule = "released",
    mlp_input: Literal["block", "resid_mid"] = "block",
    mask_rule: MaskRule = "top_left",
) -> Measures[ClassSimilarityChange]:
    """Which sub-blocks raise the true class, and where the class that stands first comes from.

    What attention and MLP add to the stream is read like a state (final norm, classifier). The
    *class similarity change rate* is the share of tokens in which the true class's logit is larger
    in what is added than in the sub-block's input. The *residual composition* asks of every token,
    prefix tokens too, where the class that stands first after the block had been first already.

    Args:
        vit: The model. What a post-norm block adds has been normed by the block; without MLPs,
            there is nothing of them.
        data: Images with their classes; with masks, changes are also split by them.
        rule: The authors' code counts whole blocks' rates over all tokens but the first, CLS, and
            so leaves out the first *patch* of a model that has no prefix token ("released"); "text"
            counts every image token. Rates of attention and MLP are of every image token, in their
            code, too; for models with a prefix token both are the same.
        mlp_input: What the MLP's change is measured against: `"block"`, the state before the block,
            as the authors' code does it, or `"resid_mid"`, what the MLP reads.
        mask_rule: How masks become labels of tokens; see `class_and_context`.

    Raises:
        UsageError: What `run` refuses.
        UnsupportedModelError: `mlp_input="resid_mid"` where the model has no such state.

    Source:
        Vilas et al. (2023), section 5, and their code, which leaves out the first block.

    Example:
        >>> found = vl.analysis.class_similarity_change(vit, vl.world.Scenes(), n_images=200)
        >>> found.table(), found.table("composition")
    """
    return _ChangeMeasure(vit, data, rule, mlp_input, mask_rule)


class _ChangeMeasure(Measures[ClassSimilarityChange]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "class similarity change"
    usual: ClassVar = {"rule": "released", "mlp_input": "block", "mask_rule": "top_left"}

    def __init__(
        self, vit: ViT, data: Dataset, rule: Rule, mlp_input: str, mask_rule: MaskRule
    ) -> None:
        self._vit = vit
        self._of_blocks = counted_tokens(vit.layout, check_rule(rule))
        points = vit.adapter.hook_points(0)
        self._sites = [site for site in SUB_BLOCKS if site in points]
        self._middle = check_choice("mlp_input", mlp_input, ("block", "resid_mid")) != "block"
        if self._middle:
            points["resid_mid"]  # refuses a model without one
        self._mask_rule: MaskRule = check_mask_rule(mask_rule)
        self._split = bool(getattr(data, "has_masks", False))
        self.settings = {"rule": rule, "mlp_input": mlp_input, "mask_rule": mask_rule}
        self.settings["split"] = self._split

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to change rates, composition and splits."""
        sites = [*self._sites, *(["resid_mid"] if self._middle else [])]
        states, read = read_run(self._vit, batch, sites)
        before = dict.fromkeys(self._sites, states[:-1])
        if self._middle:
            before["mlp_out"] = read.pop("resid_mid")
        changes = {site: changes_of(before[site], read[site]) for site in self._sites}
        changes["block"] = changes_of(states[:-1], states[1:])
        found = self._rates(changes)
        found |= composition_of(states, {SUB_BLOCKS[site]: read[site] for site in self._sites})
        if self._split:
            on_class = class_tokens(self._vit, batch.masks, self._mask_rule)
            for site in self._sites:
                found |= self._splits(site, changes[site]["tokens"], on_class)
        return found

    def result(self, done: Totals) -> ClassSimilarityChange:
        """What it all says."""
        sums = done.tallies
        sites = [*self._sites, "block"]
        return ClassSimilarityChange(
            title=done.title,
            n_images=done.n_images,
            changes={(s, p): _rate(p, sums[f"change {s} {p}"]) for s in sites for p in PLACES},
            composition={n: spread(sums[f"top {n}"]) for n in COMPOSITION if f"top {n}" in sums},
            splits={site: _split_of(sums, site) for site in self._sites} if self._split else {},
            paper=self._vit.paper,
        )

    def _rates(self, changes: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for site, at in changes.items():
            counted = self._of_blocks if site == "block" else self._vit.layout.patches
            found[f"change {site} tokens"] = tally((at["tokens"][..., counted] > 0).mean(-1))
            found[f"change {site} readout"] = tally(at["readout"] > 0)
        return found

    def _splits(self, site: str, change: np.ndarray, on_class: np.ndarray) -> dict[str, np.ndarray]:
        """Sums by label, and of all tokens together, `[block]`."""
        change = change[..., self._vit.layout.patches].astype(np.float64)
        found = {f"split {site} squares": (change**2).sum(axis=(0, 2))}
        for label, mine in (("class", on_class), ("context", ~on_class)):
            sums = np.where(mine[:, None], change, 0).sum(-1)
            of = np.broadcast_to(mine.sum(-1)[:, None], sums.shape)
            found[f"split {site} {label}"] = tally(sums, of)
        return found


def _rate(place: str, added: np.ndarray) -> OverImages:
    """Of the readout, each image says yes or no; of tokens, each has a share."""
    found = spread(added)
    return share_of_images(found) if place == "readout" else found


def _split_of(sums: Mapping[str, np.ndarray], site: str) -> Split:
    parts = [sums[f"split {site} {label}"] for label in ("class", "context")]
    difference = pooled(parts[0]) - pooled(parts[1])
    n, total = np.stack([part[1] for part in parts]), parts[0][2] + parts[1][2]
    p = shuffled_means_p(n, difference, total, sums[f"split {site} squares"])
    return Split(spread(parts[0]), spread(parts[1]), difference, p)
