# The public names and where each lives: read by type checkers and, to load them, by __init__.py.

from . import analysis as analysis
from . import charts as charts
from . import data as data
from . import world as world
from .data import LabelSet as LabelSet
from .data import read_image as read_image
from .errors import UnsupportedModelError as UnsupportedModelError
from .errors import UsageError as UsageError
from .export import save_figure as save_figure
from .export import save_html as save_html
from .lenses import DiffusionLens as DiffusionLens
from .lenses import FrozenNormLens as FrozenNormLens
from .lenses import GivenReading as GivenReading
from .lenses import Infilling as Infilling
from .lenses import InfillLens as InfillLens
from .lenses import Lens as Lens
from .lenses import LogitLens as LogitLens
from .lenses import PatchClassifier as PatchClassifier
from .lenses import PatchDecoderLens as PatchDecoderLens
from .lenses import Reading as Reading
from .lenses import SteeringLens as SteeringLens
from .lenses import read_features as read_features
from .models import PlainViT as PlainViT
from .models import TokenLayout as TokenLayout
from .models import register as register
from .trace import Trace as Trace
from .trace import ViT as ViT
from .trace import check_adapter as check_adapter
from .trace import edits as edits
from .widgets import AttentionMaps as AttentionMaps
from .widgets import Causes as Causes
from .widgets import Explorer as Explorer
from .widgets import InfillStrip as InfillStrip
from .widgets import PatchFeatures as PatchFeatures
from .widgets import PatchGrid as PatchGrid
from .widgets import RelevanceMaps as RelevanceMaps
from .widgets import explore as explore
from .widgets import link as link
from .widgets import teach as teach
from .world import toy_models as toy_models
from .zoo import load as load
from .zoo import load_decoder as load_decoder
from .zoo import paper_models as paper_models
from .zoo import untrained as untrained

__version__: str
