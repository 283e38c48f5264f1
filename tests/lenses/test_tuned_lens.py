"""The tuned lens: its loss, gradients and steps by other hands, whole fits, and their files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import nn

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.fitted_by_hand import random_translators, small, token_names, translated
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from tests.zoo_sweep import texts
from vitlens_widgets.lenses.fitted import split as split_file
from vitlens_widgets.lenses.fitted import training
from vitlens_widgets.lenses.fitted.affine import Translators
from vitlens_widgets.lenses.fitted.descent import Descent, Objective, at_rest
from vitlens_widgets.lenses.fitted.kinds import kinds_of
from vitlens_widgets.lenses.fitted.moments import moments, solved
from vitlens_widgets.lenses.fitted.split import HeldOutSplit

SPECIAL = ["CLS", "mean of patches", "distillation", "four registers and layer scale"]
QUICK = {"n_images": 12, "held_out": 4, "batch_size": 3, "steps": 6}


def log_p(logits):
    return log_softmax(np.asarray(logits, float), -1)


def kl(final, lens):
    """KL(final || lens) over the last axis, in NumPy."""
    final, lens = log_p(final), log_p(lens)
    return (np.exp(final) * (final - lens)).sum(-1)


def loss_by_hand(vit, states, kinds, target, translators):
    """The loss of each state, `[state]`, from the model's own functions and NumPy."""
    names = token_names(vit)
    moved = translated(states[:-1], names, kinds, **translators).to(states.dtype)
    with torch.no_grad():
        final = vit.adapter.token_logits(states[-1])
        answer = vit.adapter.readout_logits(states[-1])
        losses = []
        for state in moved:
            goal = final if target == "token" else answer[:, None].expand_as(final)
            of = kl(goal, vit.adapter.token_logits(state))  # [image, token]
            of_kinds = [of[:, [kind in ("all", name) for name in names]].mean() for kind in kinds]
            if vit.readout.name != "CLS":
                of_kinds.append(kl(answer, vit.adapter.readout_logits(state)).mean())
            losses.append(sum(of_kinds))
    return np.array(losses)


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("target", ["token", "readout"])
@pytest.mark.parametrize("special", SPECIAL)
def test_the_loss_and_its_gradients(special, target, rank):
    """Against the formula, and against finite differences in a random direction."""
    vit = vl.load(timm_model(special).double())
    pixels = pixels_for(vit.image_size).double()
    states = vit.trace(pixels, preprocessed=True).states
    for kinds in (kinds_of(vit), ("all",)):
        words = random_translators(vit, 3, len(kinds), rank)
        fine = {name: part.double() for name, part in words.items()}
        objective = Objective(vit, kinds, target)
        slopes, losses = objective.gradients(states, Translators(**fine))
        by_hand = loss_by_hand(vit, states, kinds, target, fine)
        np.testing.assert_allclose(losses, by_hand, rtol=1e-5)
        generator = torch.Generator().manual_seed(8)
        for name, part in fine.items():
            way = torch.randn(part.shape, generator=generator).double()
            step = 1e-3  # logits are compared in float32
            up, down = (
                objective.gradients(states, Translators(**{**fine, name: part + sign * step * way}))
                for sign in (1, -1)
            )
            found = (getattr(slopes, name) * way).sum().item()
            expected = ((up[1] - down[1]).sum() / (2 * step)).item()
            assert found == pytest.approx(expected, rel=5e-3, abs=5e-4)
    assert all(weight.grad is None for weight in vit.model.parameters())


def test_states_learn_by_themselves():
    """What a state's translators are does not change the gradients of another's."""
    vit = small("CLS")
    states = vit.trace(pixels_for(vit.image_size), preprocessed=True).states
    words = random_translators(vit, 3, 2)
    other = {name: part.clone() for name, part in words.items()}
    other["bias"][1] += 1
    objective = Objective(vit, kinds_of(vit), "token")
    one, two = (objective.gradients(states, Translators(**w))[0] for w in (words, other))
    for k in (0, 2):
        assert torch.equal(one.weight[k], two.weight[k])
    assert not torch.equal(one.weight[1], two.weight[1])


