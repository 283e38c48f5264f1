"""What the user has trained with `vl.world.train`."""

from __future__ import annotations

from torch import nn

from vitlens_widgets.world.weights import name_of_weights, trained_weights
from vitlens_widgets.zoo.source import ModelSource, Options, check_as_trained, path_of


class TrainedSource(ModelSource):
    """The file of weights, or its folder."""

    description = 'what vl.world.train gave, or its folder or file ("runs/my-vit")'

    def takes(self, source: str) -> bool:
        """Whether there is such a file."""
        return trained_weights(path_of(source)) is not None

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name of the file or folder, and the model; raises as `ModelSource.load`."""
        from vitlens_widgets.world import embedded

        weights = trained_weights(path_of(source)) or path_of(source)
        check_as_trained(name_of_weights(weights), options)
        return name_of_weights(weights), embedded.build_from(weights)
