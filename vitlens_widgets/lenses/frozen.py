"""`FrozenNormLens`: the logit lens with the final norm's scale frozen, as Prisma does it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.lens import Lens, each_state
from vitlens_widgets.models.cleanup import clean, hooking
from vitlens_widgets.trace import ViT

ToLogits = Callable[[Tensor], Tensor]


class FrozenNormLens(Lens):
    """Each state centred, divided by the *final* state's norm scale at that token, then classified.

    The logit lens gives every state the scale of its own; here all states share the one that the
    final norm really used, so that states add up in logit space and early ones, which are small,
    give small logits. Probabilities of early states are therefore flatter than the logit lens's.

    Args:
        vit: The model, from `vl.load`; its final norm must be a LayerNorm, and what follows it
            linear.
        bias: False, as in Prisma: neither the norm's bias nor the classifier's is added. True adds
            both, so that at the final state the readout's answer is the model's own logits.
        center: False, as in Prisma: logits as the classifier's rows give them. True takes from a
            token's logits their mean over the classes, as TransformerLens does (`center_unembed`),
            so that what all classes share counts for none. Ranks and a softmax are the same either
            way; the probabilities of a model that answers by a sigmoid are not.

    Raises:
        UsageError: No classifier, another kind of final norm, or a classifier that is not linear.

    Source:
        ViT-Prisma (Joseph & Nanda, 2024), notebook "emoji logit lens":
        `accumulated_resid` divided by the cached `ln_final` scale, then `W_H` with the norm's
        weight folded in. Its `fold_layer_norm` takes from `W_H` the mean over the width, which a
        centred state does not notice. Its `from_pretrained` has an argument `center_unembed`, True,
        which reaches no weight: the mean over the classes stays in its logits.
    """

    name = "frozen-norm lens"

    def __init__(self, vit: ViT, bias: bool = False, center: bool = False) -> None:
        super().__init__(vit)
        self.bias = bias
        self.center = center
        self._norm = _final_norm(vit)
        _check_linear(vit, self._norm)

    def transform(self, states: Tensor, first: int, final: Tensor) -> Tensor:  # noqa: ARG002
        """The states as they are: the norm is changed, not they."""
        return states

    def classify(self, to_logits: ToLogits, states: Tensor, final: Tensor) -> Tensor:
        """See `Lens.classify`; the final norm has the final state's scale."""
        scales: list[Tensor] = []
        _through(self._norm, to_logits, final, lambda x: scales.append(_scale(x, self._norm.eps)))
        scale = torch.cat(scales * len(states))  # [state and image, ...], as the states below

        def decoded(norm: Callable[[Tensor], Tensor]) -> Tensor:
            return each_state(lambda state: _through(self._norm, to_logits, state, norm), states)

        logits = decoded(lambda x: self._normed(x, scale))
        if not self.bias:
            logits = logits - decoded(torch.zeros_like)
        return logits - logits.mean(-1, keepdim=True) if self.center else logits

    def _normed(self, x: Tensor, scale: Tensor) -> Tensor:
        """The final norm with a given scale."""
        normed = (x - x.mean(-1, keepdim=True)) / scale
        normed = normed if self._norm.weight is None else normed * self._norm.weight
        return normed + self._norm.bias if self.bias and self._norm.bias is not None else normed


@clean
def _through(
    final: nn.LayerNorm,
    to_logits: ToLogits,
    state: Tensor,
    norm: Callable[[Tensor], Tensor | None],
) -> Tensor:
    """The model's own way from state to logits with another function for its final norm."""
    with hooking() as hooks:
        hooks.after(final, lambda _module, args, _out: norm(args[0]))
        return to_logits(state)


def _scale(x: Tensor, eps: float) -> Tensor:
    return (x.var(-1, unbiased=False, keepdim=True) + eps).sqrt()


@clean
def _final_norm(vit: ViT) -> nn.LayerNorm:
    """The one norm between the last state and the classifier."""
    passed: list[nn.Module] = []

    def passes(module: nn.Module, _args: object, _out: object) -> None:
        passed.append(module)

    leaves = [module for module in vit.model.modules() if not list(module.children())]
    with hooking() as hooks, torch.no_grad():
        for module in leaves:
            hooks.after(module, passes)
        vit.adapter.token_logits(vit.adapter.blank_state(1))
    norms = [module for module in passed if "norm" in type(module).__name__.lower()]
    if len(norms) != 1 or not isinstance(norms[0], nn.LayerNorm):
        found = ", ".join(type(module).__name__ for module in norms) or "none"
        raise UsageError(
            f"The frozen-norm lens needs one LayerNorm between {vit.name}'s last state and its "
            f"classifier; found {found}. The logit lens reads every model."
        )
    return norms[0]


@clean
def _check_linear(vit: ViT, norm: nn.LayerNorm) -> None:
    """Refuse a classifier that is not linear after the norm: parts would not add up."""
    generator = torch.Generator().manual_seed(0)
    blank = vit.adapter.blank_state(1)
    one, other = (torch.randn(blank.shape, generator=generator).to(blank) for _ in range(2))
    answers: list[Tensor] = []
    with torch.no_grad():
        for features in (one, other, one + other, torch.zeros_like(one)):
            through = _through(norm, vit.adapter.token_logits, blank, lambda _, f=features: f)
            answers.append(through.float())
    off = (answers[0] + answers[1] - answers[2] - answers[3]).abs().max()
    if off > 2e-2 * answers[2].abs().max():
        raise UsageError(
            f"The frozen-norm lens needs a linear classifier, and {vit.name}'s is not; the "
            "logit lens reads every model."
        )
