"""Training: what the losses ask, and that an interruption loses nothing."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.sentences import refused
from tests.test_files import room_for
from tests.world.small_decoders import FLOW, randomised
from vitlens_widgets import UsageError, world
from vitlens_widgets.world.__main__ import main
from vitlens_widgets.world.cards import weights_file
from vitlens_widgets.world.catalogue import DECODERS, goal_of
from vitlens_widgets.world.decoders.flow import FlowNetwork
from vitlens_widgets.world.network import load_classifier, make_network
from vitlens_widgets.world.training import loop
from vitlens_widgets.world.training import optimizer as optimizers
from vitlens_widgets.world.training.classify import (
    LOSSES,
    Classify,
    SceneBatch,
    class_label,
    multiple_instance,
    taught_patches,
)
from vitlens_widgets.world.training.loop import Checkpoint, one_core_left, train
from vitlens_widgets.world.training.paint import PaintReadout
from vitlens_widgets.world.training.recipes import RECIPES
from vitlens_widgets.world.training.task import FIRST_TRAINING_SEED, Recipe, stream
from vitlens_widgets.world.weights import Design, read_facts

TINY = Design(layers=2, width=16, heads=2)
TASK = Classify("multiple-instance", TINY)


@pytest.fixture
def answers() -> tuple[np.ndarray, SceneBatch]:
    """Answers to three images, `[3, 50, 17]`, of which two show two classes."""
    rng = np.random.default_rng(11)
    present = np.zeros((3, 16), np.float32)
    for image, classes in enumerate(([2], [3, 15], [0, 7])):
        present[image, classes] = 1
    shares = torch.tensor(rng.dirichlet(np.ones(17), (3, 49)))
    batch = SceneBatch(torch.zeros(3, 8, 8, 3, dtype=torch.uint8), torch.tensor(present), shares)
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
    batch = TASK.draw(3, batch_size=6)
    assert batch.images.shape == (6, 112, 112, 3)
    assert batch.present.sum(dim=1).tolist() == [1, 2, 1, 2, 1, 2]
    first = FIRST_TRAINING_SEED + 3 * 6
    expected = [world.scene(first + i, 1 + i % 2, 112).image for i in range(6)]
    np.testing.assert_array_equal(batch.images.numpy(), np.stack(expected))
    assert FIRST_TRAINING_SEED == 1_000_000_000


def test_a_stream_can_start_anywhere():
    later = list(stream(TASK.draw, 2, 4, batch_size=3))
    assert len(later) == 2
    for index, batch in zip((2, 3), later, strict=True):
        assert torch.equal(batch.images, TASK.draw(index, 3).images)


def test_the_learning_rate_warms_up_and_falls_to_two_percent():
    shares = [optimizers.rate_share(i, 1000) for i in range(1000)]
    assert np.allclose(shares[:200], np.arange(1, 201) / 200)
    assert np.all(np.diff(shares[200:]) < 0)
    assert abs(shares[600] - 0.51) < 0.01
    assert abs(shares[-1] - 0.02) < 0.001


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_the_rest():
    model = make_network(16, Design(layers=2))
    muon, adamw = optimizers.Optimizer(model, 10)._parts
    sizes = [
        sum(p.numel() for group in part.param_groups for p in group["params"])
        for part in (muon, adamw)
    ]
    assert sizes[0] == 2 * 12 * 192 * 192
    assert sum(sizes) == sum(p.numel() for p in model.parameters())


def test_an_old_torch_is_told_what_training_needs(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with refused(UsageError):
        optimizers.Optimizer(make_network(16, TINY), 10)


def test_muon_takes_the_matrices_of_other_libraries_layers_too():
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    decoder = {f"decoder_{name}": value for name, value in small.items()}
    decoder["decoder_intermediate_size"] = 32
    config = ViTMAEConfig(**small, **decoder, intermediate_size=32, image_size=32, patch_size=16)
    model = ViTMAEForPreTraining(config)
    muon, adamw = optimizers.Optimizer(model, 10)._parts
    named = {id(p): name for name, p in model.named_parameters()}
    matrices = [named[id(p)] for group in muon.param_groups for p in group["params"]]
    others = [named[id(p)] for group in adamw.param_groups for p in group["params"]]
    assert len(matrices) == 2 * 2 * 6
    assert {"vit.embeddings.cls_token", "decoder.decoder_pred.weight"} <= set(others)


class PowerCutError(Exception):
    """Stands for an end without notice."""


def train_until(step: int, error: type[BaseException], recipe: Recipe, folder, monkeypatch) -> None:
    """Train, and raise `error` in the loss of a step."""
    loss, steps = LOSSES[recipe.task.goal], iter(range(recipe.steps))

    def failing(logits: torch.Tensor, batch: SceneBatch) -> torch.Tensor:
        if next(steps) == step:
            raise error
        return loss(logits, batch)

    with monkeypatch.context() as patched:
        patched.setitem(LOSSES, recipe.task.goal, failing)
        with pytest.raises(error):
            train(recipe, folder, "model", save_every=2, progress=False)


def assert_equal(one, other) -> None:
    """Two weights files hold the same, bit by bit."""
    ours, theirs = load_file(one), load_file(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert read_facts(one) == read_facts(other)


def saved_steps(folder) -> int:
    return torch.load(folder / "model.checkpoint", weights_only=True)["done"]


@pytest.mark.parametrize(("error", "saved"), [(PowerCutError, 2), (KeyboardInterrupt, 3)])
def test_an_interrupted_training_ends_with_the_same_weights(error, saved, tmp_path, monkeypatch):
    recipe = Recipe(TASK, images=20, batch_size=4)
    whole = train(recipe, tmp_path / "whole", "model", save_every=2)
    train_until(3, error, recipe, tmp_path / "cut", monkeypatch)
    assert saved_steps(tmp_path / "cut") == saved
    resumed = train(recipe, tmp_path / "cut", "model", save_every=2)
    assert_equal(whole, resumed)


def test_ctrl_c_waits_for_a_whole_step(tmp_path, monkeypatch):
    recipe = Recipe(TASK, images=20, batch_size=4)
    step, before = optimizers.Optimizer.step, signal.getsignal(signal.SIGINT)

    def interrupted(self, index: int) -> None:
        if index == 3:
            signal.raise_signal(signal.SIGINT)
        step(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(optimizers.Optimizer, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "cut", "model")
    assert signal.getsignal(signal.SIGINT) is before
    assert saved_steps(tmp_path / "cut") == 4
    whole = train(recipe, tmp_path / "whole", "model")
    assert_equal(whole, train(recipe, tmp_path / "cut", "model"))


def test_a_task_can_be_sent_to_the_process_that_draws():
    assert pickle.loads(pickle.dumps(TASK)) == TASK


def test_training_leaves_torchs_generator_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(Recipe(TASK, images=4, batch_size=4), tmp_path, "model")
    assert torch.equal(torch.rand(3), expected)


def test_training_leaves_a_core_to_its_worker_and_the_threads_as_they_were(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with one_core_left():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_training_begins_with_embedded_weights_and_scenes_that_they_have_not_seen(tmp_path):
    name = "toy/attn-only-1l"
    task = Classify("class", Design(1, width=128, heads=4, mlp=False))
    before = load_file(weights_file(name))
    seen = read_facts(weights_file(name))["images"]
    weights = train(
        Recipe(task, images=12, batch_size=4, rate=1e-6, begin_with=name), tmp_path, "model"
    )
    for key, value in load_file(weights).items():
        torch.testing.assert_close(value, before[key], rtol=0.01, atol=1e-4)
    facts = read_facts(weights)
    assert facts["images"] == seen + 12
    assert facts["begun_with"] == name


def test_the_scenes_of_a_later_training_are_others(tmp_path, monkeypatch):
    first = RECIPES["toy/attn-only-1l"].images // 4
    drawn = []

    def noted(draw, start, stop, batch_size):
        drawn.append((start, stop))
        return stream(draw, start, stop, batch_size)

    monkeypatch.setattr(loop, "stream", noted)
    task = Classify("class", Design(1, width=128, heads=4, mlp=False))
    train(Recipe(task, images=8, batch_size=4, begin_with="toy/attn-only-1l"), tmp_path, "model")
    train(Recipe(task, images=8, batch_size=4), tmp_path, "fresh")
    assert drawn == [(first, first + 2), (0, 2)]


def test_weights_of_another_network_are_no_beginning(tmp_path):
    with refused(UsageError):
        train(Recipe(TASK, images=4, batch_size=4, begin_with="toy/p32"), tmp_path, "model")


def test_a_painter_that_begins_with_weights_has_them_in_its_mean_too():
    task = PaintReadout(FLOW)
    weights = randomised(FlowNetwork(FLOW)).state_dict()
    model = task.make_model()
    task.begin(model, weights)
    for network in (model.network, model.mean):
        for name, value in network.state_dict().items():
            torch.testing.assert_close(value, weights[name], rtol=0, atol=0)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    train(Recipe(TASK, images=4, batch_size=4), tmp_path, "model")
    with refused(UsageError):
        train(Recipe(TASK, images=8, batch_size=4, seed=1), tmp_path, "model")


def test_a_checkpoint_that_finds_no_room_is_said_and_the_one_before_it_stays(tmp_path):
    model = torch.nn.Linear(30, 30)
    optimizer = torch.optim.SGD(model.parameters())
    kept = Checkpoint(tmp_path / "model.training", {"of": "a test"})
    kept.save(model, optimizer, 1)
    before = kept.path.read_bytes()
    with room_for(500), refused(UsageError):
        kept.save(model, optimizer, 2)
    assert kept.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [kept.path]


def _emptied(path):
    path.write_bytes(path.read_bytes()[:500])


def _changed(change):
    def act(path):
        state = torch.load(path, weights_only=True)
        change(state)
        torch.save(state, path)

    return act


DAMAGES = {
    "cut off": _emptied,
    "no weights": _changed(lambda state: state.pop("model")),
    "a weight less": _changed(lambda state: state["model"].popitem()),
    "NaN": _changed(lambda state: next(iter(state["model"].values())).fill_(float("nan"))),
    "steps below 0": _changed(lambda state: state.update(done=-1)),
    "steps that are no number": _changed(lambda state: state.update(done=1.5)),
    "no optimiser": _changed(lambda state: state.update(optimizer=[])),
    "no schema": _changed(lambda state: state.pop("schema")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_refused_and_stays(name, tmp_path):
    recipe = Recipe(TASK, images=4, batch_size=4)
    model = TASK.make_model()
    optimizer = optimizers.Optimizer(model, recipe.steps)
    checkpoint = Checkpoint(tmp_path / "model.checkpoint", recipe.facts())
    checkpoint.save(model, optimizer, 1)
    assert checkpoint.load(model, optimizer) == 1
    DAMAGES[name](checkpoint.path)
    before = checkpoint.path.read_bytes()
    with refused(UsageError):
        checkpoint.load(model, optimizer)
    assert checkpoint.path.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["toy/p33"], "no embedded model 'toy/p33'; there are "),
        (["toy/p32", "--images", "0"], "0 is not 1 or more"),
        (["toy/p32", "--save-every", "-3"], "-3 is not 1 or more"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(line, sentence, capsys):
    with pytest.raises(SystemExit):
        main(["train", *line])
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("goal", LOSSES)
@pytest.mark.parametrize("mlp", [True, False])
def test_learning_lowers_each_loss(goal, mlp):
    torch.manual_seed(1)
    task = Classify(goal, Design(layers=1, width=64, heads=2, mlp=mlp))
    model, batch = task.make_model(), task.draw(0, batch_size=4)
    optimizer = optimizers.Optimizer(model, steps=40)
    values = []
    for step in range(40):
        loss = task.learn(model, batch)
        loss.backward()
        values.append(loss.item())
        optimizer.step(step)
    assert values[-1] < 0.7 * values[0]


def test_the_documented_command_survives_ctrl_c_and_finishes(tmp_path):
    line = [sys.executable, "-m", "vitlens_widgets.world", "train", "toy/p32-cls"]
    line += ["--folder", str(tmp_path), "--images", "768", "--save-every", "1", "--scenes", "4"]
    running = subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that has started these tests in the background has them ignore Ctrl-C
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    checkpoint = tmp_path / "toy-p32-cls.checkpoint"
    while not checkpoint.exists() and running.poll() is None:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert "Interrupted; the same command goes on" in errors
    assert "Traceback" not in errors
    main(line[3:])
    weights = tmp_path / "toy-p32-cls.safetensors"
    facts = read_facts(weights)
    assert (facts["kind"], facts["goal"], facts["images"]) == ("classes", "class", 768)
    assert Design.of(facts) == Design()
    assert load_classifier(weights).head.out_features == 17
    assert weights.with_suffix(".json").exists()


def test_every_embedded_model_was_trained_by_its_recipe():
    names = [*world.NAMES, *DECODERS]
    assert set(RECIPES) >= set(names)
    for name in names:
        recipe = RECIPES[name]
        noted, facts = read_facts(weights_file(name)), recipe.facts()
        early = set(noted) == {"images"}  # of the first three files, nothing else was noted
        if noted.get("begun_with") == name:  # in more than one turn
            del noted["begun_with"]
        assert noted == ({"images": facts["images"]} if early else facts)
        assert goal_of(name) == facts.get("goal", goal_of(name))
