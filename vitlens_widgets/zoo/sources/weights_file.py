"""A file of weights alone: a masked autoencoder as Facebook published it; no other says itself."""

from __future__ import annotations

from torch import nn

from vitlens_widgets.zoo.source import ModelSource, Options, path_of
from vitlens_widgets.zoo.weights_file import SUFFIXES


class WeightsFileSource(ModelSource):
    """A file from which the model around it is built; see `zoo.mae_facebook`."""

    description = 'a masked autoencoder\'s file ("mae_visualize_vit_base.pth")'

    def takes(self, source: str) -> bool:
        """Whether it is a file that holds weights, by its ending."""
        path = path_of(source)
        return path.is_file() and path.suffix.lower() in SUFFIXES

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name of the file, and the model; raises as `ModelSource.load`."""
        from vitlens_widgets.zoo.mae_facebook import from_facebook

        path = path_of(source)
        return path.stem, from_facebook(path, options.model_args)
