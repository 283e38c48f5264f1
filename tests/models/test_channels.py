"""Models of other channels than red, green and blue: read exactly, shown as one says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, timm_model

MODELS = {
    "timm": lambda n: timm_model("CLS", in_chans=n),
    "transformers": lambda n: hf_model(num_channels=n),
}


def told(n, shown):
    return {"mean": [0.1 * (i + 1) for i in range(n)], "std": [0.5] * n, "shown": shown}


def read(library, n, shown):
    model = MODELS[library](n)
    vit = vl.load(model, preprocessing=told(n, shown))
    generator = torch.Generator().manual_seed(1)
    pixels = 0.3 * torch.randn(2, n, *vit.image_size, generator=generator)
    return model, vit, pixels


@pytest.mark.parametrize("library", MODELS)
@pytest.mark.parametrize(("n", "shown"), [(5, (3, 2, 0)), (1, 0), (2, 1)])
def test_any_number_of_channels_is_read_as_the_model_computes_it(library, n, shown):
    model, vit, pixels = read(library, n, shown)
    trace = vit.trace(pixels, preprocessed=True)
    with torch.no_grad():
        own = model(pixels)
    torch.testing.assert_close(trace.logits, getattr(own, "logits", own))
    assert vl.check_adapter(vit).exact.all()


@pytest.mark.parametrize(("n", "shown"), [(5, (3, 2, 0)), (1, 0)])
def test_the_picture_shows_the_channels_that_were_named(n, shown):
    _, vit, pixels = read("timm", n, shown)
    trace = vit.trace(pixels, preprocessed=True)
    seen = [shown] * 3 if isinstance(shown, int) else list(shown)
    mean = torch.tensor(told(n, shown)["mean"]).view(-1, 1, 1)
    levels = ((pixels * 0.5 + mean) * 255).round().clamp(0, 255)[:, seen]
    np.testing.assert_array_equal(trace.pictures, levels.permute(0, 2, 3, 1).to(torch.uint8))
    assert "shown as" in str(vit.preprocessing)


def test_a_picture_is_refused_with_the_shape_that_is_read():
    _, vit, _ = read("timm", 5, (3, 2, 0))
    with refused(vl.UsageError):
        vit.trace(np.zeros((48, 80, 3), dtype=np.uint8))
    with refused(vl.UsageError):
        vit.trace(torch.zeros(1, 3, 48, 80), preprocessed=True)


@pytest.mark.parametrize(
    "words",
    [None, {"mean": [0.5] * 5, "std": [0.5] * 5}, told(3, (0, 1, 2)), told(5, (0, 1, 5))],
)
def test_which_channels_are_shown_must_be_said(words):
    with refused(vl.UsageError):
        vl.load(timm_model("CLS", in_chans=5), preprocessing=words)
