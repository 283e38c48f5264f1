"""Whether what moves a lens moves the model, and in the same direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.given_lenses import lenses_of, number_to_fit
from vitlens_widgets.analysis.lens_causality.basis import (
    CausalBasis,
    Influence,
    causal_basis,
    principal,
    random_directions,
)
from vitlens_widgets.analysis.lens_causality.changes import answer_of, moved
from vitlens_widgets.analysis.lens_causality.erasing import (
    How,
    donors,
    erased,
    read_tokens,
)
from vitlens_widgets.analysis.lens_causality.known import KnownStates
from vitlens_widgets.analysis.lens_causality.result import (
    CAUSAL,
    PRINCIPAL,
    RANDOM,
    LensCausality,
    key_of,
)
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError, check_choice, check_count, check_seed
from vitlens_widgets.lenses import Lens
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.edits import Replace
from vitlens_widgets.trace.sites import check_index

_N_TRAIN = 64


@over_data(LensCausality)
def lens_causality(  # noqa: D417  # the one loop adds what it takes
    vit: ViT,
    train: Dataset,
    data: Dataset,
    *,
    lenses: Mapping[str, Lens] | Sequence[Lens] | Lens = (),
    states: Sequence[int] | int | None = None,
    n_directions: int = 6,
    n_train: int | None = None,
    how: How = "resample",
    seed: int = 0,
    n_images: int | None = None,
    batch_size: int = 16,
) -> Measures[LensCausality]:
    """Whether the directions of a state that a lens reads are those that the model uses.

    That a lens says early what the model says at the end does not show that it reads what the
    model goes on with. So for each lens and state the directions are found whose erasure changes
    the lens's answer most, over images of `train`. On other images each of them is changed in the
    model itself, in the tokens that its readout reads, and the model runs on from there. Measured
    are by how much the lens's answer and the model's move, and whether they move in one direction.
    Two kinds of direction stand beside those of the lens, for what is had for nothing: the main
    components of the state, which vary most, and random ones.

    With `executor=`, workers run the images of both sets. The search for directions asks for the
    states of all images of `train` at once, again and again, and is done by this process.

    Args:
        vit: The model.
        train: Images to find the directions with; their classes play no part.
        data: Other images, to measure them on; their classes play no part.
        lenses: Beside the logit lens, which always comes first: a lens of this model, several, or
            several by names of one's own.
        states: Of 0 to L - 1, before a block; None for 1 to L - 1.
        n_directions: How many of each kind.
        n_train: How many images of `train`; None for 64, or all where it has fewer.
        how: What stands along a direction afterwards: `"resample"`: what an image of `train` has
            there, drawn for each image; `"mean"`: their mean. It is done alike to what the lens
            reads and to the model.
        seed: Of the random directions.

    Raises:
        UsageError: A lens of another model or that cannot be saved, a state that there is not or
            before which no block comes, no two images to find directions with, images that both
            sets have, or what `run` refuses.

    Source:
        Belrose et al. (2023), "Eliciting latent predictions from transformers with the tuned
        lens", on causal fidelity: causal basis extraction by mean ablation, resampling ablation of
        the model, stimulus-response alignment in weighted Aitchison geometry. Theirs are of all
        tokens; here tokens that the readout reads are changed, and one image's take those of
        another at the same place.

    Example:
        >>> tuned = vl.TunedLens.load("toy/p32", vit)
        >>> train, test = vl.world.Scenes(seed=20_000), vl.world.Scenes(seed=30_000)
        >>> found = vl.analysis.lens_causality(vit, train, test, lenses=tuned, n_images=64)
        >>> found.table(), found.figure("alignment"), found.directions()
    """
    named = lenses_of(vit, lenses)
    apart = "Directions are measured on other images than they were found with"
    n_train = number_to_fit(train, n_train, _N_TRAIN, data, n_images, apart)
    places = _places(vit, states)
    settings: dict[str, Any] = {
        "lenses": {name: SavedLens.of(lens).identity for name, lens in named.items()},
        "train": dict(train.identity),
        "states": places,
        "n_directions": check_count("n_directions=", n_directions, 1, vit.width),
        "n_train": n_train,
        "how": check_choice("how=", how, ("resample", "mean")),
        "seed": check_seed(seed),
    }
    return _CausalityMeasure(vit, named, train, batch_size, settings)


class _Directions(NamedTuple):
    """What is found with the first set of images, and asked for by every batch of the other."""

    tokens: Mapping[int, Tensor]
    """Those of each state that are changed, `[image, token, d]`."""
    shared: Mapping[int, Mapping[str, Tensor]]
    """Directions that no lens has chosen, by state and kind."""
    bases: Mapping[tuple[str, int], CausalBasis]
    """Those of each lens and state."""


class _CausalityMeasure(Measures[LensCausality]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name: ClassVar[str] = "lens_causality"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at

    def __init__(
        self,
        vit: ViT,
        lenses: Mapping[str, Lens],
        train: Dataset,
        batch_size: int,
        settings: dict[str, Any],
    ) -> None:
        self._vit, self._lenses, self._train = vit, lenses, train
        self._batch_size = check_count("batch_size", batch_size, least=1)
        self.settings = settings
        self._n, self._how = settings["n_directions"], settings["how"]
        self._places: list[int] = settings["states"]
        self._where = read_tokens(vit)
        self._executor: Any = None

    def prepare(self, executor: Any) -> None:
        """Find directions once, and not in each worker."""
        self._executor = executor
        _ = self._found
        self._executor = None

    def __getstate__(self) -> dict[str, Any]:
        """Sent to workers with what was found, and not with what it was found in."""
        return {**vars(self), "_train": None}

    @cached_property
    def _found(self) -> _Directions:
        """Found when first asked for, so that a finished run needs none of it."""
        n_train, seed = self.settings["n_train"], self.settings["seed"]
        how = (n_train, self._places, self._batch_size, self._executor)
        known = KnownStates(self._vit, self._train, *how)
        return _Directions(
            {k: known.tokens(k).clone() for k in self._places},
            {k: self._apart(known.tokens(k), k, seed) for k in self._places},
            self._extracted(known),
        )

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to each measure of each lens and kind of direction."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        chosen = donors(batch.examples, self.settings["n_train"])
        found: dict[str, list[np.ndarray]] = {}
        for k in self._places:
            known = self._found.tokens[k]
            instead = known[chosen] if self._how == "resample" else known.mean((0, 1))
            for key, values in self._at(trace, k, instead).items():
                found.setdefault(key, []).append(values)
        return _tallies({key: np.stack(of, 1) for key, of in found.items()})

    def result(self, done: Totals) -> LensCausality:
        """What it all says."""
        return LensCausality(
            title=done.title,
            state_names=[self._vit.state_names[k] for k in self._places],
            lenses=list(self._lenses),
            how=str(self._how),
            n_train=self.settings["n_train"],
            n_images=done.n_images,
            values={key: spread(of) for key, of in done.tallies.items()},
        )

    def _at(self, trace: Trace, k: int, instead: Tensor) -> dict[str, np.ndarray]:
        """Each measure at one state, `[image, direction]`."""
        tokens = trace.states[k][:, self._where]
        shared = {
            kind: [(v, self._run(trace, k, erased(tokens, instead, v))) for v in directions]
            for kind, directions in self._found.shared[k].items()
        }
        found: dict[str, np.ndarray] = {}
        for name, lens in self._lenses.items():
            answer = answer_of(lens, k, trace.states[k], trace.states[-1], self._where)
            own = [
                (v, self._run(trace, k, erased(tokens, instead, v)))
                for v in self._found.bases[name, k].directions
            ]
            for kind, runs in ({CAUSAL: own} | shared).items():
                after = [answer(erased(tokens, instead, v)) for v, _ in runs]
                both = (answer(tokens), after, [response for _, response in runs])
                for measure, values in moved(trace, *both).items():
                    found[key_of(measure, name, kind)] = values
        return found

    @clean
    def _run(self, trace: Trace, k: int, tokens: Tensor) -> Tensor:
        """The model's logits with other tokens in state k."""
        with torch.no_grad():
            edit = Replace("resid_pre", k, tokens, token=self._where)
            logits = trace.rerun([edit]).logits
        assert logits is not None  # noqa: S101  # a lens has a classifier
        return logits

    def _apart(self, tokens: Tensor, k: int, seed: int) -> dict[str, Tensor]:
        """Directions that no lens has chosen, by kind."""
        flat = tokens.flatten(0, 1)
        drawn = random_directions(self._n, self._vit.width, seed, k).to(flat)
        return {PRINCIPAL: principal(flat - flat.mean(0), self._n), RANDOM: drawn}

    def _extracted(self, known: KnownStates) -> dict[tuple[str, int], CausalBasis]:
        """The directions of each lens and state."""
        found: dict[tuple[str, int], CausalBasis] = {}
        with progress_bar(len(self._lenses) * len(self._places), "causal directions") as bar:
            for name, lens in self._lenses.items():
                for k in self._places:
                    answer = answer_of(lens, k, known.states[k], known.final, known.where)
                    influence = Influence(answer, known.tokens(k), self._vit.probabilities)
                    found[name, k] = causal_basis(influence, self._n)
                    bar.update()
        return found


def _tallies(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of each direction; of each image's mean over directions; and of what the lens's have more.

    Args:
        values: By key, `[image, state, direction]`.
    """
    found = {key: tally(of) for key, of in values.items()}
    means = {key: _mean(of) for key, of in values.items()}
    found |= {f"{key}\nmean": tally(of) for key, of in means.items()}
    for key, of in means.items():
        measure, name, kind = key.split("\n")
        if kind == CAUSAL:
            for other in (PRINCIPAL, RANDOM):
                more = of - means[key_of(measure, name, other)]
                found[f"{key}\nmore than {other}"] = tally(more)
    return found


def _mean(values: np.ndarray) -> np.ndarray:
    """Over directions; NaN where none has a value."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0).sum(-1) / there.sum(-1)


def _places(vit: ViT, states: Sequence[int] | int | None) -> list[int]:
    """Which states, in their order.

    Raises:
        UsageError: There are none, or none such.
    """
    given = range(1, vit.n_layers) if states is None else states
    listed = [given] if isinstance(given, int) else list(given)
    if not listed:
        raise UsageError(f"No state of {vit.name} is left to change: give states=0.")
    return sorted({check_index("state", one, vit.n_layers) for one in listed})
