"""What a feature adds to an answer by itself, token by token of one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.attribution.rows import Class, asked_of, targets_of
from vitlens_widgets.analysis.checks import check_trace, logits_of, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.features.feature import STREAM, FeatureSet
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.feature_edit import Latents
from vitlens_widgets.trace.frozen_branch import ADDED, branch
from vitlens_widgets.trace.frozen_readout import FrozenReadout, frozen_readout
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class DirectEffect(Result):
    """What `direct_effect` found.

    Attributes:
        title: The model, the image, the feature and what is asked.
        asked: What is asked of the logits: a class, or one less another.
        tokens: The tokens of the run, as indices of the layout, int64 `[token]`.
        activation: How much the feature fires at each, float32 `[token]`.
        adds: What it adds to the answer there, float64 `[token]`; 0 where the readout reads
            nothing.
        layout: Of the whole sequence.
    """

    title: str
    asked: str
    tokens: np.ndarray = field(repr=False)
    activation: np.ndarray = field(repr=False)
    adds: np.ndarray = field(repr=False)
    layout: TokenLayout = field(repr=False)

    @property
    def total(self) -> float:
        """What the feature adds at all tokens together."""
        return float(self.adds.sum())

    @property
    def map(self) -> np.ndarray:
        """What it adds at each patch, float64 `[row, col]`; NaN where a patch was dropped."""
        found = np.full(self.layout.n_tokens, np.nan)
        found[self.tokens] = self.adds
        return found[self.layout.n_prefix :].reshape(self.layout.rows, self.layout.cols)

    def table(self) -> DataFrame:
        """A row per token, in the order of the sequence."""
        columns = {
            "token": [self.layout.describe(int(token)) for token in self.tokens],
            "activation": self.activation.tolist(),
            "adds": self.adds.tolist(),
        }
        return frame(columns, self.title)

    def figure(self) -> LayoutDOM:
        """What it adds at each patch."""
        what = self.titled("what a feature adds by itself at each patch")
        return charts.map_of_patches(what, f"logit of {self.asked}", self.map)

    def summary(self) -> str:
        """What it adds in all, and where most."""
        most = int(np.abs(self.adds).argmax())
        return (
            f"{self.title}\nadds {self.total:+.4g} to the logit of {self.asked} by itself, of it "
            f"{self.adds[most]:+.4g} at {self.layout.describe(int(self.tokens[most]))}"
        )


@experiment("trace", part="features")
def direct_effect(
    trace: Trace,
    layer: int,
    feature: int,
    sae: Latents | None = None,
    *,
    target: Class | None = None,
    against: Class | None = None,
    image: int = 0,
) -> DirectEffect:
    """What a feature adds to a logit by itself: its activation times what a unit of it adds there.

    Norms keep the scale of this run, and nothing goes through later blocks: of a neuron it is its
    part of `vl.analysis.attribution`. Where the readout is CLS it is what the feature adds at CLS,
    and 0 at patches, which later heads alone bring there (`turned` has all of it).

    Args:
        trace: The run, of a model with a classifier.
        layer: The block.
        feature: Which neuron of its MLP; with `sae`, which latent.
        sae: A sparse autoencoder, of that block.
        target: The class; None for the image's own answer.
        against: A class whose logit is subtracted.
        image: Which image.

    Raises:
        UsageError: No such block, feature, image or class, an autoencoder of another model, or an
            answer that is no sum over what is written to the stream, such as a vote of patches.
        UnsupportedModelError: A site that the block does not have.

    Source: Wang et al. (2022), "Interpretability in the wild", section 3.1, of heads.

    Example:
        >>> vl.analysis.features.direct_effect(trace, 4, 17, target="cat").map
    """
    of = FeatureSet(check_trace(trace).vit, layer, sae)
    index, image = of.check(feature, trace), check_index("image", image, trace.n_images)
    check_classifier(trace.vit)
    name, readout = asked_readout(trace, target, against, image)
    which = torch.tensor([index])
    activation = of.activations(trace, which)[image, :, 0].double().cpu()
    adds = torch.zeros(len(activation), dtype=torch.float64)
    unit = _unit_adds(trace, of, which, readout)[image, :, 0]
    adds[readout.tokens.cpu()] = unit.double().cpu()
    return DirectEffect(
        title=f"{title(trace, [image])}, {of.named(index)}",
        asked=name,
        tokens=trace.tokens.cpu().numpy(),
        activation=activation.float().numpy(),
        adds=(activation * adds).numpy(),
        layout=trace.layout,
    )


def direct_effects(
    trace: Trace, layer: int, readout: FrozenReadout, sae: Latents | None = None, image: int = 0
) -> np.ndarray:
    """What each feature of a block adds to an answer by itself, at all tokens together.

    The total of `direct_effect` of every feature at once, with one matrix product.

    Args:
        trace: The run.
        layer: The block.
        readout: Of what is asked, frozen at that run.
        sae: A sparse autoencoder, of that block, whose latents are meant; None for the neurons.
        image: Which image.

    Returns:
        Float32 `[feature]`.

    Raises:
        UsageError: No such block, or an autoencoder of another model.
        UnsupportedModelError: A site that the block does not have.
    """
    of = FeatureSet(trace.vit, layer, sae)
    every = torch.arange(of.count(trace))
    unit = _unit_adds(trace, of, every, readout)[image]
    fires = of.activations(trace, every)[image, readout.tokens]
    return (fires.float() * unit.float()).sum(0).cpu().numpy()


def asked_readout(
    trace: Trace, target: Class | None, against: Class | None, image: int
) -> tuple[str, FrozenReadout]:
    """What is asked of an image's logits in words, and the readout of that, frozen at the run.

    Args:
        trace: The run, of a model with a classifier.
        target: The class; None for the image's own answer.
        against: A class whose logit is subtracted; None for none.
        image: Which image.
    """
    labels = trace.vit.labels
    targets, names = targets_of(labels, target, logits_of(trace).argmax(-1).cpu())
    asked = asked_of(labels, targets[:1], names[:1], against, center=False)
    weights = torch.einsum("ra,aic->ric", asked.mixing.to(asked.weights), asked.weights)[-1:]
    name = labels[int(targets[0][image])] if target is None else names[0]
    name = name if against is None else f"{name} - {labels[labels.index(against)]}"
    return name, frozen_readout(trace, weights.to(trace.states.device))


@clean
@torch.no_grad()
def _unit_adds(trace: Trace, of: FeatureSet, index: Tensor, readout: FrozenReadout) -> Tensor:
    """What 1 of activation of some adds at each token that is read, `[image, read, index]`."""
    if of.site in STREAM:
        gradient = readout.direction[0]
    elif of.site in ADDED:
        gradient = branch(trace, of.layer, of.site, readout).gradient[0].flatten(2)
    else:
        of.vectors(trace, index)  # refuses the site
        raise AssertionError
    index = index.to(gradient.device)
    if of.sae is None:
        return gradient[..., index]
    return _through_latents(trace, of, index, readout.tokens, gradient)


@clean
def _through_latents(
    trace: Trace, of: FeatureSet, index: Tensor, tokens: Tensor, gradient: Tensor
) -> Tensor:
    """The same of latents, each token by its own scale: what they add is linear in them."""
    assert of.sae is not None  # noqa: S101  # asked of latents alone
    x = trace[of.site, of.layer].detach().flatten(2)
    x = x[:, tokens.to(x.device)].to(of.sae.device, torch.float32)
    with torch.enable_grad():
        latents = x.new_zeros(*x.shape[:2], len(index)).requires_grad_()
        added = of.sae.adds(latents, x, index.to(x.device))
    return torch.autograd.grad(added, latents, gradient.to(added))[0]
