"""Where attention and lens meet: what the keys that a head reads mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitlens_widgets.analysis.checks import check_trace
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.readings import check_states
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.lenses import Reading
from vitlens_widgets.models.probabilities import word_of
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from pandas import DataFrame


def read_keys(
    trace: Trace, reading: Reading, layer: int, head: int, query: int, k: int = 5, image: int = 0
) -> DataFrame:
    """The keys that a head reads most for one query, and what the lens says they mean.

    The lens's answers are those for the state that enters the block, which is what the keys and
    values of this head are made of. A head need not use the part of a token that the lens reads:
    this says what stands at the places it looks at, not what it takes from there.

    Args:
        trace: The trace.
        reading: A lens applied to this trace's states.
        layer: The block.
        head: The head.
        query: Position of the query in the sequence.
        k: How many keys, the heaviest first.
        image: Which image.

    Returns:
        A row per key: its position, what stands there, the weight, and the lens's most probable
        class there with its probability. The title says what the query itself means.

    Raises:
        UsageError: A reading of another trace or of sub-block outputs, or something out of range.

    Source:
        The lens is that of Vicki Xu's report (2023) on the logit lens for ViT and MAE, where
        joining it with attention is left as future work.
    """
    _check_reading(trace, reading)
    check_index("query position", query, len(trace.tokens))
    check_index("image", image, trace.n_images)
    check_index("head", head, trace.vit.n_heads)
    k = check_count("k, the number of keys,", k, least=1, most=len(trace.tokens))
    pattern = next(trace.attention_by_image(layer, "pattern", [image]))[head, query]
    largest, at = pattern.detach().cpu().topk(k)
    keys = [int(key) for key in at]
    index, probability = (values[layer, image, :, 0] for values in reading.top(1))
    answers, places = [reading.labels[int(i)] for i in index], Places.of(trace)
    title = (
        f"{trace.vit.name}, image {image}, L{layer} H{head}: {places.describe(query)} "
        f'("{answers[query]}") reads; {reading.lens_name} of {reading.state_names[layer]}'
    )
    columns: dict[str, list[Any]] = {
        "key": keys,
        "token": [places.describe(key) for key in keys],
        "weight": largest.tolist(),
        "answer": [answers[key] for key in keys],
        word_of(reading.probabilities): probability[keys].tolist(),
    }
    return frame(columns, title)


def _check_reading(trace: Trace, reading: Reading) -> None:
    check_trace(trace)
    if not isinstance(reading, Reading) or reading.trace is not trace:
        raise UsageError(
            "reading= must be a lens applied to this very trace: vl.LogitLens(vit).read(trace)."
        )
    check_states(reading)
