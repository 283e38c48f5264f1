"""Models of timm, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.registry import family_of
from vitlens_widgets.zoo.checkpoint_file import module_from_file
from vitlens_widgets.zoo.hub import reach
from vitlens_widgets.zoo.source import FromFile, ModelSource, Options

_PREFIXES = ("timm/", "hf-hub:", "hf_hub:", "local-dir:")


class TimmSource(ModelSource):
    """Its own names, and those that it reads from a hub."""

    description = 'a timm name ("vit_base_patch32_224")'
    takes_weights = True

    def takes(self, source: str) -> bool:
        """Whether timm knows the architecture, or its prefix says that timm shall read it."""
        import timm

        return source.startswith(_PREFIXES) or timm.is_model(source.partition(".")[0])

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name and the model; raises as `ModelSource.load`."""
        return source, from_timm(source, options)

    def names(self) -> Iterable[str]:
        """Those of ViTs."""
        import timm

        return timm.list_models(["vit_*", "deit*", "naflexvit*"])


def from_timm(name: str, options: Options) -> nn.Module:
    """A model of timm.

    Raises:
        UsageError: An unknown tag, weights out of reach, or what timm itself refuses.
        UnsupportedModelError: Another kind of model, which is told before any download.
    """
    import timm

    own = name.removeprefix("timm/")
    if options.weights is not None and timm.is_model(own.partition(".")[0]):
        name = own  # no hub is needed for what timm knows itself
    if name.startswith("timm/"):
        name = f"hf-hub:{name}"
    if ":" not in name:
        _check_name(name)
    if options.weights is not None:
        return _from_file(name, options, options.weights)
    size = {} if options.image_size is None else {"img_size": options.image_size}
    words: dict[str, Any] = {**size, **options.model_args}
    return reach(name, lambda: timm.create_model(name, pretrained=options.pretrained, **words))


def _from_file(name: str, options: Options, weights: FromFile) -> nn.Module:
    def build() -> nn.Module:
        return module_from_file(
            weights.path,
            name,
            image_size=options.image_size,
            key=weights.key,
            ignore=weights.ignore,
            **options.model_args,
        )

    return reach(name, build)


def _check_name(name: str) -> None:
    """Refuse an unknown tag or another kind of model."""
    import timm

    architecture, _, tag = name.partition(".")
    tagged = timm.list_models(f"{architecture}.*", pretrained=True)
    if tag and name not in tagged:
        raise UsageError(
            f'"{architecture}" has no weights tagged "{tag}" in timm; it has '
            f"{quoted_list(tagged) or 'none'}."
        )
    try:
        model = _on_meta(architecture)
    except RuntimeError:  # older timm needs numbers while it builds: seen when it is loaded
        return
    family_of(model)(model, None)


@clean
def _on_meta(architecture: str) -> nn.Module:
    """Without memory and weights, only to see what it is."""
    import timm
    import torch

    with torch.device("meta"):
        return timm.create_model(architecture, pretrained=False)
