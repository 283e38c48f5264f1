"""DecodedImages: what each state and each head says, as pictures that a decoder paints."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import traitlets

from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.decoded_images.figure import figure_parts
from vitlens_widgets.widgets.decoded_images.seam import PaintsLike
from vitlens_widgets.widgets.decoded_images.single import Singles, described, named_in
from vitlens_widgets.widgets.decoded_images.source import source_of
from vitlens_widgets.widgets.decoded_images.still import draw
from vitlens_widgets.widgets.decoded_images.traits import DecodedTraits
from vitlens_widgets.widgets.decoded_images.work import NUMBERS, WHOLE_OF, PictureWork, sides
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.base import STATIC, LensWidget
from vitlens_widgets.widgets.shared.meanings import Depth, Head, Meaning, OfBatch
from vitlens_widgets.widgets.shared.recent import Recent
from vitlens_widgets.widgets.shared.thumbs import of_batch
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser


class DecodedImages(DecodedTraits):
    """States and heads as pictures: what a decoder paints of what the model's readout would read.

    One table: states from left to right, a row for each seed; under state k the heads of block k,
    each as the final readout with its direct contribution made stronger. Layers run across here,
    and down in AttentionMaps: the states are the axis. The strongest heads by their exact ablation
    effect are painted first, and pictures appear as they are made; Stop ends that, and what is made
    stays. Beside it the chosen head large, at any strength, with what stands for chance: the same
    head's contribution in another image, and a random direction as long. A decoder of tokens has no
    heads: states alone are shown.

    The page asks for one piece after the other, so that the cell ends at once. A saved page has all
    pictures; it is computed before.

    Args:
        reading: What a `vl.SteeringLens` (states and heads), a `vl.DiffusionLens` or a
            `vl.PatchDecoderLens` (states) has read; or such a lens, with a trace.
        trace: With a lens: the run, with its edits. With two images or more one stands for the
            null of the other.
        image: Which image of the trace.
        judge: A classifier that names the pictures, such as `vl.load("toy/p32-taught")`. Default:
            the model itself, if it has classes.
        seeds: With a lens: how many, or which. Default: 2.
        strength: With a lens: what contributions are multiplied by. Default: 8.
        mode: With a lens: `"frozen"` (later contributions stay as they were, the default) or
            `"rerun"`; see `vl.SteeringLens`.
        steps: With a lens: of the decoder; None for its own number.
        guidance: With a lens: likewise.
        caption: A few words to stand beside the title, e.g. what the image shows.
        **choices: The other traits under Attributes.

    Raises:
        UsageError: It is no reading or lens that paints, a lens came without a trace, or a choice
            is out of range or unknown.

    Source:
        Takatsuki, Joseph, Fujisawa & Kanai (2025), "Decoding vision transformers: the diffusion
        steering lens".

    Example:
        >>> lens = vl.SteeringLens(vit, decoder)
        >>> pictures = vl.DecodedImages(lens, vit.trace(images), judge=vl.load("toy/p32-taught"))
        >>> pictures.layer, pictures.head, pictures.strength = 5, 0, 16
    """

    _esm = STATIC / "decoded_images.js"
    _css = STATIC / "decoded_images.css"
    _figure = staticmethod(figure_parts)
    _in_pieces = False  # what is whole is not sent then
    _kind = "States and heads as pictures: decoded images"

    def __init__(
        self,
        reading: Any,
        trace: Any = None,
        image: int = 0,
        judge: Any = None,
        *,
        seeds: Any = None,
        strength: Any = None,
        mode: Any = None,
        steps: int | None = None,
        guidance: float | None = None,
        caption: str = "",
        **choices: Any,
    ) -> None:
        self._refuse_unknown(choices)
        asked = {"seeds": seeds, "steps": steps, "guidance": guidance}
        asked |= {"strength": strength, "mode": mode}
        self._source = source = source_of(reading, trace, judge, asked)
        self._measure(source)
        self._singles = Singles(source)
        self._works = Recent(partial(PictureWork, source))
        self._thumbs, of_thumbs = of_batch(source.n_images, source.picture)
        self._meta = _described(source, caption) | of_thumbs
        of_widgets = {"layout": choices.pop("layout")} if "layout" in choices else {}
        self._set({"image": image, **choices})
        self._follows_effects = not {"layer", "head", "show", "state"} & set(choices)
        self._follow({name: getattr(self, name) for name in ("layer", "state") if name in choices})
        self._fill()
        super().__init__(**of_widgets)
        self.observe(self._on_image, "image")
        self.observe(self._on_place, ["layer", "state", "head", "show"])

    def _measure(self, source: PaintsLike) -> None:
        self._state_names = list(source.state_names)
        self._n_layers, self._n_images = source.n_layers, source.n_images
        self._n_heads, self._n_seeds = max(1, source.n_heads), len(source.seeds)
        self._knows_alone = source.mode == "frozen"

    @traitlets.default("layer")
    def _last_layer(self) -> int:
        return self._n_layers - 1

    @traitlets.default("state")
    def _last_state(self) -> int:
        return self._n_layers if not self._source.n_heads else self._n_layers - 1

    @traitlets.default("show")
    def _usual_show(self) -> str:
        return "head" if self._source.n_heads else "state"

    @traitlets.default("strength")
    def _strength_of_reading(self) -> float:
        return self._source.strength

    @property
    def _work(self) -> PictureWork:
        return self._works(self.image)

    @property
    def _left(self) -> int:
        return self._work.n_left

    def _fill(self) -> None:
        """Packs what is there of an image; of one that is new, with its first piece."""
        work = self._work
        if not work.is_begun:
            work.step()
        self._take(work.traits())
        self._input = pack.uint8(self._source.picture(self._work.image))
        self._of_image = self.image

    def _step(self) -> None:
        with self.hold_sync():
            self._take(self._work.step())

    def _take(self, traits: dict[str, Any]) -> None:
        self._set(traits)
        self._left_to_make = self._work.n_left
        numbers = (np.frombuffer(n, "<f4") for n in (self._state_numbers, self._head_numbers))
        indices = np.concatenate([one.reshape(-1, NUMBERS)[:, 2] for one in numbers])
        self._names = named_in(iter(indices[np.isfinite(indices)]), self._source)
        if self._follows_effects and self._work.strongest is not None:
            layer, head = self._work.strongest
            self.layer, self.head, self.state = layer, head, layer
            self._follows_effects = False

    @answers_browser
    def _more(self, _what: dict[str, Any], _buffers: Buffers) -> Reply:
        """The next piece alone: the page that asks has all others, and puts it among them."""
        self._in_pieces = True
        try:
            reply = super()._more(_what, _buffers)
        finally:
            self._in_pieces = False
        if not self._left:  # a page that was opened meanwhile may lack some
            self.send_state(list(WHOLE_OF))
        return reply

    def _should_send_property(self, key: str, value: Any) -> bool:
        if self._in_pieces and key in WHOLE_OF:
            return False
        return super()._should_send_property(key, value)

    def _on_image(self, _change: Any) -> None:
        if self.image == self._of_image:
            return
        try:
            with self.hold_sync():
                self._fill()
        except BaseException as error:
            self.image = self._of_image
            self._fail(error, "The image could not be decoded", "it shows the last one")

    def _on_place(self, change: Any) -> None:
        self._follows_effects = False
        self._follow({change["name"]: change["new"]})

    def _follow(self, changed: dict[str, Any]) -> None:
        """State k and block k go together; the last block goes with the last state, too."""
        if "state" in changed:
            self.layer = min(self.state, self._n_layers - 1)
        elif "layer" in changed and min(self.state, self._n_layers - 1) != self.layer:
            self.state = self.layer

    @answers_browser
    def _paint(self, what: dict[str, Any], _buffers: Buffers) -> Reply:
        asked = self._singles.read(what)
        found = self._singles(asked)
        return described(asked, found, self._source), [found.pictures[0].tobytes()]

    @property
    def _column(self) -> int:
        """As in `AskedPicture`."""
        if self.show == "state":
            return -1
        return self._source.n_heads if self.show == "mlp" else int(self.head or 0)

    def saved(self) -> SavedWidget:
        """The widget as a page without a kernel keeps it: all pictures that were made.

        What is missing of the table is computed, and what stands beside the chosen head.
        """
        page = super().saved()
        place = self.state if self.show == "state" else self.layer
        image = self._work.image
        for asked in self._singles.of_look(image, place, self._column, self.seed, self.strength):
            self._singles(asked)
        saved, pixels = self._singles.saved(image)
        return replace(page, state=page.state | {"_saved": saved, "_saved_pixels": pixels})

    @property
    def _beyond(self) -> str:
        heads = ["other strengths and nulls than those that were looked at"]
        images = ["another image of the batch"] * (self._n_images > 1)
        return ", ".join([*heads * bool(self._source.n_heads), *images])

    def _ipython_display_(self, **_words: Any) -> None:
        """Shows the widget as far as it is there; its page asks for the rest.

        Raises:
            NotImplementedError: IPython then asks for the bundle.
        """
        from IPython.core.getipython import get_ipython
        from IPython.display import display  # pyright: ignore[reportUnknownVariableType]

        bundle = self._view() if self._left else None
        if bundle is None or not hasattr(get_ipython(), "kernel"):
            raise NotImplementedError
        data, metadata = bundle
        display(data | self._as_picture(), raw=True, metadata=metadata)

    def _pictured(self) -> dict[str, Any]:
        """As far as it is there: a decoder may take minutes for the rest."""
        return LensWidget._own_state(self)

    def _drawn(self) -> Piece:
        return draw(self._pictured())

    def meanings(self) -> dict[str, Meaning]:
        """Its states, blocks, heads and images."""
        source = self._source
        found: dict[str, Meaning] = {
            "state": Depth(self._n_layers),
            "image": OfBatch(self._n_images),
        }
        if source.n_heads:
            found["layer"] = Depth(self._n_layers, is_block=True)
            found["head"] = Head.of(source.model_name, self._n_heads)
        return found

    def __repr__(self) -> str:
        names = [self._meta["model_name"], self._meta["decoder_name"]]
        return f"DecodedImages({' by '.join(names)}, {self._in_words()})"


def _described(source: PaintsLike, caption: str) -> dict[str, Any]:
    """Names and sizes, as JSON."""
    state, head = sides(source)
    return {
        "model_name": source.model_name,
        "decoder_name": source.decoder_name,
        "judge_name": source.judge_name,
        "reads": source.reads,
        "readout_name": source.readout_name,
        "state_names": list(source.state_names),
        "n_layers": source.n_layers,
        "n_heads": source.n_heads,
        "n_images": source.n_images,
        "rows": source.layout.rows,
        "cols": source.layout.cols,
        "seeds": list(source.seeds),
        "strength": "alone" if np.isinf(source.strength) else source.strength,
        "mode": source.mode,
        "size": list(source.size),
        "state_size": list(state),
        "head_size": list(head),
        "input_size": list(source.picture(0).shape[:2]),
        "caption": caption,
    }
