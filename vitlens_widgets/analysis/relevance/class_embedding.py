"""Relevance in class embedding space: how attending more to a token would move a block's answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from vitlens_widgets.analysis.class_space.rules import Rule, check_choice, check_rule
from vitlens_widgets.analysis.relevance.parts import Parts, check_gradients
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import Kind, log_probabilities, probabilities
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import from_leaf

Of = Literal["cross-entropy", "logit"]
"""What the gradient is taken of."""


@dataclass(frozen=True)
class ClassEmbedding:
    """Gradients of each block's own answer in that block's attention weights.

    A block is asked for its answer: what it makes is read as the model reads its last state (final
    norm, readout, classifier). The relevance of a token in a head is by how much the answer would
    move towards the class if the queries attended more to that token, to first order and with the
    weights taken as free; only the way through this very block counts. Where the readout is CLS,
    only the row of CLS has a gradient; where it is a mean of patches, or pools them by attention,
    the rows of all queries are summed. Blocks and heads are summed to one map.

    Args:
        rule: What is asked. `"released"`: what attention adds to the stream, and the cross-entropy
            is that of `softmax(softmax(logits))`, since the authors' code gives probabilities to
            PyTorch's `CrossEntropyLoss`, which takes logits. `"text"`: the state after the block
            and the cross-entropy of its logits, as the paper's formula has it. (The final norm and
            the classifier's bias, which the formula does not write, are there in both.) Where
            each class is a yes or a no, the cross-entropy is that of its sigmoid.
        of: `"cross-entropy"`, whose decrease is counted, or the class's `"logit"`.

    Raises:
        UsageError: Another word for either.

    Source:
        Vilas et al. (2023), section 7, and their code, of CLS and of ViT-B/32 and B/16 only.
    """

    rule: Rule = "released"
    of: Of = "cross-entropy"

    def __post_init__(self) -> None:
        check_rule(self.rule)
        check_choice("of", self.of, ("cross-entropy", "logit"))

    @property
    def name(self) -> str:
        """`"class_embedding"`, and what is not the default after it."""
        return "_".join(["class_embedding", *self._unusual])

    @property
    def label(self) -> str:
        """`"class embedding"`, and in brackets what is not the default."""
        return "class embedding" + (f" ({', '.join(self._unusual)})" if self._unusual else "")

    @property
    def _unusual(self) -> list[str]:
        return [self.rule] * (self.rule != "released") + [self.of] * (self.of == "logit")

    @property
    def settings(self) -> dict[str, Any]:
        """What its numbers depend on."""
        return asdict(self)

    def __call__(self, trace: Trace, classes: Tensor) -> Parts:
        """The relevance of each token for a class of each image, int64 `[image]`.

        The blocks' answers do not depend on one another's attention here, so that the graph is
        never deeper than one block.

        Raises:
            UsageError: Blocks whose heads can only be read, inference mode, or weights that have
                changed.
        """
        check_gradients(trace, self.name)
        blocks = range(trace.vit.n_layers)
        heads = torch.stack([self._of_block(trace, k, classes) for k in blocks], dim=1)
        return Parts(heads.sum(dim=(1, 2)), heads)

    @clean
    @torch.enable_grad()
    def _of_block(self, trace: Trace, layer: int, classes: Tensor) -> Tensor:
        """`[image, head, token]`, by way of z: it is the weights times the values."""
        site = "attn_out" if self.rule == "released" else "resid_post"
        found = from_leaf(trace, layer, "z", "v", site)
        logits = trace.vit.adapter.readout_logits(found[site]).float()
        towards = self._towards(logits, trace.vit.probabilities).gather(
            1, classes.to(logits.device)[:, None]
        )
        (gradient,) = torch.autograd.grad(towards.sum(), found["z"])
        of_queries, v = gradient.float().sum(1), found["v"].float()
        return torch.einsum("ihc,ithc->iht", of_queries, v).detach().cpu()

    def _towards(self, logits: Tensor, kind: Kind) -> Tensor:
        """What rises with relevance, `[image, class]`."""
        if self.of == "logit":
            return logits
        given = probabilities(logits, kind) if self.rule == "released" else logits
        return log_probabilities(given, kind)
