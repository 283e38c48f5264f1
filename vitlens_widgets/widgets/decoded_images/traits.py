"""What can be chosen in a DecodedImages, and what carries its pictures."""

from __future__ import annotations

import math
from typing import Any

import traitlets
from traitlets import HasTraits, TraitType

from vitlens_widgets.widgets.shared.streaming import StreamingWidget
from vitlens_widgets.widgets.shared.traits import Index, OneOf, State, TraitUsageError

ALONE = "alone"
"""An infinite strength: the contribution without the rest."""

MOST_STRENGTH = 1024.0


class Strength(TraitType[float, Any]):
    """What a contribution is multiplied by, from 0 on; infinity, or `"alone"`, leaves no rest."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.tag(to_json=_sent)

    def validate(self, obj: Any, value: Any) -> float:
        """Gives `value` as a `float`."""
        found = strength_of(value)
        alone = ', or "alone"' if obj._knows_alone else ""
        if found is None or (math.isinf(found) and not alone):
            raise TraitUsageError(
                f"{self.name} must be a number from 0 to {MOST_STRENGTH:g}{alone}; {value!r} was "
                "given."
            )
        return found

    def said(self, obj: HasTraits, value: float) -> str:  # noqa: ARG002 - the signature of others
        """The number, or the word."""
        return repr(sent(value))


def strength_of(value: Any) -> float | None:
    """A strength that was given or sent; None where it is none."""
    if isinstance(value, str):
        return math.inf if value == ALONE else None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return number if number == math.inf or 0 <= number <= MOST_STRENGTH else None


def sent(strength: float) -> float | str:
    """A strength as a browser is told it."""
    return ALONE if math.isinf(strength) else strength


def _sent(strength: float, _widget: object) -> float | str:
    return sent(strength)


class DecodedTraits(StreamingWidget):
    """The choices; those that other widgets have mean the same there.

    Attributes:
        state: The state in whose column it looks, by index or name; with `show="state"` it stands
            large. Default: the last before the last block.
        layer: The block whose head is chosen; state k and block k follow each other. Default: that
            of the strongest effect, once it is known.
        head: The head that is chosen. Default: that of the strongest effect, likewise.
        show: What stands large: the chosen head, its block's MLP, or the chosen state. Default:
            "head", where states alone are painted "state".
        seed: Which of the seeds, counted from 0. Default: 0.
        strength: What the large picture's contribution is multiplied by, a number or `"alone"`; the
            small pictures keep that of the reading. Default: that of the reading.
        sort: The order of the heads. Default: "layer".
        image: Which image of the batch. Default: 0.
    """

    _knows_alone = False

    state = State("_state_names").tag(sync=True, choice=True)
    layer = Index[int]("_n_layers", "a layer", from_end=True).tag(sync=True, choice=True)
    head = Index[int]("_n_heads", "a head", default_value=0).tag(sync=True, choice=True)
    show = OneOf("head", "mlp", "state").tag(sync=True, choice=True)
    seed = Index[int]("_n_seeds", "a seed", default_value=0).tag(sync=True, choice=True)
    strength = Strength().tag(sync=True, choice=True)
    sort = OneOf("layer", "similarity", "ablation").tag(sync=True, choice=True)
    image = Index[int]("_n_images", "an image of the batch", default_value=0).tag(
        sync=True, choice=True
    )

    _meta = traitlets.Dict().tag(sync=True)
    _of_image = traitlets.Int(0).tag(sync=True)  # whose the pictures are
    _thumbs = traitlets.Bytes().tag(sync=True)
    _input = traitlets.Bytes().tag(sync=True)  # uint8 [height, width, 3]
    _names = traitlets.Dict().tag(sync=True)  # by class index, the label and its emoji
    _left_to_make = traitlets.Int(0).tag(sync=True)
    # uint8 [state, seed, height, width, 3]; float32 [state, seed, number], number: similarity,
    # before, class, probability; NaN where nothing is made yet.
    _states = traitlets.Bytes().tag(sync=True)
    _state_numbers = traitlets.Bytes().tag(sync=True)
    _other_numbers = traitlets.Bytes().tag(sync=True)  # float32 [state]
    # uint8 [layer, head, patch], and each head's largest weight; the same of the heads' pictures,
    # [layer, head, ...], of which the last is the MLP's.
    _attention = traitlets.Bytes().tag(sync=True)
    _attention_top = traitlets.Bytes().tag(sync=True)
    _effects = traitlets.Bytes().tag(sync=True)  # float32 [layer, head]
    _order = traitlets.List[int]().tag(sync=True)
    _words = traitlets.Dict().tag(sync=True)
    _heads = traitlets.Bytes().tag(sync=True)
    _head_numbers = traitlets.Bytes().tag(sync=True)
    _random_numbers = traitlets.Bytes().tag(sync=True)  # float32 [layer, head, similarity | before]
    _told = traitlets.Dict().tag(sync=True)
    # The pictures that came last, by themselves: int32 which of _states and _heads, how many, their
    # places in it; uint8 [picture, height, width, 3].
    _news = traitlets.Bytes().tag(sync=True)
    # What a saved page has beside it: single pictures, what each is, and all pixels in a row.
    _saved = traitlets.List[dict[str, Any]]().tag(sync=True)
    _saved_pixels = traitlets.Bytes().tag(sync=True)
