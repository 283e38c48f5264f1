"""How near lenses are to what the model says at the end, over a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.given_lenses import named_lenses, warn_of_known_images
from vitlens_widgets.analysis.lens_agreement.result import QUANTITIES, LensAgreement
from vitlens_widgets.analysis.over_images import OverImages, share_of_images
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.examples import UNKNOWN, matched
from vitlens_widgets.errors import UsageError, warn
from vitlens_widgets.lenses import Lens, Reading
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.lenses.statistics import kl_divergence
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.example_batches import check_data, how_many

_SAME, _KNOWN = "same", "known"


@over_data(LensAgreement)
def lens_agreement(  # noqa: D417  # the one loop adds what it takes
    vit: ViT,
    data: Dataset,
    *,
    lenses: Mapping[str, Lens] | Sequence[Lens] | Lens = (),
    n_images: int | None = None,
) -> Measures[LensAgreement]:
    """How near the answers of lenses are to the model's final one, state by state.

    A lens that is fitted might learn the task, and not what the model makes of it. So beside the
    KL divergence from the model's final answer and the agreement with it, there are those of a
    lens fitted to a model with random weights, if one is given (that shows how much of both is had
    for nothing), and what lenses say of the images that the model gets wrong: agreement with the
    truth less agreement with the model. A lens that follows the model comes to -1 there, as the
    model is itself; one that says neither is at 0, and one above 0 knows better than the model.
    Several fits of one lens, of other seeds or images, show by `same_answers` how far it depends
    on them.

    Args:
        vit: The model.
        data: Images; other ones than lenses were fitted to. A lens that was fitted to some of these
            very images is warned of, as far as data sets tell. Where nobody knows their classes, or
            the model has others, the agreement with the truth alone is not measured.
        lenses: Beside the logit lens, which always comes first: a lens, several, or several by
            names of one's own, `{"tuned, seed 1": ..., "random weights": ...}`. One of another
            model, such as `vl.untrained(vit)`, is measured against that model's own answers.

    Raises:
        UsageError: Something that is no lens, two of the same name, one that cannot be saved, one
            of a model with other classes, image size, depth or preprocessing; or what `run`
            refuses.

    Source:
        Belrose et al. (2023), "Eliciting latent predictions from transformers with the tuned
        lens", section 3, for the divergence; the images that the model gets wrong, after
        its test of causal fidelity, where a lens must not do what the model does not.

    Example:
        >>> tuned = vl.TunedLens.load("toy/p32", vit)
        >>> test = vl.world.Scenes(seed=10_000)  # it was fitted to seeds 17 to 2316
        >>> found = vl.analysis.lens_agreement(vit, test, lenses=tuned, n_images=300)
        >>> found.table(), found.figure(), found.figure("truth_minus_model")
    """
    named = named_lenses(vit, lenses)
    check_data(data, needs_masks=False)
    n_images = how_many(data, n_images)
    for name, lens in named.items():
        warn_of_known_images(name, lens, data, n_images)
    return _AgreementMeasure(vit, data, named)


def lens_agreement_of(
    vit: ViT, data: Dataset, lenses: Mapping[str, Lens]
) -> Measures[LensAgreement]:
    """As `lens_agreement`, of lenses that are known to be fitted to other images."""
    return _AgreementMeasure(vit, data, named_lenses(vit, lenses))


class _AgreementMeasure(Measures[LensAgreement]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "lens_agreement"
    own_labels = True  # whoever lacks a class is not refused: that counts for the truth alone

    def __init__(self, vit: ViT, data: Dataset, lenses: dict[str, Lens]) -> None:
        self._vit, self._lenses = vit, lenses
        self._to_model, self._why_not = _model_classes(vit, data)
        own = {name: SavedLens.of(lens).identity for name, lens in lenses.items()}
        self.settings = {"lenses": own}
        of_model = [name for name, lens in lenses.items() if lens.vit.model is vit.model]
        self._pairs = list(combinations(of_model, 2))

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the measures of each lens, and to which answers are the same."""
        traces: dict[int, Trace] = {}
        classes = self._known(batch.classes)
        found = {_KNOWN: (classes != UNKNOWN).sum()[None].numpy()}
        best: dict[str, np.ndarray] = {}
        for name, lens in self._lenses.items():
            model = id(lens.vit.model)
            if model not in traces:
                traces[model] = lens.vit.trace(batch.pixels, preprocessed=True)
            measures, best[name] = _measured(lens.read(traces[model]), classes)
            found |= {f"{measure} {name}": tally(of) for measure, of in measures.items()}
        for one, other in self._pairs:
            same = (best[one] == best[other]).astype(float)
            found[f"{_SAME} {one}\n{other}"] = tally(same)
        return found

    def _known(self, classes: Tensor) -> Tensor:
        """The model's classes for the data set's; -1 where nobody knows, or the model has none."""
        if self._why_not and (classes != UNKNOWN).any():
            warn(f"Agreement with the truth is not measured. {self._why_not}")
            self._why_not = ""
        return self._to_model[classes]

    def result(self, done: Totals) -> LensAgreement:
        """What it all says."""
        values: dict[str, dict[str, OverImages]] = {}
        for name in self._lenses:
            for measure in QUANTITIES:
                of = spread(done.tallies[f"{measure} {name}"])
                is_share = measure == "agreement"
                values.setdefault(measure, {})[name] = share_of_images(of) if is_share else of
        same = {
            pair: share_of_images(spread(done.tallies[f"{_SAME} {pair[0]}\n{pair[1]}"]))
            for pair in self._pairs
        }
        return LensAgreement(
            title=done.title,
            state_names=self._vit.state_names,
            n_images=done.n_images,
            n_known=int(done.tallies[_KNOWN][0]),
            values=values,
            same=same,
        )


def _model_classes(vit: ViT, data: Dataset) -> tuple[Tensor, str]:
    """The model's class for each of a data set's, and -1 at the end, where -1 is looked up.

    Where the model lacks one, all are -1; then also why.
    """
    try:
        return torch.tensor([*matched(data.labels, vit.labels), UNKNOWN]), ""
    except UsageError as error:
        return torch.full((len(data.labels) + 1,), UNKNOWN), str(error)


@clean
def _measured(reading: Reading, classes: Tensor) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Each measure, `[image, state]`, and the readout's answers, likewise."""
    vit, trace = reading.trace.vit, reading.trace
    assert trace.logits is not None  # noqa: S101  # a lens has a classifier
    with torch.no_grad():
        answer = trace.logits.float().cpu()
        tokens = vit.adapter.token_logits(trace.states[-1]).float().cpu()[:, vit.layout.patches]
    wrong = (answer.argmax(-1) != classes) & (classes != UNKNOWN)
    columns: list[dict[str, Tensor]] = []
    for k in range(reading.n_states):
        readout, patches = reading.readout.logits(k), reading.logits(k)[:, vit.layout.patches]
        best = readout.argmax(-1)
        leaning = (best == classes).double() - (best == answer.argmax(-1)).double()
        same = (patches.argmax(-1) == tokens.argmax(-1)).double().mean(-1)
        columns.append(
            {
                "kl": kl_divergence(answer, readout, vit.probabilities),
                "agreement": (best == answer.argmax(-1)).double(),
                "patch_kl": kl_divergence(tokens, patches, vit.probabilities).mean(-1),
                "patch_agreement": same,
                "truth_minus_model": torch.where(wrong, leaning, torch.nan),
                "best": best,
            }
        )
    stacked = {name: torch.stack([of[name] for of in columns], 1).numpy() for name in columns[0]}
    best = stacked.pop("best")
    return stacked, best
