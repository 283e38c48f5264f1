"""How a function becomes an experiment: it is registered, and runs over a data set if it is to.

One without logits of classes runs on models that have no classifier, too: it says so,
`@over_data(Brightness, needs_classifier=False)`.

>>> @over_data(Brightness)
... def brightness(vit, data, *, channel=0):
...     '''How bright images are.
...
...     Args:
...         vit: The model.
...         data: The images.
...         channel: Which channel.
...     '''
...     return _BrightnessMeasure(vit, channel)
>>> brightness(vit, vl.world.Scenes(), n_images=200, save_to="runs").table()
"""

from __future__ import annotations

import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from vitlens_widgets.analysis.result import Result
from vitlens_widgets.analysis.stream import BatchMeasure, Totals, run
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.trace.example_batches import check_data
from vitlens_widgets.trace.vit import check_vit

R = TypeVar("R", bound=Result)
Function = TypeVar("Function", bound=Callable[..., Result])

Given = Literal["data", "infilling", "lens", "lenses", "model", "pair", "reading", "trace"]
"""What experiments are of: a model over a data set, or what they are given first."""


class Experiment(NamedTuple):
    """What is known of an experiment beside its signature."""

    function: Callable[..., Result]
    """What is called."""
    takes: Given
    """What it is of."""
    needs_classifier: bool
    """Whether it asks for logits of classes, and so refuses models that have none."""


_registered: dict[str, Experiment] = {}

experiments: Mapping[str, Experiment] = MappingProxyType(_registered)
"""All experiments by the name that they have in `vl.analysis`, such as `"heads.statistics"`."""

_STREAM = {
    name: parameter
    for name, parameter in inspect.signature(run).parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY
}
_STREAM_DOC = """\
    n_images: How many images; None for all there are.
    batch_size: How many images the model runs together.
    executor: Whose workers run it, such as `vl.cluster()` or a process pool; None for this process.
    save_to: A file to save to after every batch, and to go on from; see
        `vitlens_widgets.analysis.stream.run`."""


class Measures(BatchMeasure, Generic[R]):
    """What the body of an experiment over a data set returns: how to measure, and what it says."""

    def reads(self, data: Dataset) -> Dataset:
        """The data set as it is gone through; in its own order, if nothing else is said."""
        return data

    @abstractmethod
    def result(self, done: Totals) -> R:
        """What it all says."""


def experiment(
    takes: Given, *, part: str = "", needs_classifier: bool = True
) -> Callable[[Function], Function]:
    """Register a function that gives a `Result`, run in its own way: on weights, or on a reading.

    Args:
        takes: What it is of.
        part: The part of `vl.analysis` that has it, such as `"heads"`.
        needs_classifier: Whether it asks for logits of classes; it refuses models without, itself.

    Example:
        >>> @experiment("model")
        ... def value_vectors(vit: ViT, block: int) -> ValueVectors: ...
    """

    def register(function: Function) -> Function:
        name = f"{part}.{function.__name__}" if part else function.__name__
        _registered[name] = Experiment(function, takes, needs_classifier)
        return function

    return register


def over_data(
    result: type[R], *, needs_classifier: bool = True
) -> Callable[[Callable[..., Measures[R]]], Callable[..., R]]:
    """Make an experiment of a function that checks its own words and says how to measure a batch.

    The experiment takes what the function takes (`vit` and `data` first), and `n_images`,
    `batch_size`, `executor` and `save_to`, which are added to its signature and to `Args:` of its
    docstring. It refuses a model without a classifier if it needs one, runs `stream.run`, and gives
    what `Measures.result` makes of the totals. A function that names one of the four itself is
    given it, too.

    Args:
        result: The class of what it gives.
        needs_classifier: Whether it asks for logits of classes.
    """

    def build(define: Callable[..., Measures[R]]) -> Callable[..., R]:
        own = inspect.signature(define)

        @functools.wraps(define)
        def public(*given: Any, **words: Any) -> R:
            _check_words(define.__name__, words, signature)
            bound = signature.bind(*given, **words)
            bound.apply_defaults()
            stream = {name: bound.arguments[name] for name in _STREAM}
            for name in _STREAM.keys() - own.parameters.keys():
                del bound.arguments[name]
            vit = check_vit(bound.arguments["vit"], define.__name__)
            if needs_classifier:
                check_classifier(vit)
            check_data(bound.arguments["data"], needs_masks=False)
            measure = define(*bound.args, **bound.kwargs)
            data = measure.reads(bound.arguments["data"])
            return measure.result(run(measure, vit, data, **stream))

        signature = _with_stream(own, result)
        public.__signature__ = signature  # type: ignore[attr-defined]
        public.__doc__ = _documented(define)
        return experiment("data", needs_classifier=needs_classifier)(public)

    return build


def _check_words(name: str, words: Mapping[str, Any], signature: inspect.Signature) -> None:
    """Refuses what is misspelt by the experiment's name, with the nearest argument that it has."""
    for word in words.keys() - signature.parameters.keys():
        raise UsageError(
            f"{name} has no argument {word}=; it takes {', '.join(signature.parameters)}."
            f"{did_you_mean(word, signature.parameters)}"
        )


def _with_stream(own: inspect.Signature, result: type[Result]) -> inspect.Signature:
    """The parameters of the function, then those of the one loop."""
    parameters = [one for name, one in own.parameters.items() if name not in _STREAM]
    return own.replace(parameters=[*parameters, *_STREAM.values()], return_annotation=result)


def _documented(define: Callable[..., Any]) -> str:
    """The docstring, with what the one loop takes after the function's own arguments."""
    words, raises, after = (inspect.getdoc(define) or "").partition("\n\nRaises:")
    return f"{words.rstrip()}\n{_STREAM_DOC}{raises}{after}"
