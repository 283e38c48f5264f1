"""`load_sae`: a sparse autoencoder from a file, a folder or a hub, whoever trained it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from vitlens_widgets.errors import (
    UsageError,
    check_text,
    check_type,
    quoted_list,
    warn,
    whole_number,
)
from vitlens_widgets.features import SAE, Activation, Scaling
from vitlens_widgets.features.explained import measures, worth
from vitlens_widgets.features.sae import Tokens
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.vit import check_vit
from vitlens_widgets.world.saes.recipes import known_sae, sae_file
from vitlens_widgets.zoo.saes.files import files_of
from vitlens_widgets.zoo.saes.format import ReadSAE
from vitlens_widgets.zoo.saes.formats import FORMATS
from vitlens_widgets.zoo.saes.found import Found, is_own


@clean
def load_sae(
    source: str | os.PathLike[str],
    *,
    file: str | None = None,
    site: str | None = None,
    layer: int | None = None,
    tokens: Tokens | None = None,
    activation: Activation | None = None,
    scaling: Scaling | None = None,
    vit: ViT | None = None,
    images: Any = None,
) -> SAE:
    """Load a sparse autoencoder of one site of a vision transformer.

    No code in the files is run: of files by torch, tensors and plain values are read, and nothing
    else.

    Args:
        source: A file, a folder, or a name on the hub (`"owner/name"`, or `"owner/name/folder"`
            where a repository has several) of
            - saev (`sae.pt`, schemas up to 5), whose files say neither site nor layer nor tokens;
            - Prisma (`config.json` and weights by torch);
            - PatchSAE;
            - dictionary_learning (`ae.pt` and `config.json`);
            - SAELens (`sae_weights.safetensors` and `cfg.json`: standard, topk and jumprelu);
            - overcomplete, its `state_dict()`;
            - this package: what `SAE.save` wrote;
            or the name of one that comes with the package: `"toy/p32/2"` and `"toy/p32/5"`, of two
            states of `toy/p32` (`vl.world.card` says more).
        file: Which file of a folder, where it has several.
        site: Where it was trained, such as `"resid_post"`; what is given here and in the following
            goes before what the file says.
        layer: Of which block, from 0 on.
        tokens: `"all"`, `"patches"` or `"readout"`: on which tokens.
        activation: Which latents stay on, for overcomplete's files, which do not say it.
        scaling: Of the input: for files of saev whose data were scaled, and of SAELens with
            `expected_average_only_in` that was not folded in.
        vit: The model that it shall be of, which is checked: layer, width, tokens.
        images: A few, as `vit.trace` takes them, on which it is measured; `card["measured"]` has
            the numbers, which `SAE.explained` names. One that explains nothing is warned of.

    Raises:
        UsageError: There is no such file, it is of no known format or of another kind of
            autoencoder, cannot be read safely, does not say what is needed, or does not fit `vit`;
            or images were given without it.

    Example:
        >>> sae = vl.load_sae("clip-b16/sae.pt", site="resid_post", layer=10, tokens="patches")
        >>> sae.explained(vit, images)
    """
    if vit is not None:
        check_vit(vit, "vit=")
    elif images is not None:
        raise UsageError("images= are what a model is shown: give the model, too, as vit=.")
    if isinstance(source, str) and source.startswith("toy/"):
        weights, config = sae_file(known_sae(source)), None
    else:
        named = None if file is None else check_text("file=", file, "ae.pt")
        weights, config = files_of(source, named)
    given = {"site": site, "layer": layer, "tokens": tokens}
    given |= {"activation": activation, "scaling": scaling}
    given = {name: value for name, value in given.items() if value is not None}
    if is_own(weights):
        sae = replace(SAE.load(weights), **cast("dict[str, Any]", given))
    else:
        sae = _foreign(Found.read(os.fspath(source), weights, config), given, vit)
    if vit is not None:
        sae.check(vit)
    return sae if vit is None or images is None else _measured(sae, vit, images)


def _measured(sae: SAE, vit: ViT, images: Any) -> SAE:
    """With what it was measured to be worth on its card; says so where that is nothing."""
    found = worth(sae, vit, images)
    if found.explained <= 0:
        warn(
            f"{sae.name} explains nothing of {sae.site} in block {sae.layer} of {vit.name} on "
            f"these images (explained variance {found.explained:.2f}; 0 is what the mean token "
            "does): it may be of another model, site, layer or tokens, or its data were scaled "
            "(scaling=)."
        )
    numbers: dict[str, object] = {"images": found.n_images, **measures(found)}
    return replace(sae, card={**sae.card, "measured": numbers})


def _foreign(found: Found, given: Mapping[str, Any], vit: ViT | None) -> SAE:
    """One of another library.

    Raises:
        UsageError: It is of no known format, or does not say what is needed.
    """
    kind = next((one for one in FORMATS if one.takes(found)), None)
    if kind is None:
        raise UsageError(
            f"{found.path} is in no format of sparse autoencoders that is known here "
            f"({quoted_list(one.name for one in FORMATS)}): it has the tensors "
            f"{', '.join(list(found.tensors)[:6])}, and no settings beside it that name one."
        )
    parts = kind.parts(found)
    words: dict[str, Any] = {
        "site": parts.site,
        "layer": _counted_from_0(found, parts, given, vit),
        "tokens": parts.tokens,
        "activation": parts.activation,
        "scaling": parts.scaling,
        **given,
    }
    _check_told(found, kind.name, words)
    return SAE(
        **parts.tensors,
        **words,
        subtracts_bias=parts.subtracts_bias,
        nested=parts.nested,
        card={"format": kind.name, **_as_json(found.said)},
        name=found.name,
        model=parts.model,
    )


def _counted_from_0(
    found: Found, parts: ReadSAE, given: Mapping[str, Any], vit: ViT | None
) -> int | None:
    """The block; one that is counted from the last needs the model.

    Raises:
        UsageError: The model was not given.
    """
    layer = parts.layer
    if layer is None or layer >= 0 or "layer" in given:
        return layer
    if vit is None:
        raise UsageError(
            f"{found.name} is of block {layer}, counted from the last: give the model as vit=, or "
            "the block by layer=."
        )
    return vit.n_layers + layer


_TOLD = {
    "site": 'site="resid_post"',
    "layer": "layer=10",
    "tokens": 'tokens="patches"',
    "activation": 'activation=vl.features.Activation("topk", k=32)',
    "scaling": 'scaling=vl.features.Scaling("constant", factor=...)',
}


def _check_told(found: Found, kind: str, words: Mapping[str, Any]) -> None:
    """Refuse what neither the file nor the user says.

    Raises:
        UsageError: Something is missing.
    """
    if lacks := [name for name, value in words.items() if value is None]:
        such_as = ", ".join(_TOLD[name] for name in lacks)
        raise UsageError(
            f"{found.name} ({kind}) does not say its {', '.join(lacks)}: say it yourself, such as "
            f"by {such_as}."
        )
    if whole_number(words["layer"]) is None:
        raise UsageError(f"layer= is a whole number from 0 on, not {words['layer']!r}.")
    check_type("activation=", words["activation"], Activation, 'Activation("topk", k=32)')
    check_type("scaling=", words["scaling"], Scaling, 'Scaling("layer norm")')


def _as_json(said: Mapping[str, Any]) -> dict[str, object]:
    """What a file says, as far as JSON can."""
    return json.loads(json.dumps(dict(said), default=str))
