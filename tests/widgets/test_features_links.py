"""Features linked with other views of an image: what is selected in one is selected in all."""

from __future__ import annotations

import pytest

import vitlens_widgets as vl
from tests.sentences import refused


@pytest.fixture
def seen(known):
    """The model, the scene, what was found, and a new widget of it."""
    vit, scene, found = known
    return vit, scene, found, vl.Features(found, vit, scene.image)


@pytest.fixture(scope="module")
def known():
    """Neurons of toy/p32 on a few scenes."""
    vit, scene = vl.load("toy/p32"), vl.world.scene(7, objects=2)
    return vit, scene, vl.analysis.activations(vit, vl.world.Scenes(), n_images=4)


def test_it_is_linked_with_a_patch_grid(seen):
    vit, scene, found, features = seen
    grid = vl.PatchGrid(vl.LogitLens(vit).read(vit.trace(scene.image)))
    link = vl.link(features, grid)
    assert set(link.names) == {"state", "token", "target", "image"}
    grid.state, grid.token, grid.target = 2, (4, 5), "key"
    assert (features.layer, features.token) == (2, vit.layout.token(4, 5))
    assert features._labels[features.target] == "key"
    features.target = "dog"
    assert vit.labels[grid.target] == "dog"
    features.target = None  # nothing is searched: the other keeps its class
    assert vit.labels[grid.target] == "dog"
    grid.target = "background"  # which the data set has not
    assert features.target is None
    other = vl.Features(found, vit, scene.image)
    vl.link(features, other, names=["layer", "feature"])
    features.feature = 17
    assert other.feature == 17


@pytest.mark.parametrize("is_alone", [True, False])
def test_it_is_linked_with_causes_of_the_same_image(seen, is_alone):
    vit, scene, _, features = seen
    clean = vit.trace(scene.image)
    runs = [clean] if is_alone else [clean, vit.trace(vl.world.scene(8, objects=2).image)]
    causes = vl.Causes(*runs, target="dog", against="key")
    link = vl.link(causes, features)
    assert set(link.names) == {"layer", "token", "target", "image"}
    assert features._labels[features.target] == "dog"
    causes.layer, causes.token = 3, (2, 6)
    assert (features.layer, features.token) == (3, vit.layout.token(2, 6))
    features.layer, features.feature, features.token = 1, 9, (0, 5)
    assert (causes.layer, causes.token) == (1, vit.layout.token(0, 5))
    features.target = "apple"
    assert vit.labels[causes.target] == "apple"
    features.target = None  # a search has ended, what is asked has not
    assert vit.labels[causes.target] == "apple"
    features.target = "key"  # which it is compared with: they change places
    assert (vit.labels[causes.target], vit.labels[causes.against]) == ("key", "apple")
    causes.token = None
    assert features.token is None
    link.unlink()
    causes.layer = 5
    assert features.layer == 1


def test_it_is_linked_with_an_explorer_of_the_same_image(seen):
    vit, scene, _, features = seen
    explorer = vl.explore(vit, scene)
    features.layer = 2
    link = vl.link(features, explorer)
    assert set(link.names) == {"state", "token", "target"}
    assert explorer.state == 2
    explorer.state = vit.n_layers  # the final one, after the last block
    assert features.layer == vit.n_layers - 1
    features.layer, features.token = 4, (6, 0)
    assert (explorer.state, explorer.token) == (4, vit.layout.token(6, 0))
    explorer.target = "dog"
    assert features._labels[features.target] == "dog"


def test_another_image_and_blocks_left_out_are_not_linked_unasked(seen):
    vit, scene, _, features = seen
    other = vl.Causes(vit.trace(vl.world.scene(8, objects=2).image))
    with refused(vl.UsageError):
        vl.link(features, other)
    vl.link(features, other, names=["layer", "target"])
    features.layer = 3
    assert other.layer == 3
    some = vl.analysis.activations(vit, vl.world.Scenes(), n_images=2, layers=[1, 4])
    partly = vl.Features(some, vit, scene.image)
    assert set(vl.link(partly, vl.Causes(vit.trace(scene.image))).names) == {
        "token",
        "target",
        "image",
    }
