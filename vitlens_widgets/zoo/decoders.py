"""`load_decoder`: what paints pictures from the embeddings of an encoder."""

from __future__ import annotations

import os

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.files import existing_path
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.decoders.served import trained_decoder
from vitlens_widgets.world.weights import name_of_weights, trained_weights


@clean
def load_decoder(source: str | os.PathLike[str]) -> Decoder:
    """Load what paints pictures from the embeddings of an encoder.

    Args:
        source: A weights file that `python -m vitlens_widgets.world train` has written for a
            decoder, such as `"world-training/toy-patch-decoder.safetensors"`.

    Raises:
        UsageError: There is no such file, or it holds something else.

    Example:
        >>> decoder = load_decoder("world-training/toy-patch-decoder.safetensors")
        >>> decoder.reads.encoder, decoder.size
        ('toy/p32', (112, 112))
    """
    weights = None
    if isinstance(source, (str, os.PathLike)):
        weights = trained_weights(existing_path(source))
    if weights is None:
        raise UsageError(
            f"vl.load_decoder does not know {said(source)}; it takes the weights file of a decoder "
            "that python -m vitlens_widgets.world train has written."
        )
    return trained_decoder(weights, name_of_weights(weights))
