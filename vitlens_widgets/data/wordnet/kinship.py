"""`Kinship`: how near to one another two classes are in a tree of kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from vitlens_widgets.data.emoji import recognised
from vitlens_widgets.data.labels import LabelSet
from vitlens_widgets.data.wordnet.nouns import nouns, senses


class Kinship:
    """How near the classes of a label set are in a tree of kinds.

    The distance of two classes is the number of steps on the shortest way from one to the other, up
    to a kind that they share and down again; their path similarity is `1 / (distance + 1)`: 1 for a
    class and itself, towards 0 for what has little in common, and 0 where nothing is shared.

    `Kinship.of(labels)` takes the tree from WordNet 3.0. A tree of your own:

    Args:
        senses: The name of each class in the tree, in the order of the classes; None for a class
            that stands nowhere in it, such as a background: nothing is near to it but itself.
        kinds: What each name is a kind of, one or several; names without an entry are roots.

    Source:
        The `path_similarity` of WordNet::Similarity (Pedersen et al. 2004) and of NLTK, over
        hypernyms and instance hypernyms.

    Example:
        >>> kinship = Kinship.of(LabelSet.known("world"))
        >>> kinship.similarity(0, 1), kinship.shared(0, 1)  # cat and dog
        (0.2, 'carnivore')
    """

    def __init__(
        self, senses: Sequence[str | None], kinds: Mapping[str, Sequence[str]], source: str = ""
    ) -> None:
        self.source = source
        self._senses = tuple(senses)
        self._kinds = kinds
        self._above = cache(self._find_above)

    def __repr__(self) -> str:
        return f"Kinship({len(self._senses)} classes{self.source and ' in '}{self.source})"

    @classmethod
    def of(cls, labels: LabelSet) -> Kinship | None:
        """WordNet's, for ImageNet's thousand classes and for the world's; None for other labels.

        ImageNet is recognised by its names in their order; classes behind them, and the world's
        background, stand nowhere in the tree.
        """
        found = senses(recognised([labels.description(i) for i in range(len(labels))]))
        if not found:
            return None
        kinds = {offset: noun.kinds for offset, noun in nouns().items()}
        return cls([found.get(i) for i in range(len(labels))], kinds, "WordNet 3.0")

    def __len__(self) -> int:
        """How many classes there are."""
        return len(self._senses)

    def is_known(self, one: int) -> bool:
        """Whether a class stands in the tree; a background does not."""
        return self._senses[one] is not None

    def distance(self, one: int, other: int) -> float:
        """Steps from one class to another; infinite where there is no way."""
        return self._nearest(one, other)[0]

    def similarity(self, one: int, other: int) -> float:
        """`1 / (distance + 1)`, 0 to 1."""
        return 1 / (self.distance(one, other) + 1)

    def shared(self, one: int, other: int) -> str:
        """The kind at the top of the shortest way, "" where there is no way."""
        name = self._nearest(one, other)[1]
        noun = nouns().get(name) if self.source else None
        return noun.name if noun else name

    def _nearest(self, one: int, other: int) -> tuple[float, str]:
        mine, others = (self._senses[index] for index in (one, other))
        if one == other:
            return 0, mine or ""
        if mine is None or others is None:
            return float("inf"), ""
        up, down = self._above(mine), self._above(others)
        ways = ((up[kind] + down[kind], kind) for kind in up if kind in down)
        return min(ways, default=(float("inf"), ""))

    def _find_above(self, sense: str) -> dict[str, int]:
        """The fewest steps up to each kind above, the sense itself included."""
        steps = {sense: 0}
        waiting = [sense]
        for name in waiting:  # breadth first, so that the first time is the shortest way
            for kind in self._kinds.get(name, ()):
                if kind not in steps:
                    steps[kind] = steps[name] + 1
                    waiting.append(kind)
        return steps
