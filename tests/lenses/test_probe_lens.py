"""The probe: its loss in NumPy, its gradients, whole fits, and images of no class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_expit, log_softmax

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.fitted_by_hand import random_translators, small, token_names, translated
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.data import Examples
from vitlens_widgets.lenses.fitted.affine import Translators
from vitlens_widgets.lenses.fitted.kinds import kinds_of
from vitlens_widgets.lenses.fitted.truth import TrueClass

QUICK = {"n_images": 12, "held_out": 4, "batch_size": 3, "steps": 6}


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("special", ["CLS", "mean of patches", "distillation"])
def test_the_loss_and_its_gradients(special, kind):
    """Against the formula, and against finite differences in a random direction."""
    vit = vl.load(timm_model(special).double(), probabilities=kind)
    kinds, truth = kinds_of(vit), torch.tensor([2, 0])
    objective = TrueClass(vit, kinds, tuple(range(10, -1, -1)))
    run = objective.run(pixels_for(vit.image_size).double(), 0, truth)
    fine = {n: p.double() for n, p in random_translators(vit, 3, len(kinds)).items()}
    slopes, losses = objective.gradients(run, Translators(**fine))
    moved = translated(run.states[:-1], token_names(vit), kinds, **fine)
    for k in range(3):
        with torch.no_grad():
            logits = vit.adapter.readout_logits(moved[k]).numpy()
        own = np.array([8, 10])  # the data set's classes are the model's in reverse
        if kind == "softmax":
            expected = -log_softmax(logits, -1)[[0, 1], own].mean()
        else:
            signs = np.where(np.arange(11) == own[:, None], 1, -1)
            expected = -log_expit(signs * logits).sum(-1).mean()
        assert losses[k].item() == pytest.approx(expected, rel=1e-5)
    g = torch.Generator().manual_seed(8)
    for name, part in fine.items():
        way, step = torch.randn(part.shape, generator=g).double(), 1e-3
        up, down = (
            objective.gradients(run, Translators(**{**fine, name: part + sign * step * way}))[1]
            for sign in (1, -1)
        )
        found = (getattr(slopes, name) * way).sum().item()
        assert found == pytest.approx(((up - down).sum() / (2 * step)).item(), rel=5e-3, abs=1e-3)


def labelled(vit, n):
    """Images whose class shows: a bright stripe in one of eleven columns."""
    rng = np.random.default_rng(2)
    items = []
    for _ in range(n):
        label = int(rng.integers(11))
        image = rng.integers(0, 80, (48, 80, 3), dtype=np.uint8)
        image[:, 7 * label : 7 * label + 7] = 255
        items.append((image, label))
    return Examples(items, vit.labels, name="stripes")


def test_it_is_right_where_the_model_is_not():
    """A model that was never trained; nobody but the probe can know what is true."""
    vit = small("CLS")
    data = labelled(vit, 160)
    probe = vl.ProbeLens.fit(vit, data, held_out=8, steps=80, batch_size=16)
    tuned = vl.TunedLens.fit(vit, data, held_out=8, steps=80, batch_size=16)
    test = Examples([(data[i].image, data[i].label) for i in range(60)], vit.labels, "again")
    found = vl.analysis.lens_agreement(vit, test, lenses=[tuned, probe])
    of = found.values["truth_minus_model"]
    assert of["probe"].low[2] > of["tuned lens"].high[2]
    assert of["tuned lens"].mean[2] < 0
    assert probe.card().startswith("Probe of ")


def test_its_file_is_its_own(tmp_path):
    vit, path = small("CLS"), tmp_path / "probe.safetensors"
    probe = vl.ProbeLens.fit(vit, labelled(vit, 12), **QUICK, save_to=path)
    again = vl.ProbeLens.fit(vit, labelled(vit, 12), **QUICK, save_to=path)
    assert torch.equal(probe.weight, again.weight)
    assert isinstance(vl.Lens.load(path, vit), vl.ProbeLens)
    with refused(vl.UsageError):
        vl.TunedLens.fit(vit, labelled(vit, 12), **QUICK, save_to=path)
    with refused(vl.UsageError):
        vl.ProbeLens.fit(vit, Examples([(np.zeros((48, 80, 3), np.uint8), 0)] * 9, ["moon"]))
    with refused(vl.UsageError):
        vl.ProbeLens(vit, None).table()


def test_lenses_are_fitted_to_images_of_no_class():
    """To the same numbers as with any; what asks for classes says that there are none."""
    vit = small("CLS")
    known = examples(vit, 12)
    bare = Examples([(known[i].image, None) for i in range(12)])
    assert list(bare.labels) == ["unknown"]
    assert bare[3].label == -1
    one, other = (vl.TunedLens.fit(vit, data, **QUICK) for data in (known, bare))
    assert torch.equal(one.weight, other.weight)
    one, other = (vl.JacobianLens.fit(vit, data, n_images=2) for data in (known, bare))
    assert torch.equal(one.weight, other.weight)
    for call in (
        lambda: vl.ProbeLens.fit(vit, bare, **QUICK),
        lambda: vl.analysis.identifiability(vit, bare),
    ):
        with refused(vl.UsageError):
            call()
