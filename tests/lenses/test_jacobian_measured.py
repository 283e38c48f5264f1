"""What a Jacobian lens is worth on other images, and the local one as relevance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.fitted_by_hand import small, token_names
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model


def kl(p, q):
    p, q = (log_softmax(np.asarray(x, float), -1) for x in (p, q))
    return (np.exp(p) * (p - q)).sum(-1)


@pytest.mark.parametrize("special", ["CLS", "mean of patches"])
def test_the_table_is_what_readings_say(special, tmp_path):
    vit = small(special)
    fit, other = examples(vit, 3), examples(vit, 4, seed=5)
    plain = vl.JacobianLens.fit(vit, fit)
    lens = plain.measure(other, batch_size=3)
    assert "held_out" not in plain.fitted
    found = lens.table().set_index(["place", "state"])
    trace = vit.trace([other[i].image for i in range(4)])
    names = np.array(token_names(vit))
    columns = {
        "KL (nats)": plain,
        "Jacobian lens with offset KL (nats)": plain.with_offset(),
        "logit lens KL (nats)": vl.LogitLens(vit),
    }
    for column, one in columns.items():
        for k in range(3):
            values = kl(trace.logits, one.read(trace).readout.logits(k))
            row = found.loc[("readout", f"{k}_pre")]
            assert row[column] == pytest.approx(values.mean(), rel=1e-3, abs=1e-5)
            deviation = row[column.replace("(nats)", "deviation (nats)")]
            assert deviation == pytest.approx(values.std(ddof=1), rel=1e-3, abs=1e-5)
            patches = one.read(trace).logits(k)[:, names == "patch"]
            expected = kl(trace.logits[:, None], patches).mean()
            row = found.loc[("patch", f"{k}_pre")]
            assert row[column] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    card = lens.card()
    assert card.startswith("Jacobian lens of ")
    assert f"2_pre {found.loc[('readout', '2_pre'), 'KL (nats)']:.2f}" in card
    lens.save(tmp_path / "j.safetensors")
    again = vl.JacobianLens.load(tmp_path / "j.safetensors", vit)
    assert again.card() == card
    for call in (plain.table, plain.card, lambda: plain.measure(fit)):
        with refused(vl.UsageError):
            call()
    with refused(vl.UsageError):
        plain.measure(other, n_images=1)


def test_scenes_of_the_fit_under_another_seed_are_refused():
    vit = vl.load("toy/p32")
    weight, bias = torch.zeros(6, 2, 192, 192), torch.zeros(6, 2, 192)
    about = {"data": dict(vl.world.Scenes(seed=40).identity), "images": 3}
    lens = vl.JacobianLens(vit, weight, bias, fitted=about)
    with refused(vl.UsageError):
        lens.measure(vl.world.Scenes(seed=38), n_images=3)  # the last one is the first of the fit
    assert lens.measure(vl.world.Scenes(seed=38), n_images=2).fitted["held_out"]["images"] == 2


def test_cards_of_lenses_that_were_not_fitted_to_a_data_set():
    vit = small("CLS")
    local = vl.JacobianLens.local(vit.trace(pixels_for(vit.image_size, 1), preprocessed=True))
    assert "The mean over 1 image of a trace." in local.measure(examples(vit, 2)).card()
    made = vl.JacobianLens(vit, local.weight, local.bias)
    assert "How it was fitted is not known." in made.measure(examples(vit, 2)).card()


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "distillation", "qk-norm"])
@pytest.mark.parametrize("state", [0, 2])
def test_relevance_is_what_a_longer_token_does(special, state):
    """Against finite differences: the logit of a run with one token's state made longer."""
    vit = vl.load(timm_model(special).double())
    trace = vit.trace(pixels_for(vit.image_size).double(), preprocessed=True)
    classes = [3, 7]
    method = vl.analysis.LocalJacobian(state=state)
    found = vl.analysis.relevance(trace, classes, method=method)
    step = 1e-4
    for token in (0, 1, len(trace.tokens) - 1):
        up, down = (
            trace.rerun([vl.edits.Scale("resid_pre", state, 1 + sign * step, token=token)]).logits
            for sign in (1, -1)
        )
        expected = ((up - down) / (2 * step))[[0, 1], classes]
        np.testing.assert_allclose(found.tokens[:, token], expected, rtol=1e-3, atol=1e-6)


def test_it_is_the_local_lens_token_by_token():
    """Of CLS, which is a kind of its own: the slope of norm and classifier times J h."""
    vit = vl.load(timm_model("CLS").double())
    trace = vit.trace(pixels_for(vit.image_size, 1).double(), preprocessed=True)
    lens = vl.JacobianLens.local(trace)
    last = trace.states[-1].detach().clone().requires_grad_()
    logit = vit.adapter.readout_logits(last)[0, 4]
    (slope,) = torch.autograd.grad(logit, last)
    eye = torch.eye(vit.width)
    h = trace.states[1][0]
    products = (eye + lens.weight[1, 0].double()) @ h[0]
    found = vl.analysis.relevance(trace, 4, method=vl.analysis.LocalJacobian(state=1))
    assert found.tokens[0, 0] == pytest.approx(float(slope[0, 0] @ products), rel=1e-4)


def test_what_it_takes():
    vit = small("CLS")
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    found = vl.analysis.relevance(trace, 3, method=vl.analysis.LocalJacobian())
    assert found.heads is None
    assert found.method_label == "local Jacobian (state 0)"
    for call in (
        lambda: vl.analysis.LocalJacobian(state=-1),
        lambda: vl.analysis.LocalJacobian(state="3"),
        lambda: vl.analysis.relevance(trace, 3, method=vl.analysis.LocalJacobian(state=3)),
        lambda: found.patches(layer=1),
    ):
        with refused(vl.UsageError):
            call()


def test_a_finished_fit_that_is_read_again_keeps_what_it_was_measured_to_be_worth(tmp_path):
    vit, path = small("CLS"), tmp_path / "j.safetensors"
    fit, other = examples(vit, 4), examples(vit, 3, seed=5)
    lens = vl.JacobianLens.fit(vit, fit, n_images=3, save_to=path).measure(other)
    lens.save(path)
    again = vl.JacobianLens.fit(vit, fit, n_images=3, save_to=path)
    assert again.card() == lens.card()
    with_offset = vl.JacobianLens.fit(vit, fit, n_images=3, offset=True, save_to=path)
    assert with_offset.card() == lens.with_offset().card()
    more = vl.JacobianLens.fit(vit, fit, n_images=4, save_to=path)  # another mean
    assert "held_out" not in more.fitted
    assert "measured" not in more.fitted
