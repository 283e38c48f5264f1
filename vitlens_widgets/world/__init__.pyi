# The public names and where each lives: read by type checkers and, to load them, by __init__.py.

from .captions import caption as caption
from .cards import ModelCard as ModelCard
from .cards import card as card
from .cards import toy_models as toy_models
from .catalogue import NAMES as NAMES
from .changed import moved as moved
from .changed import recoloured as recoloured
from .changed import swapped as swapped
from .changed import without as without
from .embedded import build as build
from .labels import BACKGROUND as BACKGROUND
from .labels import CLASSES as CLASSES
from .labels import LABELS as LABELS
from .labels import NO_PART as NO_PART
from .labels import PARTS as PARTS
from .own import train as train
from .scene import Scene as Scene
from .scene import Scenes as Scenes
from .scene import scene as scene
