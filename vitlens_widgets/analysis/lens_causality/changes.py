"""What a lens answers to changed tokens, and how that stands to what the model does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.lens_causality.aitchison import alignment
from vitlens_widgets.analysis.lens_causality.erasing import put_in
from vitlens_widgets.analysis.lens_causality.result import MEASURES
from vitlens_widgets.lenses import Lens
from vitlens_widgets.lenses.statistics import kl_divergence
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace


@clean
def answer_of(
    lens: Lens, k: int, states: Tensor, final: Tensor, where: Sequence[int]
) -> Callable[[Tensor], Tensor]:
    """The lens's answer at the readout as a function of the tokens that are changed.

    Where the readout reads prefix tokens alone and the lens shows on these images that patches play
    no part, they are left out of what it is given.

    Args:
        lens: The lens.
        k: Which state.
        states: Of these images, `[image, token, d]`.
        final: Their final states.
        where: The tokens.
    """
    n_short = lens.vit.layout.n_prefix + 1
    if lens.vit.readout.prefix_alone and states.shape[1] > n_short:
        short = partial(_answered, lens, k, states[:, :n_short], final[:, :n_short], where)
        with torch.no_grad():
            whole = _answered(lens, k, states, final, where, states[:, where])
            same = short(states[:, where])
        if torch.allclose(same, whole, rtol=1e-4, atol=1e-4 * float(whole.abs().max())):
            return short
    return partial(_answered, lens, k, states, final, where)


def _answered(
    lens: Lens, k: int, states: Tensor, final: Tensor, where: Sequence[int], tokens: Tensor
) -> Tensor:
    return lens.decode_readout(put_in(states, tokens, where)[None], k, final)[0]


@clean
def moved(
    trace: Trace, before: Tensor, after: Sequence[Tensor], response: Sequence[Tensor]
) -> dict[str, np.ndarray]:
    """Each of `MEASURES`, `[image, direction]`.

    Args:
        trace: The unchanged run.
        before: The lens's answer to it, `[image, class]`.
        after: Its answer after each change.
        response: The model's answer after each change.
    """
    kind = trace.vit.probabilities
    assert trace.logits is not None  # noqa: S101  # a lens has a classifier
    with torch.no_grad():
        answer, before = trace.logits.float(), before.float()
        stimuli = [one.float() - before for one in after]
        responses = [one.float() - answer for one in response]
        columns: dict[str, list[Tensor]] = {name: [] for name in MEASURES}
        for j, (stimulus, change) in enumerate(zip(stimuli, responses, strict=True)):
            own = alignment(stimulus, change, answer, kind)
            other = alignment(stimulus, responses[j - 1], answer, kind)
            row = {
                "lens": kl_divergence(before, after[j].float(), kind) / np.log(2),
                "model": kl_divergence(answer, response[j].float(), kind) / np.log(2),
                "alignment": own.cosine,
                "mismatched": other.cosine if len(stimuli) > 1 else own.cosine * torch.nan,
                "stimulus": own.stimulus,
                "response": own.response,
            }
            for name, values in row.items():
                columns[name].append(values.double().cpu())
    return {name: torch.stack(of, 1).numpy() for name, of in columns.items()}
