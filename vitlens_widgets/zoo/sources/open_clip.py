"""Models of open_clip, an optional extra, by name."""

from __future__ import annotations

from torch import nn

from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.models.open_clip_library import note_architecture, open_clip_library
from vitlens_widgets.zoo.hub import reach
from vitlens_widgets.zoo.source import ModelSource, Options

_PREFIX = "open_clip:"


class OpenCLIPSource(ModelSource):
    """A model of images and texts, with the name of its weights."""

    description = 'a model of open_clip ("open_clip:ViT-B-32/laion2b_s34b_b79k")'

    def takes(self, source: str) -> bool:
        """Whether it says so."""
        return source.startswith(_PREFIX)

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name, and the model with its text tower; raises as `ModelSource.load`."""
        name, _, weights = source.removeprefix(_PREFIX).partition("/")
        _check(name)
        if options.pretrained and not weights:
            raise UsageError(_no_weights(source, name))
        tag, create = weights if options.pretrained else None, open_clip_library().create_model
        model = reach(source, lambda: create(name, pretrained=tag, **options.model_args))
        note_architecture(model, name)
        return source, model


def _check(name: str) -> None:
    known = open_clip_library().list_models()
    if name not in known:
        raise UsageError(f'open_clip has no model "{name}".{did_you_mean(name, known)}')


def _no_weights(source: str, name: str) -> str:
    tags = ", ".join(open_clip_library().list_pretrained_tags_by_model(name)) or "none"
    return (
        f'"{source}" names no weights: expected "{_PREFIX}{name}/weights", and open_clip knows '
        f"{tags}; pretrained=False gives random ones."
    )
