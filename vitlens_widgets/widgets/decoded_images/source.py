"""What DecodedImages shows of a lens that paints: pictures and numbers, one image at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.decoded_images.seam import Contributor, Kind, Painted, PaintsLike
from vitlens_widgets.widgets.shared.checks import has_all, refusal
from vitlens_widgets.widgets.shared.recent import Recent
from vitlens_widgets.widgets.shared.seam import LabelsLike

if TYPE_CHECKING:
    from torch import Tensor

    from vitlens_widgets.lenses.pictures.lens import PictureLens
    from vitlens_widgets.lenses.pictures.painted import How
    from vitlens_widgets.trace import Trace, ViT

FACE = ("states", "components", "effects", "attention", "picture", "seeds")
SUCH_AS = "vl.SteeringLens(vit, decoder).read(trace)"
_SEEDS, _STRENGTH = 2, 8.0  # where nobody said


class PaintedSource:
    """A lens that paints, laid on a run.

    Anything with the same methods can be shown.

    Args:
        lens: A `vl.SteeringLens`: states and heads; a `vl.DiffusionLens` or a
            `vl.PatchDecoderLens`: states.
        trace: The run.
        how: Seeds, steps, guidance.
        strength: What contributions are multiplied by.
        mode: `"frozen"` or `"rerun"`.
        judge: Who names pictures; None for the model itself, if it has classes.
    """

    def __init__(
        self,
        lens: PictureLens,
        trace: Trace,
        how: How,
        strength: float,
        mode: Literal["frozen", "rerun"],
        judge: ViT | None,
    ) -> None:
        from vitlens_widgets.lenses.pictures.steered import WrittenBy

        vit = lens.vit
        self._vit = vit
        self._written = WrittenBy(trace)
        self._lens, self._trace, self._how = lens, trace, how
        self._judge = judge if judge is not None else vit if len(vit.labels) else None
        self.model_name = vit.name + (" (edited)" if trace.edits else "")
        self.decoder_name = lens.decoder.name
        self.reads: Literal["readout", "tokens"] = lens.reads
        self.readout_name = vit.adapter.readout.name
        self.state_names = vit.state_names
        self.n_layers, self.n_images = vit.n_layers, trace.n_images
        self.n_heads = vit.n_heads if lens.name == "steering lens" else 0
        self.layout, self.tokens = trace.layout, trace.tokens.cpu().numpy()
        self.size, self.seeds = lens.decoder.size, how.seeds
        self.strength = strength
        self.mode: Literal["frozen", "rerun"] = mode
        self.judge_name = "" if self._judge is None else self._judge.name
        self.labels: LabelsLike = vit.labels if self._judge is None else self._judge.labels
        self._ablation: Any = None
        self._embedded = Recent(self._embedding_of, most=2)
        self._contributions = Recent(self._contribution, most=2)

    def picture(self, image: int) -> np.ndarray:
        """The image as the model saw it, uint8 `[height, width, 3]`."""
        return self._trace.pictures[image]

    def states(self, image: int, states: Sequence[int], seed: int, other: bool = False) -> Painted:
        """Some states, or those of another image of the run, against this image's input."""
        of = self._other(image) if other else image
        return self._painted(self._of_states(of, states), image, seed, states)

    def components(
        self,
        image: int,
        components: Sequence[Contributor],
        seed: int,
        strength: float,
        kind: Kind = "own",
    ) -> Painted:
        """Some components, or what stands in their place, with a strength of infinity alone."""
        import torch

        rows = [self._of_component(image, one, strength, kind) for one in components]
        return self._painted(torch.stack(rows), image, seed)

    def effects(self, image: int, layer: int) -> np.ndarray:
        """1 - cosine of the final embedding with each head of a block switched off, `[head]`."""
        from vitlens_widgets.analysis.decoded.ablation import Ablated, Ablation

        if self._ablation is None:
            self._ablation = Ablation(self._trace)
        runs = [Ablated(image, ((layer, head),)) for head in range(self.n_heads)]
        alike = dict(self._ablation.similarities(runs))
        return np.array([1 - alike[i] for i in range(len(runs))])

    def attention(self, image: int, layer: int) -> np.ndarray:
        """How much what is read attends to each patch, of each head of a block, `[head, patch]`.

        Where several tokens are read, weighted as they are; of a patch that was dropped NaN.
        """
        (pattern,) = self._trace.attention_by_image(layer, images=[image])
        weights = self._vit.adapter.readout_weights(self._trace.states[-1])[image]
        read = (weights.to(pattern)[:, None] * pattern).sum(1).float().cpu().numpy()
        every = np.full((len(read), self.layout.n_tokens), np.nan, np.float32)
        every[:, self.tokens] = read
        return every[:, self.layout.patches]

    def _other(self, image: int) -> int:
        """The image that stands for others: the one before, as `SteeringLens.null` takes it."""
        if self.n_images == 1:
            raise UsageError("There is no other image in the run: trace two or more.")
        return (image - 1) % self.n_images

    def _of_states(self, image: int, states: Sequence[int]) -> Tensor:
        """What is decoded of each, `[state, ...]`."""
        import torch

        from vitlens_widgets.lenses.pictures.lens import readout_of
        from vitlens_widgets.lenses.pictures.patches import whole_states

        of_image = self._trace.states[list(states), image : image + 1]
        if self.reads == "tokens":
            return whole_states(self._trace, of_image)[:, 0]
        return torch.stack([readout_of(self._vit, state)[0] for state in of_image])

    def _of_component(self, image: int, one: Contributor, strength: float, kind: Kind) -> Tensor:
        """What is decoded of it, `[feature]`."""
        from vitlens_widgets.lenses.pictures.lens import readout_of
        from vitlens_widgets.lenses.pictures.steered import Writer, added, steered

        writer, mode = Writer(*one), self.mode
        if kind == "own" and mode == "rerun":
            state = steered(self._trace, writer, strength, mode)
        else:
            state = added(self._trace, writer, self._contributions(one, kind), strength, mode)
        return readout_of(self._vit, state[image : image + 1])[0]

    def _contribution(self, one: Contributor, kind: Kind) -> Tensor:
        """What stands in the place of what a component writes, `[image, token, d]`.

        The numbers of `SteeringLens.null` with the component alone and its place as the seed.
        """
        import torch

        from vitlens_widgets.lenses.pictures.steered import Writer
        from vitlens_widgets.lenses.pictures.steering import as_long

        own = self._written.of(Writer(*one))
        if kind == "other image":
            self._other(0)
            return own.roll(1, 0)
        if kind == "random":
            place = one.layer * (self.n_heads + 1) + (
                self.n_heads if one.head is None else one.head
            )
            return as_long(own, torch.Generator().manual_seed(place))
        return own

    def _painted(
        self, embeddings: Tensor, image: int, seed: int, states: Sequence[int] | None = None
    ) -> Painted:
        """Pictures of `[picture, ...]`, each with its numbers."""
        from vitlens_widgets.lenses.pictures.decoded_pictures import answers_to
        from vitlens_widgets.lenses.pictures.similar import embedded

        self._trace.check_weights("decoded")  # what is read, and compared, is read by them
        told = states if self.reads == "tokens" else None
        how = self._how._replace(seeds=(self.seeds[seed],))
        pictures = np.stack(list(self._lens.stream(embeddings[:, None], how, told)))
        found = embedded(self._vit, pictures)
        n, own = len(pictures), self._embedded(image)
        named, chance = np.full(n, -1), np.full(n, np.nan)
        if self._judge is not None:
            named, chance = answers_to(self._judge, pictures)
        before = np.full(n, np.nan)
        if self.reads == "readout":
            given = embeddings.double().cpu().numpy()
            before = given @ own / np.maximum(np.linalg.norm(given, axis=-1), 1e-30)
        return Painted(pictures, found @ own, before, named, chance)

    def _embedding_of(self, image: int) -> np.ndarray:
        """What the encoder pools of the input, of length 1."""
        from vitlens_widgets.lenses.pictures.similar import embedded

        return embedded(self._vit, self.picture(image))