@pytest.mark.parametrize("size", [0.01, 10.0])
def test_a_step_is_pytorchs(size):
    """SGD with Nesterov momentum, weight decay, and the whole gradient cut back to 1."""
    g = torch.Generator().manual_seed(0)
    parts = [torch.randn(2, 3, 4, 4, generator=g), torch.randn(2, 3, 4, generator=g)]
    theirs = [nn.Parameter(part.clone()) for part in parts]
    sgd = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    mine = at_rest(Translators(*parts))
    for step in range(5):
        slopes = [size * torch.randn(part.shape, generator=g) for part in parts]
        for part, slope in zip(theirs, slopes, strict=True):
            part.grad = slope.clone()
        nn.utils.clip_grad_norm_(theirs, 1.0)
        rate = 0.1 * (1 - step / 5)
        sgd.param_groups[0]["lr"] = rate
        sgd.step()
        mine = mine.step(Translators(*slopes), rate, 1e-3)
    for part, other in zip(mine.translators[:2], theirs, strict=True):
        torch.testing.assert_close(part, other.detach())
    assert mine.translators.up is None


class Theirs(nn.Module):
    """The tuned lens as its authors write it: h + W h + b from W = 0 and b = 0 on, then unembed."""

    def __init__(self, d, norm, unembed):
        super().__init__()
        self.translator = nn.Linear(d, d)
        nn.init.zeros_(self.translator.weight)
        nn.init.zeros_(self.translator.bias)
        self.norm, self.unembed = norm, unembed

    def forward(self, h):
        return self.unembed(self.norm(h + self.translator(h)))


