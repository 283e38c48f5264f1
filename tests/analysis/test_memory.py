"""What statistics hold at once, counted tensor by tensor, in patterns of one image."""

from __future__ import annotations

import weakref

import pytest
import timm
import torch
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

import vitlens_widgets as vl
from vitlens_widgets.analysis import heads


class Held(TorchDispatchMode):
    """Counts the bytes of tensors made in here that are alive together."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in _pytree.tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor.untyped_storage())
        return made

    def count(self, storage) -> None:
        key = storage._cdata
        if key not in self.sizes:
            self.sizes[key] = storage.nbytes()
            self.peak = max(self.peak, sum(self.sizes.values()))
            weakref.finalize(storage, self.sizes.pop, key)


def held(measure, n_images):
    """The peak in patterns of one image, of 12 heads that are far larger than all else."""
    words = {"img_size": (168, 184), "patch_size": 8, "embed_dim": 24, "num_heads": 12, "depth": 2}
    torch.manual_seed(0)
    vit = vl.load(timm.create_model("vit_tiny_patch16_224", num_classes=3, **words).eval())
    pixels = torch.randn(n_images, 3, 168, 184)
    trace = vit.trace(pixels, preprocessed=True, keep=["q", "k"])
    pattern = trace.attention(0)[0]
    with Held() as counted:
        measure(trace)
    return counted.peak / (pattern.numel() * pattern.element_size())


@pytest.mark.parametrize(
    ("measure", "of_one", "of_many"),
    [(heads.statistics, 3.4, 4.4), (heads.geometry, 3.1, 4.1)],
    ids=["statistics", "classes"],
)
def test_so_many_patterns_are_held_at_once(measure, of_one, of_many):
    assert 1 < held(measure, 1) < of_one
    assert 1 < held(measure, 3) < of_many
    assert held(measure, 3) == pytest.approx(held(measure, 5), abs=0.05)


def test_agreement_holds_the_pattern_its_scores_and_their_sum():
    assert held(heads.agreement, 3) < 3.3
