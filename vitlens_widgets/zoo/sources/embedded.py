"""The models that the package carries."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from vitlens_widgets.zoo.source import ModelSource, Options, check_as_trained


class EmbeddedSource(ModelSource):
    """Offline and at once."""

    description = 'an embedded model ("toy/p32")'

    def takes(self, source: str) -> bool:
        """Whether it begins as the name of one."""
        return source.startswith("toy/")

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name and the model; raises as `ModelSource.load`."""
        from vitlens_widgets.world import embedded

        check_as_trained(source, options)
        return source, embedded.build(source)

    def names(self) -> Iterable[str]:
        """All of them."""
        from vitlens_widgets import world

        return world.NAMES
