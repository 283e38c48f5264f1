"""All that `vl.load` takes, in the order in which it is asked."""

from vitlens_widgets.zoo.source import ModelSource
from vitlens_widgets.zoo.sources.embedded import EmbeddedSource
from vitlens_widgets.zoo.sources.folder import FolderSource
from vitlens_widgets.zoo.sources.hf import HubSource
from vitlens_widgets.zoo.sources.module import ModuleSource
from vitlens_widgets.zoo.sources.open_clip import OpenCLIPSource
from vitlens_widgets.zoo.sources.peft_folder import PEFTSource
from vitlens_widgets.zoo.sources.timm import TimmSource
from vitlens_widgets.zoo.sources.trained import TrainedSource
from vitlens_widgets.zoo.sources.weights_file import WeightsFileSource

SOURCES: tuple[ModelSource, ...] = (
    ModuleSource(),  # the others are given strings alone
    EmbeddedSource(),
    TrainedSource(),
    WeightsFileSource(),
    PEFTSource(),
    FolderSource(),  # any other path
    OpenCLIPSource(),
    TimmSource(),
    HubSource(),  # any other owner/model
)
