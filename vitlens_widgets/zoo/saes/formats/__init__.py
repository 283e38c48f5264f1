"""The formats of sparse autoencoders that are read, each in a file."""

from vitlens_widgets.zoo.saes.format import SAEFormat
from vitlens_widgets.zoo.saes.formats.dictionary_learning import DictionaryLearning
from vitlens_widgets.zoo.saes.formats.overcomplete import Overcomplete
from vitlens_widgets.zoo.saes.formats.patchsae import PatchSAE
from vitlens_widgets.zoo.saes.formats.prisma import Prisma
from vitlens_widgets.zoo.saes.formats.saelens import SAELens
from vitlens_widgets.zoo.saes.formats.saev import Saev

FORMATS: tuple[SAEFormat, ...] = (
    Saev(),
    Prisma(),
    PatchSAE(),
    DictionaryLearning(),
    Overcomplete(),
    SAELens(),
)
"""In the order in which they are asked."""

__all__ = ["FORMATS"]