def source_of(
    given: Any,
    trace: Any,
    judge: Any,
    asked: dict[str, Any],
) -> PaintsLike:
    """What to show of a reading, or of a lens and a trace.

    Args:
        given: A reading, or a lens.
        trace: The run, with a lens.
        judge: Who names pictures.
        asked: What is asked of a lens: `seeds`, `steps`, `guidance`, `strength`, `mode`; None
            where nothing was said.

    Raises:
        UsageError: It is neither, or what does not go with it was given.
    """
    if has_all(given, FACE):
        return given
    if not has_all(given, ("decoder", "stream")):
        given, trace, asked = _of_reading(given, trace, asked)
    return _of_lens(given, trace, judge, asked)


def _of_reading(given: Any, trace: Any, asked: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """The lens, the run, and how it was read."""
    known = getattr(given, "asked", None)
    if not known:
        raise refusal(f"DecodedImages shows what a lens has painted, such as {SUCH_AS}", given)
    said = [name for name, value in asked.items() if value is not None]
    if trace is not None or said:
        raise UsageError(
            "A reading has its own run, seeds and strength. To choose them here, give the lens "
            "itself and the trace: vl.DecodedImages(lens, trace, seeds=4)."
        )
    lens, how = known["lens"], known["how"]
    if lens.name == "steering lens" and "strength" not in known:
        raise UsageError(
            "This reading has what stands in the place of heads; DecodedImages shows that beside "
            f"the heads themselves: give it {SUCH_AS}."
        )
    if known.get("alone") is not None or known.get("tokens", "readout") != "readout":
        raise UsageError(
            "DecodedImages shows what the readout says, or all tokens together; this reading is of "
            "one token: leave out tokens= or alone=."
        )
    names = ("seeds", "steps", "guidance")
    of_how = {name: getattr(how, name) for name in names}
    return lens, known["trace"], of_how | {n: known.get(n) for n in ("strength", "mode")}


def _of_lens(lens: Any, trace: Any, judge: Any, asked: dict[str, Any]) -> PaintedSource:
    from vitlens_widgets.errors import check_choice
    from vitlens_widgets.lenses.lens import check_classifier
    from vitlens_widgets.lenses.pictures.patches import hidden_tokens
    from vitlens_widgets.lenses.pictures.steered import Writer, WrittenBy, check_strength
    from vitlens_widgets.trace.vit import check_vit

    if trace is None:
        raise UsageError(
            f"A {lens.name} needs a run to paint: vl.DecodedImages(lens, vit.trace(images))."
        )
    trace = lens.check(trace)
    seeds = _SEEDS if asked["seeds"] is None else asked["seeds"]
    how = lens.how(seeds, asked["steps"], asked["guidance"])
    if lens.name == "steering lens":
        WrittenBy(trace).of(Writer(0, 0))  # refused here where heads have none of their own
    if lens.reads == "tokens":
        how = how._replace(hidden=hidden_tokens(trace, None))
    strength = _STRENGTH if asked["strength"] is None else asked["strength"]
    strength = check_strength(inf if strength == "alone" else strength)
    mode = "frozen" if asked["mode"] is None else asked["mode"]
    check_choice("mode", mode, ("frozen", "rerun"))
    if judge is not None:
        check_classifier(check_vit(judge, "judge="))
    return PaintedSource(lens, trace, how, strength, cast("Any", mode), judge)
