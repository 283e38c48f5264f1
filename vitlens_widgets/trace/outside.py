"""Whether what stands around the blocks, embedding, final norm and classifier, is as in the run."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.modules import hooks_on, parts_of
from vitlens_widgets.trace.rounding import tolerance_of


@dataclass(frozen=True)
class Outside:
    """The hooks around a run's blocks, and what was read of its last state with them.

    A hook that comes or goes there leaves the weights as they are, and all that is computed again
    from the last state another. So as soon as others are there, the last state is read anew.

    Args:
        hooks: Those on modules outside the blocks in the run; None where its images had not the
            same.
        answer: The logits, or what is pooled without a classifier, `[image, class or feature]`.
        normed: A number of each token of the last state through the final norm, `[image, token]`:
            the answer may depend on some of them alone, a lens reads all.
    """

    hooks: tuple[int, ...] | None
    answer: Tensor
    normed: Tensor
    _seen: set[tuple[int, ...]] = field(default_factory=set[tuple[int, ...]])

    @classmethod
    @clean
    def of(cls, vit: BaseViT, last: Tensor, logits: Tensor | None) -> Outside:
        """That of a run that is just over.

        Args:
            vit: The model.
            last: The run's last state, `[image, token, d]`.
            logits: Its answer, `[image, class]`; None without a classifier.
        """
        with torch.no_grad():
            last = last.detach()
            answer = _answer(vit, last) if logits is None else logits.detach()
            return cls(_hooks(vit), answer, _normed(vit, last))

    def of_images(self, which: slice | list[int]) -> Outside:
        """Of some images of the run alone."""
        return Outside(self.hooks, self.answer[which], self.normed[which])

    def beside(self, other: Outside) -> Outside:
        """Of the images of two runs together."""
        hooks = self.hooks if self.hooks == other.hooks else None
        answer = torch.cat([self.answer, other.answer])
        return Outside(hooks, answer, torch.cat([self.normed, other.normed]))

    @clean
    def check(self, vit: BaseViT, last: Tensor, what: str) -> None:
        """Refuse to go on where the last state is read otherwise; once for each set of hooks.

        Args:
            vit: The model.
            last: The run's last state, `[image, token, d]`.
            what: What the trace is asked for, as for `SeenWeights.check`.

        Raises:
            UsageError: It is.
        """
        hooks = _hooks(vit)
        if hooks == self.hooks or hooks in self._seen:
            return
        with torch.no_grad():
            last = last.detach()
            found = (_answer(vit, last), self.answer), (_normed(vit, last), self.normed)
        if not all(_is_same(new, old) for new, old in found):
            raise UsageError(
                f"A hook outside the blocks of {vit.name} was put on or taken off since this "
                f"trace and changes what its last state answers, so that it cannot be {what}; "
                "trace again."
            )
        self._seen.add(hooks)

    def check_hooks(self, vit: BaseViT, what: str) -> None:
        """Refuse other hooks than in the run, where nothing tells whether they do harm.

        Args:
            vit: The model.
            what: What cannot be told then, to end the sentence.

        Raises:
            UsageError: A hook was put on or taken off.
        """
        if _hooks(vit) != self.hooks:
            raise UsageError(
                f"A hook outside the blocks of {vit.name} was put on or taken off since this "
                f"trace, so that {what} cannot be told; trace again."
            )


def _hooks(vit: BaseViT) -> tuple[int, ...]:
    return hooks_on(parts_of(vit.model, without=vit.adapter.blocks))


def _answer(vit: BaseViT, last: Tensor) -> Tensor:
    adapter = vit.adapter
    read = adapter.readout_logits if adapter.has_classifier else adapter.readout_features
    return read(last)


def _normed(vit: BaseViT, last: Tensor) -> Tensor:
    """Each token's final norm, weighed so that hardly any change of it leaves the sum."""
    normed = vit.adapter.normed(last)
    fine = normed.to(torch.promote_types(normed.dtype, torch.float32))
    return fine @ torch.arange(fine.shape[-1], device=fine.device).to(fine).cos()


def _is_same(new: Tensor, old: Tensor) -> bool:
    if new.shape != old.shape:
        return False
    return bool((new - old).abs().max() <= tolerance_of(old.dtype) * old.abs().max())
