"""All that `vl.load` takes, in the order in which it is asked."""

from vitlens_widgets.zoo.source import Source
from vitlens_widgets.zoo.sources.embedded import Embedded
from vitlens_widgets.zoo.sources.facebook_file import FacebookFile
from vitlens_widgets.zoo.sources.folder import Folder
from vitlens_widgets.zoo.sources.hf import HuggingFace
from vitlens_widgets.zoo.sources.module import Module
from vitlens_widgets.zoo.sources.open_clip import OpenCLIP
from vitlens_widgets.zoo.sources.timm import Timm
from vitlens_widgets.zoo.sources.trained import Trained

SOURCES: tuple[Source, ...] = (
    Module(),  # the others are given strings alone
    Embedded(),
    Trained(),
    FacebookFile(),
    Folder(),  # any other path
    OpenCLIP(),
    Timm(),
    HuggingFace(),  # any other owner/model
)
