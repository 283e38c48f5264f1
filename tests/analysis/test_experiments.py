"""Every registered experiment is asked, gives, and says of itself what all others do."""

from __future__ import annotations

import dataclasses
import inspect
import re
from operator import attrgetter

import numpy as np
import pytest
from pandas import DataFrame

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import MODELS, examples
from tests.analysis.titles import check_titles, title_of
from tests.over_data import OVER_DATA
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis import Result, experiments
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.result import check_name


@pytest.fixture(scope="module")
def vit():
    return vl.load(MODELS["CLS"]())


def test_the_public_face_has_all_of_them():
    for name, experiment in experiments.items():
        part, _, own = f"analysis.{name}".rpartition(".")
        assert getattr(attrgetter(part)(vl), own) is experiment.function
        assert own in attrgetter(part)(vl).__all__


def test_each_says_what_it_takes_as_its_parameters_do():
    first = {"data": "vit", "model": "vit", "pair": "clean"}
    for experiment in experiments.values():
        names = list(inspect.signature(experiment.function).parameters)
        assert names[0] == first.get(experiment.takes, experiment.takes)
        assert ("data" in names) == (experiment.takes == "data")


@pytest.mark.parametrize("name", experiments)
def test_help_says_what_every_parameter_is(name):
    words = inspect.getdoc(experiments[name].function)
    arguments = words.split("Args:\n")[1].split("\n\n")[0]
    for parameter in inspect.signature(experiments[name].function).parameters:
        assert f"    {parameter}: " in arguments


@pytest.mark.parametrize("name", OVER_DATA)
def test_those_over_data_are_asked_in_the_same_words(name):
    parameters = list(inspect.signature(experiments[name].function).parameters.values())
    last = {one.name: one.default for one in parameters[-4:]}
    assert last == {"n_images": None, "batch_size": 16, "executor": None, "save_to": None}
    assert all(one.kind is one.KEYWORD_ONLY for one in parameters[2:])


@pytest.mark.parametrize("name", OVER_DATA)
def test_their_results_have_a_table_a_figure_and_a_summary(vit, name):
    data = examples(vit, 2)
    found = experiments[name].function(vit, data, n_images=2)
    assert isinstance(found, Result)
    assert type(found) is inspect.signature(experiments[name].function).return_annotation
    table = found.table()
    assert isinstance(table, DataFrame)
    assert found.title in table.attrs["title"]
    check_titles(name, found)
    assert title_of(found.figure()).endswith(f": {found.title.whose}")
    assert found.title.startswith(found.title.whose)
    assert found.summary().startswith(found.title)
    assert re.search(r"±|\(\d\.\d+ to \d\.\d+\)", found.summary())  # Wilson's has two ends


def test_the_values_of_a_summary_are_those_of_the_result(vit):
    found = vl.analysis.identifiability(vit, examples(vit, 3))
    rate = found.values["rate"]
    assert f"{rate.mean[-1]:.3f} ± {rate.half[-1]:.3f}" in found.summary()
    stored = vl.analysis.value_vectors(vit, 1)
    strongest = stored.table().iloc[0]
    assert f"promote {strongest['class 1']} ({strongest['vector']})" in stored.summary()
    assert title_of(stored.figure()).endswith(f": {stored.title}")
    agreement = vl.analysis.class_value_agreement(vit)
    largest = agreement.values["MLP"].mean.max()
    assert f"MLP: at most {largest:.3f}" in agreement.summary()


def test_a_name_that_is_none_is_answered_by_all_that_there_are():
    assert check_name("rate", ["score", "rate"]) == "rate"
    with refused(vl.UsageError):
        check_name("rates", ["score", "rate"])


@dataclasses.dataclass
class Images(Result):
    """How many there were."""

    title: str
    n: int

    def table(self):
        return DataFrame({"n": [self.n]})

    def figure(self):
        raise NotImplementedError

    def summary(self):
        return f"{self.title}: {self.n}"


class ImagesMeasure(Measures):
    name, needs_masks, labels = "images", False, None

    def __init__(self, times, n_images):
        self.settings = self.usual = {"times": times}
        self.asked = n_images

    def measure(self, batch):

        return {"n": np.array(len(batch) * self.settings["times"])}

    def result(self, done):
        return Images(f"{done.title} of {self.asked}", int(done.tallies["n"]))


def counted_images(vit, data, *, times=1, n_images=None):  # noqa: ARG001  # the one loop reads them
    """How many images there are.

    Args:
        vit: The model.
        data: The images.
        times: Counted so often.

    Raises:
        UsageError: Never.
    """
    return ImagesMeasure(times, n_images)


@pytest.fixture
def images(monkeypatch):
    monkeypatch.setattr("vitlens_widgets.analysis.experiment._registered", {})
    return over_data(Images)(counted_images)


def test_an_experiment_of_ones_own_is_one_function(vit, images):
    found = images(vit, examples(vit, 5), times=2, n_images=4, batch_size=3)
    assert found.n == 8
    assert found.title.endswith("of 4")  # what the function asked for, it was given
    assert [*inspect.signature(images).parameters] == [
        "vit", "data", "times", "n_images", "batch_size", "executor", "save_to",
    ]  # fmt: skip
    assert "times: Counted so often.\n    n_images: How many" in images.__doc__
    assert images.__doc__.endswith("Raises:\n    UsageError: Never.")
    with refused(vl.UsageError):
        images("toy/p32", examples(vit, 5))
    with pytest.raises(TypeError, match="data"):
        images(vit)


def test_one_that_needs_no_classifier_says_so(vit, images, monkeypatch):
    registered = {}
    monkeypatch.setattr("vitlens_widgets.analysis.experiment._registered", registered)
    bare, data = vl.load(timm_model("CLS", num_classes=0)), examples(vit, 5)
    with refused(vl.UsageError):
        images(bare, data)
    free = over_data(Images, needs_classifier=False)(counted_images)
    assert free(bare, data).n == 5
    assert registered["counted_images"] == (free, "data", False)