def test_the_authors_translator_and_loss():
    """Their module, loss and optimiser, written from the paper, over some steps: the same numbers.

    One translator for all tokens, as theirs; the numbers were also those of their package.
    """
    vit = small("CLS")
    states = vit.trace(pixels_for(vit.image_size, 4), preprocessed=True).states.clone()
    theirs = [Theirs(vit.width, vit.model.norm, vit.model.head) for _ in range(3)]
    own = [p for lens in theirs for p in lens.translator.parameters()]
    sgd = torch.optim.SGD(own, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    zeros = Translators(torch.zeros(3, 1, 48, 48), torch.zeros(3, 1, 48))
    mine, objective = at_rest(zeros), Objective(vit, ("all",), "token")
    goal = vit.model.head(vit.model.norm(states[-1])).log_softmax(-1).detach()
    for step in range(4):
        sgd.param_groups[0]["lr"] = 0.1 * (1 - step / 4)
        sgd.zero_grad()
        losses = []
        for lens, state in zip(theirs, states, strict=False):
            q = lens(state).log_softmax(-1)
            losses.append((goal.exp() * (goal - q)).sum(-1).mean())
        sum(losses).backward()
        nn.utils.clip_grad_norm_(own, 1.0)
        slopes, found = objective.gradients(states, mine.translators)
        np.testing.assert_allclose(found, [one.item() for one in losses], rtol=1e-5)
        sgd.step()
        mine = mine.step(slopes, 0.1 * (1 - step / 4), 1e-3)
    for k, lens in enumerate(theirs):
        for name in ("weight", "bias"):
            part = getattr(mine.translators, name)[k, 0]
            torch.testing.assert_close(
                part, getattr(lens.translator, name).detach(), rtol=1e-4, atol=1e-6
            )


def affine_problem(n, d=7, seed=0):
    """Two states and kinds that an affine map leads to what they become, but for noise."""
    rng = np.random.default_rng(seed)
    tokens = [torch.from_numpy(rng.normal(3, 2, (2, n, tokens, d))).float() for tokens in (1, 5)]
    maps = rng.normal(size=(2, 2, d, d)) * 0.3, rng.normal(size=(2, 2, d))
    becomes = []
    for kind, x in enumerate(tokens):
        y = [x[k].numpy() @ (np.eye(d) + maps[0][k, kind]).T + maps[1][k, kind] for k in (0, 1)]
        becomes.append(torch.from_numpy(np.stack(y)).float())
    return tokens, becomes, maps


def test_the_closed_form_finds_an_affine_map():
    tokens, becomes, (weight, bias) = affine_problem(4000)
    found = solved(moments(tokens, becomes, None), None)
    np.testing.assert_allclose(found.weight, weight, atol=5e-3)
    np.testing.assert_allclose(found.bias, bias, atol=0.1)
    assert found.up is None


def test_the_closed_form_is_ridge_regression():
    """Each dimension's penalty is its own variance times .3 d / n; b is free."""
    tokens, becomes, _ = affine_problem(9)
    becomes = [
        y + torch.randn(y.shape, generator=torch.Generator().manual_seed(1)) for y in becomes
    ]
    found = solved(moments(tokens, becomes, None), None)
    for kind, (x, y) in enumerate(zip(tokens, becomes, strict=True)):
        for k in (0, 1):
            a = x[k].reshape(-1, 7).double().numpy()
            b = (y[k] - x[k]).reshape(-1, 7).double().numpy()
            n = len(a)
            penalty = np.sqrt(np.clip(0.3 * 7 / n, 1e-3, 1) * a.var(0) * n)
            mid = a - a.mean(0), b - b.mean(0)
            left = np.vstack([mid[0], np.diag(penalty)])
            w = np.linalg.lstsq(left, np.vstack([mid[1], np.zeros((7, 7))]), rcond=None)[0].T
            np.testing.assert_allclose(found.weight[k, kind], w, atol=2e-4)
            np.testing.assert_allclose(found.bias[k, kind], b.mean(0) - w @ a.mean(0), atol=2e-3)


def test_a_low_rank_is_the_best_of_that_rank():
    tokens, becomes, _ = affine_problem(2000)
    full = solved(moments(tokens, becomes, None), None)
    low = solved(moments(tokens, becomes, None), 3)
    assert low.weight.shape == (2, 2, 3, 7)
    assert low.up.shape == (2, 2, 7, 3)
    x = tokens[1][0].reshape(-1, 7).double().numpy()
    said = (x - x.mean(0)) @ full.weight[0, 1].double().numpy().T
    kept = np.linalg.svd(said, full_matrices=False)
    best = kept[0][:, :3] * kept[1][:3] @ kept[2][:3]
    product = (low.up @ low.weight)[0, 1].double().numpy()
    np.testing.assert_allclose((x - x.mean(0)) @ product.T, best, atol=2e-3)
    none = solved(moments(tokens, becomes, None), 0)
    assert none.weight is None
    np.testing.assert_allclose(none.bias[0, 1], (becomes[1] - tokens[1])[0].mean((0, 1)), atol=1e-4)


def test_sums_do_not_depend_on_how_images_are_put_together():
    tokens, becomes, _ = affine_problem(10)
    sums = moments([t[:, :4] for t in tokens], [b[:, :4] for b in becomes], None)
    more = moments([t[:, 4:] for t in tokens], [b[:, 4:] for b in becomes], sums.shift)
    found, whole = solved(sums.added(more), None), solved(moments(tokens, becomes, None), None)
    torch.testing.assert_close(found.weight, whole.weight, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.bias, whole.bias, rtol=0, atol=1e-3)


def test_what_never_varies_is_left_to_the_bias():
    tokens, becomes, _ = affine_problem(50)
    tokens[0][..., 2] = 100.3
    tokens[0][1] = tokens[0][1, :1]
    found = solved(moments(tokens, becomes, None), None)
    assert found.weight.isfinite().all()
    assert found.weight[0, 0][:, 2].abs().max() < 1e-9
    assert found.weight[1, 0].abs().max() < 1e-9


@pytest.mark.parametrize("special", [*SPECIAL, "mean of all tokens", "pre-norm tower"])
def test_it_is_nearer_to_the_final_answer_than_the_logit_lens(special):
    """On images held out, at every place and state, on average over states."""
    vit = small(special)
    lens = vl.TunedLens.fit(vit, examples(vit, 60), held_out=12, batch_size=16, steps=30)
    found = lens.table()
    for place, of in found.groupby("place"):
        assert of["KL (nats)"].mean() < 0.9 * of["logit lens KL (nats)"].mean(), place
    assert lens.kinds == kinds_of(vit)
    assert len(lens.fitted["curve"]) == 30


def test_the_table_is_what_readings_say():
    """The mean KL of the images held out, from the reading of a user."""
    for special in ("CLS", "mean of all tokens"):
        vit = small(special)
        data = examples(vit, 12)
        lens = vl.TunedLens.fit(vit, data, **QUICK)
        numbers = HeldOutSplit(data, 12, 4, 0).held_out
        trace = vit.trace([data[i].image for i in numbers])
        found = lens.table().set_index(["place", "state"])
        names = np.array(token_names(vit))
        for one, column in ((lens, "KL (nats)"), (vl.LogitLens(vit), "logit lens KL (nats)")):
            reading = one.read(trace)
            for k in range(3):
                state = f"{k}_pre"
                tokens = reading.kl_to_final()[k].numpy()
                readout = reading.readout.kl_to_final()[k].mean().item()
                patch = tokens[:, names == "patch"].mean()
                assert found.loc[("readout", state), column] == pytest.approx(readout, rel=1e-4)
                assert found.loc[("patch", state), column] == pytest.approx(patch, rel=1e-4)
                if special != "CLS":
                    token = tokens[:, names == "readout"].mean()
                    place = ("readout token", state)
                    assert found.loc[place, column] == pytest.approx(token, rel=1e-4)
        bits = found["KL (bits)"] * math.log(2)
        np.testing.assert_allclose(bits, found["KL (nats)"])


def test_the_final_state_is_the_models_own_answer():
    vit = small("distillation")
    lens = vl.TunedLens.fit(vit, examples(vit, 12), **QUICK)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    found = lens.read(trace).readout.logits(3)
    assert (found - trace.logits).abs().max() <= 1e-5 * trace.logits.abs().max()


@pytest.mark.parametrize("kind", ["CLIP", "Siglip"])
def test_models_of_prompts(kind, tmp_path):
    texts.saved(kind, tmp_path)
    vit = vl.load(tmp_path, prompts=texts.PROMPTS)
    lens = vl.TunedLens.fit(vit, examples(vit, 30), held_out=6, batch_size=8, steps=20)
    found = lens.table()
    of = found[found["place"] == "readout"]
    assert of["KL (nats)"].mean() < of["logit lens KL (nats)"].mean()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_models_in_half_precision_are_fitted_as_in_full(dtype):
    full = small("CLS")
    half = vl.load(timm_model("CLS").to(dtype))
    tables = [
        vl.TunedLens.fit(vit, examples(vit, 40), held_out=8, batch_size=16, steps=10).table()
        for vit in (full, half)
    ]
    one, other = (table["KL (nats)"].to_numpy() for table in tables)
    np.testing.assert_allclose(one, other, rtol=0.1, atol=0.01)


def test_options_are_what_they_say():
    vit, data = small("CLS"), examples(small("CLS"), 12)
    bias = vl.TunedLens.fit(vit, data, **QUICK, rank=0)
    assert bias.weight is None
    assert bias.bias.shape == (3, 2, 48)
    low = vl.TunedLens.fit(vit, data, **QUICK, rank=2, start="identity", kinds="all")
    assert low.weight.shape == (3, 1, 2, 48)
    assert low.up.abs().max() > 0
    same = vl.TunedLens.fit(vit, data, **{**QUICK, "steps": 0}, start="identity")
    assert same.weight.abs().max() == 0
    found = same.table()
    np.testing.assert_array_equal(found["KL (nats)"], found["logit lens KL (nats)"])
    readout = vl.TunedLens.fit(vit, data, **QUICK, target="readout")
    of = readout.table().set_index(["place", "state"])
    trace = vit.trace([data[i].image for i in HeldOutSplit(data, 12, 4, 0).held_out])
    with torch.no_grad():
        said = vit.adapter.token_logits(readout.transform(trace.states[2:3], 2, None)[0])
    expected = kl(trace.logits[:, None], said)[:, 1:].mean()
    assert of.loc[("patch", "2_pre"), "KL (nats)"] == pytest.approx(expected, rel=1e-4)


def test_images_need_not_fit_into_memory_together(monkeypatch):
    vit, data = small("CLS"), examples(small("CLS"), 12)
    whole = vl.TunedLens.fit(vit, data, **QUICK)
    monkeypatch.setattr(split_file, "_AT_ONCE_BYTES", 1)
    pieces = vl.TunedLens.fit(vit, data, **QUICK)
    torch.testing.assert_close(whole.weight, pieces.weight, rtol=0, atol=1e-4)


def test_held_out_images_are_fitted_to_by_nobody():
    data = examples(small("CLS"), 20)
    split = HeldOutSplit(data, None, None, seed=5)
    assert len(split.held_out) == 4
    assert sorted(split.held_out + split.fitted) == list(range(20))
    orders = [split.in_order(16 * one, 16 * (one + 1)) for one in range(3)]
    assert all(sorted(order) == split.fitted for order in orders)
    assert orders[0] != orders[1] != split.fitted
    assert split.in_order(10, 40) == [*orders[0], *orders[1], *orders[2]][10:40]
    assert HeldOutSplit(data, None, None, seed=6).held_out != split.held_out


def test_what_comes_one_after_another_is_gone_through():
    vit = small("CLS")
    rows = [
        (np.random.default_rng(i).integers(0, 256, (48, 80, 3), np.uint8), 0) for i in range(12)
    ]
    streamed = vl.data.Streamed(rows, vit.labels, count=12)
    split = HeldOutSplit(streamed, None, 4, 0)
    assert split.in_order(0, 8) == split.fitted
    assert vl.TunedLens.fit(vit, streamed, **QUICK).table()["KL (nats)"].gt(0).all()


def stopped_at(monkeypatch, batch):
    """Ctrl-C comes in the place of a batch."""
    own = training.Fitter.next

    def pressed(self, fit):
        if fit.done == batch:
            raise KeyboardInterrupt
        return own(self, fit)

    monkeypatch.setattr(training.Fitter, "next", pressed)


@pytest.mark.parametrize("rank", [None, 0, 2])
def test_a_fit_that_was_stopped_ends_as_one_that_was_not(monkeypatch, tmp_path, rank):
    vit, data = small("CLS"), examples(small("CLS"), 12)
    whole = vl.TunedLens.fit(vit, data, **QUICK, rank=rank, save_to=tmp_path / "whole.safetensors")
    path = tmp_path / "lens.safetensors"
    for batch in (0, 2, 3, 5, 8):
        with monkeypatch.context() as patch:
            stopped_at(patch, batch)
            with pytest.raises(KeyboardInterrupt, match="Stopped after"):
                vl.TunedLens.fit(vit, data, **QUICK, rank=rank, save_to=path)
        assert not path.exists()
    found = vl.TunedLens.fit(vit, data, **QUICK, rank=rank, save_to=path)
    assert found.fitted == whole.fitted
    for name in ("weight", "bias", "up"):
        part, other = getattr(found, name), getattr(whole, name)
        assert part is other is None or torch.equal(part, other)
    assert [one.name for one in sorted(tmp_path.iterdir())] == [path.name, "whole.safetensors"]
    assert path.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_finished_fit_is_read(monkeypatch, tmp_path):
    vit, data, path = small("CLS"), examples(small("CLS"), 12), tmp_path / "lens.safetensors"
    lens = vl.TunedLens.fit(vit, data, **QUICK, save_to=path)
    monkeypatch.setattr(training.Fitter, "next", None)
    again = vl.TunedLens.fit(vit, data, **QUICK, save_to=path)
    assert torch.equal(again.weight, lens.weight)
    assert again.fitted == lens.fitted


def test_without_a_file_an_interrupt_says_how_to_go_on(monkeypatch):
    vit, data = small("CLS"), examples(small("CLS"), 12)
    stopped_at(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt, match="Stopped after 4 of 9 batches; with save_to="):
        vl.TunedLens.fit(vit, data, **QUICK)


def test_files_of_other_fits_are_refused(monkeypatch, tmp_path):
    vit, data, path = small("CLS"), examples(small("CLS"), 12), tmp_path / "lens.safetensors"
    with monkeypatch.context() as patch:
        stopped_at(patch, 4)
        with pytest.raises(KeyboardInterrupt):
            vl.TunedLens.fit(vit, data, **QUICK, save_to=path)
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, data, **QUICK, rate=0.2, save_to=path)
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, examples(vit, 12, seed=1), **QUICK, save_to=path)
    other = small("qk-norm")
    with refused(vl.UsageError):
        vl.TunedLens.fit(other, examples(other, 12), **QUICK, save_to=path)
    vl.TunedLens.fit(vit, data, **QUICK, save_to=path)
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, data, **{**QUICK, "steps": 7}, save_to=path)
    path.write_bytes(b"of another kind")
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, data, **QUICK, save_to=path)


