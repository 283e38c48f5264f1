"""A masked autoencoder as Facebook published it."""

from __future__ import annotations

from torch import nn

from vitlens_widgets.zoo.source import ModelSource, Options, path_of


class FacebookSource(ModelSource):
    """A file of weights, from which the model around them is built; see `zoo.mae_facebook`."""

    description = 'a masked autoencoder\'s file ("mae_visualize_vit_base.pth")'

    def takes(self, source: str) -> bool:
        """Whether it is a file that torch has written."""
        path = path_of(source)
        return path.is_file() and path.suffix in (".pth", ".pt")

    def load(self, source: str, options: Options) -> tuple[str, nn.Module]:
        """The name of the file, and the model; raises as `ModelSource.load`."""
        from vitlens_widgets.zoo.mae_facebook import from_facebook

        path = path_of(source)
        return path.stem, from_facebook(path, options.model_args)
