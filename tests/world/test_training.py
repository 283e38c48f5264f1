"""Training: what the losses ask, and that an interruption loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vitlens_widgets import UsageError, world
from vitlens_widgets.world import train as command
from vitlens_widgets.world.network import load_served, make_network
from vitlens_widgets.world.training import optimizer as optimizers
from vitlens_widgets.world.training.batches import FIRST_TRAINING_SEED, Batch, FreshScenes, stream
from vitlens_widgets.world.training.loop import learn, train
from vitlens_widgets.world.training.losses import class_label, multiple_instance, taught_patches
from vitlens_widgets.world.training.recipes import RECIPES, Recipe


@pytest.fixture
def answers() -> tuple[np.ndarray, Batch]:
    """Answers to three images, `[3, 50, 17]`, of which two show two classes."""
    rng = np.random.default_rng(11)
    present = np.zeros((3, 16), np.float32)
    for image, classes in enumerate(([2], [3, 15], [0, 7])):
        present[image, classes] = 1
    shares = torch.tensor(rng.dirichlet(np.ones(17), (3, 49)))
    batch = Batch(torch.zeros(3, 8, 8, 3, dtype=torch.uint8), torch.tensor(present), shares)
    return rng.normal(0, 2, (3, 50, 17)), batch


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def expected_class_label(logits: np.ndarray, present: np.ndarray) -> float:
    chances = log_softmax(logits[:, 0])[:, :16]
    return -np.mean([chances[i][present[i] > 0].mean() for i in range(len(present))])


def test_the_class_label_is_shared_between_the_classes_of_an_image(answers):
    logits, batch = answers
    found = class_label(torch.tensor(logits), batch)
    assert np.isclose(found, expected_class_label(logits, batch.present.numpy()))


def test_multiple_instance_hears_five_patches_and_prices_answers(answers):
    logits, batch = answers
    present = batch.present.numpy()
    chances = np.exp(log_softmax(logits[:, 1:]))
    expected = 0.0
    for image in range(3):
        for label in range(16):
            evidence = np.sort(chances[image, :, label])[-5:].mean()
            expected -= np.log(evidence if present[image, label] else 1 - evidence) / 3
    expected += expected_class_label(logits, present)
    expected += 0.1 * (1 - chances[..., 16]).mean()
    assert np.isclose(multiple_instance(torch.tensor(logits).float(), batch), expected)


def test_taught_patches_must_tell_what_covers_them(answers):
    logits, batch = answers
    chances = log_softmax(logits[:, 1:])
    expected = expected_class_label(logits, batch.present.numpy())
    expected -= (batch.shares.numpy() * chances).sum(axis=-1).mean()
    assert np.isclose(taught_patches(torch.tensor(logits), batch), expected)


def test_training_scenes_are_half_and_half_and_never_held_out():
    batch = FreshScenes(batches=4, batch_size=6)[3]
    assert batch.images.shape == (6, 112, 112, 3)
    assert batch.present.sum(dim=1).tolist() == [1, 2, 1, 2, 1, 2]
    first = FIRST_TRAINING_SEED + 3 * 6
    expected = [world.scene(first + i, 1 + i % 2, 112).image for i in range(6)]
    np.testing.assert_array_equal(batch.images.numpy(), np.stack(expected))
    assert FIRST_TRAINING_SEED == 1_000_000_000


def test_a_stream_can_start_anywhere():
    later = list(stream(2, 4, batch_size=3))
    whole = FreshScenes(4, 3)
    assert len(later) == 2
    for index, batch in zip((2, 3), later, strict=True):
        assert torch.equal(batch.images, whole[index].images)


def test_the_learning_rate_warms_up_and_falls_to_two_percent():
    shares = [optimizers.rate_share(i, 1000) for i in range(1000)]
    assert np.allclose(shares[:200], np.arange(1, 201) / 200)
    assert np.all(np.diff(shares[200:]) < 0)
    assert abs(shares[600] - 0.51) < 0.01
    assert abs(shares[-1] - 0.02) < 0.001


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_the_rest():
    model = make_network(patch=16, blocks=2)
    muon, adamw = optimizers.Optimizer(model, 10)._parts
    sizes = [
        sum(p.numel() for group in part.param_groups for p in group["params"])
        for part in (muon, adamw)
    ]
    assert sizes[0] == 2 * 12 * 192 * 192
    assert sum(sizes) == sum(p.numel() for p in model.parameters())


def test_an_old_torch_is_told_what_training_needs(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(UsageError, match=r"Training needs torch 2\.9 or later"):
        optimizers.Optimizer(make_network(patch=16, blocks=1), 10)


class CtrlCError(Exception):
    """Stands for Ctrl-C at a chosen step."""


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    calls = []

    def failing(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 4:
            raise CtrlCError
        return multiple_instance(logits, batch)

    recipe = Recipe(multiple_instance, images=20, batch_size=4)
    whole = train(recipe, tmp_path / "whole", "model", save_every=2)
    with pytest.raises(CtrlCError):
        train(Recipe(failing, images=20, batch_size=4), tmp_path / "cut", "model", save_every=2)
    resumed = train(recipe, tmp_path / "cut", "model", save_every=2)
    ours, theirs = load_file(whole), load_file(resumed)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_checkpoint_of_another_length_is_refused(tmp_path):
    train(Recipe(class_label, images=4, batch_size=4), tmp_path, "model")
    with pytest.raises(UsageError, match=r"model\.checkpoint is of a training of 1 steps"):
        train(Recipe(class_label, images=8, batch_size=4), tmp_path, "model")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["toy/p33"], "invalid choice: 'toy/p33'"),
        (["toy/p32", "--images", "0"], "0 is not 1 or more"),
        (["toy/p32", "--save-every", "-3"], "-3 is not 1 or more"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(line, sentence, capsys):
    with pytest.raises(SystemExit):
        command.main(line)
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("loss", [class_label, multiple_instance, taught_patches])
def test_learning_lowers_each_loss(loss):
    torch.manual_seed(1)
    model = make_network(patch=16, blocks=1)
    optimizer = optimizers.Optimizer(model, steps=20)
    batch = FreshScenes(1, batch_size=4)[0]
    values = []
    for step in range(20):
        values.append(learn(model, batch, loss))
        optimizer.step(step)
    assert values[-1] < 0.7 * values[0]


def test_the_documented_command_survives_ctrl_c_and_finishes(tmp_path):
    line = [sys.executable, "-m", "vitlens_widgets.world.train", "toy/p32-cls"]
    line += ["--folder", str(tmp_path), "--images", "256", "--save-every", "1", "--scenes", "4"]
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "toy-p32-cls.checkpoint"
    while not checkpoint.exists() and running.poll() is None:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert "Interrupted; the same command goes on" in errors
    assert "Traceback" not in errors
    command.main(line[3:])
    weights = tmp_path / "toy-p32-cls.safetensors"
    with safe_open(weights, framework="pt") as file:
        assert file.metadata() == {"images": "256"}
    assert load_served(weights).head.out_features == 17
    assert weights.with_suffix(".json").exists()


def test_every_embedded_model_has_a_recipe():
    assert set(RECIPES) == set(world.NAMES)
