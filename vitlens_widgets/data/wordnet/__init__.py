"""What classes have to do with one another: their places in WordNet's tree of nouns.

`nouns.tsv` holds the part of WordNet 3.0 above ImageNet's thousand classes and the things of the
world; `python -m vitlens_widgets.data.wordnet.build FOLDER` makes it anew from WordNet's own files.
WordNet is Princeton University's; its licence stands beside it.
"""

from vitlens_widgets.data.wordnet.kinship import Kinship

__all__ = ["Kinship"]