def test_the_file_and_its_half(tmp_path):
    vit, data = small("CLS"), examples(small("CLS"), 12)
    lens = vl.TunedLens.fit(vit, data, **QUICK)
    lens.save(tmp_path / "half.safetensors", half=True)
    again = vl.TunedLens.load(tmp_path / "half.safetensors", vit)
    assert again.fitted == lens.fitted
    for name in ("weight", "bias"):
        fine = getattr(lens, name)
        torch.testing.assert_close(getattr(again, name).float(), fine, rtol=2**-11, atol=2**-24)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    found, exact = (one.read(trace).logits(1) for one in (again, lens))
    torch.testing.assert_close(found, exact, rtol=0, atol=5e-3)
    with refused(vl.UsageError):
        vl.TunedLens.load(tmp_path / "half.safetensors", small("distillation"))


class Rotated(vl.ViT):
    """The model with what block k - 1 leaves turned, and turned back before block k reads it."""

    turn: tuple[int, torch.Tensor]

    def trace(self, *images, **words):
        trace = super().trace(*images, **words)
        k, q = self.turn
        trace.states[k] = trace.states[k] @ q
        return trace


def test_a_turned_state_is_read_as_well_as_before():
    """It breaks the logit lens; the tuned lens is as near to the final answer as it was."""
    k, vit = 2, vl.load("toy/attn-mlp-3l")
    turned = Rotated(vit.model, name="turned", **getattr(vit.model, "loaded_with", {}))
    noise = torch.randn(vit.width, vit.width, generator=torch.Generator().manual_seed(0))
    turned.turn = k, torch.linalg.qr(noise)[0]
    words = {"n_images": 300, "held_out": 60, "batch_size": 40, "steps": 20}
    before, after = (
        vl.TunedLens.fit(one, vl.world.Scenes(seed=3), **words)
        .table()
        .set_index(["place", "state"])
        for one in (vit, turned)
    )
    for place in ("readout", "patch"):
        was, now = (table.loc[(place, f"{k}_pre")] for table in (before, after))
        assert now["logit lens KL (nats)"] > 1.5 * was["logit lens KL (nats)"]
        assert now["KL (nats)"] == pytest.approx(was["KL (nats)"], rel=0.05)


