"""What the head tour says of toy/p32 in words is what its cells find."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.notebooks.cells import run, start_exercises

CELLS = (
    *("setup", "scenes", "numbers", "classes", "agreement", "offsets", "objects", "objects-see"),
    *("rollout", "training", "explanation-tools", "knock", "idle"),
    *("adversary-search", "adversary", "shuffle"),
)
"""Those that compute; the others only show."""


@pytest.fixture(scope="module")
def tour():
    return run("04_attention_head_tour", CELLS)


def test_no_head_is_very_local_and_distance_does_not_grow_with_depth(tour):
    distance, uniform = tour["found"].values["distance"], tour["found"].null("distance")
    assert distance.min() > 0.7 * uniform
    assert distance[-1].mean() < distance[0].mean()


def test_local_heads_are_clear_and_one_reads_the_edge_and_leans_towards_the_corners(tour):
    strongest = tour["strongest"]
    assert strongest["neighbours"]["ratio"] > 1.8
    assert strongest["neighbours"]["z"] > 8
    assert strongest["row"]["ratio"] < 1.5
    assert strongest["column"]["ratio"] < 1.5
    corner = strongest["corner"]
    assert (corner["layer"], corner["head"]) == (1, 0)
    assert corner["score"] == pytest.approx(0.149, abs=0.005)
    assert corner["by_chance"] == pytest.approx(0.082, abs=0.005)
    assert 3.5 < corner["z"] < 4.5
    assert strongest["row"]["ratio"] == pytest.approx(1.3, abs=0.05)
    assert strongest["column"]["ratio"] == pytest.approx(1.2, abs=0.05)
    steady = tour["steady"]
    assert (steady["layer"], steady["head"]) == (
        strongest["edge"]["layer"],
        strongest["edge"]["head"],
    )
    assert steady["agreement"] > 2 * np.sort(tour["found"].values["agreement"].ravel())[-2]


def test_the_strongest_head_for_things_does_better_than_neighbours(tour):
    best = tour["ranked"][0]
    assert best["ratio"] > 4
    assert best["ratio"] > 2 * tour["near"][best["layer"], best["head"]]


def test_what_receives_most_is_no_sink_of_long_states(tour):
    trace, scenes = tour["trace"], tour["scenes"]
    on_things = 0
    for image, scene in enumerate(scenes):
        found = tour["heads"].statistics(trace, image)
        layer, head = np.unravel_index(found.values["sink"].argmax(), found.shape)
        assert 0.1 < found.values["sink"][layer, head] < 0.5
        position = found.sinks[layer, head]
        norms = trace.states[layer, image].norm(dim=-1)
        assert norms[position] < 1.5 * norms.median()
        row, col = trace.layout.row_col(int(position))
        side = scene.instance_mask.shape[0] // trace.layout.rows
        patch = scene.instance_mask[row * side : (row + 1) * side, col * side : (col + 1) * side]
        on_things += (patch > 0).mean() > 0.4
    assert on_things > len(scenes) / 2


def test_rollout_prefers_things_but_most_of_it_is_elsewhere(tour):
    assert tour["area"] + 0.05 < tour["share"] < 0.5


def test_random_weights_attend_almost_uniformly(tour):
    random, null = tour["random_found"], tour["random_found"].null("entropy")
    assert random.values["entropy"].min() > 0.99 * null
    assert np.mean(tour["random_same"]["ratio"]) == pytest.approx(1, abs=0.05)
    assert random.values["agreement"].mean() == pytest.approx(0.01, abs=0.005)


def test_heavily_attended_tokens_can_be_idle(tour):
    assert len(tour["idle"]) >= 5
    assert len(tour["idle"]) < len(tour["heavy"]) / 2


def test_another_pattern_gives_the_same_answer_and_a_shuffled_one_does_not(tour):
    one, middle, last = (tour[name] for name in ("one", "MIDDLE", "LAST"))
    for layer, other in tour["others"].items():
        assert tour["change"](other, one).item() < 0.05
        assert other.logits[0].argmax() == one.logits[0].argmax()
        assert (other.attention(layer)[:, :, 1:] == one.attention(layer)[:, :, 1:]).all()
    own, shown = (run.attention(middle)[:, :, [0]] for run in (one, tour["others"][middle]))
    assert tour["divergence"](own, shown).mean() > 0.5
    assert torch.minimum(own, shown).sum(-1).mean() < 0.15
    assert tour["divergence"](own.mean(1), shown.mean(1)).mean() > 0.4  # as the maps show it
    own, stays = (run.attention(last)[:, :, [0]] for run in (one, tour["others"][last]))
    assert torch.minimum(own, stays).sum(-1).mean() > 0.5
    assert torch.stack(tour["moved"]).median() > 0.3  # of the last layer's shuffles


def test_the_exercises_start_from_calls_that_work(tour):
    assert start_exercises("04_attention_head_tour", dict(tour)) == 4