def test_what_cannot_be_fitted_is_refused(tmp_path):
    vit, data = small("CLS"), examples(small("CLS"), 12)
    without = vl.load(timm_model("CLS", num_classes=0))
    for wrong in (
        {"kinds": "patch"},
        {"target": "truth"},
        {"rank": -1},
        {"start": "noise"},
        {"steps": -1},
        {"batch_size": 0},
        {"rate": 0},
        {"decay": -1},
        {"seed": -3},
        {"n_images": 2, "held_out": None},
        {"held_out": 12},
        {"n_images": 13},
        {"save_to": tmp_path / "no" / "lens.safetensors"},
        {"rate": 1e30, "start": "identity"},
    ):
        with refused(vl.UsageError):
            vl.TunedLens.fit(vit, data, **{**QUICK, **wrong})
    with refused(vl.UsageError):
        vl.TunedLens.fit(without, data)
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, [1, 2])
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, vl.world.Scenes())
    pooled = small("mean of patches")
    with refused(vl.UsageError):
        vl.TunedLens.fit(pooled, examples(pooled, 12), **QUICK, target="readout")
    with refused(vl.UsageError):
        vl.TunedLens(vit, None).table()


def test_the_descent_keeps_its_parts():
    rest = at_rest(Translators(None, torch.ones(1, 1, 3)))
    assert isinstance(rest.step(Translators(None, torch.ones(1, 1, 3)), 0.1, 0), Descent)
