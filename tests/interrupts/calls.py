"""What is interrupted: calls of a session, each on a small model of another build."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from torch import Tensor, nn

import vitlens_widgets as vl
from tests.small_models import hf_model, mae_model, pixels_for, shaken, timm_model
from tests.zoo_sweep import small_hf, texts
from vitlens_widgets.data import Examples
from vitlens_widgets.trace.again import from_leaf, site_if
from vitlens_widgets.trace.frozen_readout import frozen_readout

E = vl.edits
EDITS = [E.Zero("z", 1, head=1), E.KnockOut(0, query=0, key=3), E.Scale("mlp_out", 2, 2.0)]


class Call(NamedTuple):
    """What is called, the modules that it must leave alone, and what stands open around it."""

    call: Callable[[], Any]
    modules: tuple[nn.Module, ...] = ()


def _traced(model: nn.Module, **words: Any) -> Call:
    vit = vl.load(model)
    pixels = pixels_for(vit.image_size)

    def call() -> list[Tensor]:
        trace = vit.trace(pixels, preprocessed=True, **words)
        return [trace.states, *trace.kept.values()]

    return Call(call, (model,))


def _fused() -> nn.Module:
    """A fused projection with a bias of its own, watched by a mode of torch's functions."""
    torch.manual_seed(0)
    words = {"img_size": 48, "depth": 3, "embed_dim": 48, "num_heads": 4, "num_classes": 11}
    return shaken(timm.create_model("beit_base_patch16_224", **words))


def _rotary() -> nn.Module:
    """Positions that transformers computes under `no_grad` and `autocast` of its own."""
    return shaken(small_hf.small("DINOv3ViTBackbone"))


def _watched() -> Call:
    model = timm_model("distillation")
    vit = vl.load(model)
    pixels = pixels_for(vit.image_size)

    def call() -> list[Tensor]:
        seen: list[Tensor] = []
        keep = {site: lambda _, value: seen.append(value.clone()) for site in ("pattern", "z")}
        vit.trace(pixels, watch=keep, edits=EDITS[:1], preprocessed=True)
        return seen

    return Call(call, (model,))


def _rerun() -> Call:
    model = timm_model("four registers and layer scale")
    vit = vl.load(model)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)

    def call() -> list[Tensor]:
        again = trace.rerun(EDITS, keep="q")
        return [again.states, again["q", 1]]

    return Call(call, (model,))


def _first_use() -> Call:
    model = hf_model()
    pixels = pixels_for((48, 80))

    def call() -> list[Tensor]:
        trace = vl.load(model).trace(pixels, preprocessed=True)  # a new ViT: nothing proved
        return [trace["z", 2], trace.attention(1), trace["mlp_post", 0]]

    return Call(call, (model,))


def _hooked_blocks() -> Call:
    """Blocks that somebody hooked are run again, to see whether they repeat themselves."""
    model = timm_model("CLS")
    model.blocks[1].register_forward_hook(lambda _m, _a, out: out * 1.5)
    pixels = pixels_for((48, 80))

    def call() -> list[Tensor]:
        trace = vl.load(model).trace(pixels, preprocessed=True)
        return [trace["z", 1], site_if(trace, "attn_out", 1, [E.Zero("z", 1, head=2)])]

    return Call(call, (model,))


def _gradients() -> Call:
    model = timm_model("CLS")
    vit = vl.load(model)
    pixels = pixels_for((48, 80))

    def call() -> list[Tensor]:
        trace = vit.trace(pixels, keep=["pattern"], grad=True, preprocessed=True)
        ways = [trace["pattern", 1], trace["resid_pre", 2]]
        later = vit.trace(pixels, preprocessed=True)
        leaf = from_leaf(later, 1, "z", "attn_out")
        return [
            *torch.autograd.grad(trace.logits[:, 3].sum(), ways),
            *torch.autograd.grad(leaf["attn_out"][:, 0].sum(), leaf["z"]),
        ]

    return Call(call, (model,))


def _relevance() -> Call:
    model = timm_model("CLS")
    vit = vl.load(model)
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)

    def call() -> list[np.ndarray]:
        ways = ("class_embedding", "chefer", "rollout")
        return [vl.analysis.relevance(trace, 2, method=way).tokens for way in ways]

    return Call(call, (model,))


def _features() -> Call:
    model = timm_model("four registers and layer scale")
    vit = vl.load(model)
    trace = vit.trace(pixels_for(vit.image_size), preprocessed=True)
    features = vl.analysis.features

    def call() -> list[np.ndarray]:
        return [
            features.writes(vit, 1, 7, n_random=3).logits,
            features.readers(vit, 1, 7, n_random=3).ratio,
            features.turned(trace, 1, 7, strengths=[0, 4]).logits,
            features.direct_effect(trace, 1, 7).adds,
        ]

    return Call(call, (model,))


def _lenses() -> Call:
    model = timm_model("CLS")
    vit = vl.load(model)
    trace = vit.trace(pixels_for((48, 80)), preprocessed=True)

    def call() -> list[Tensor]:
        frozen = vl.FrozenNormLens(vit, bias=True).read(trace)
        one = torch.eye(11)[[3], None].expand(-1, trace.n_images, -1)
        direct = frozen_readout(trace, one)
        return [frozen.logits(1), vl.LogitLens(vit).read(trace).logits(2), direct.direction]

    return Call(call, (model,))


def _infilled() -> Call:
    model = mae_model()
    lens = vl.InfillLens(vl.load(model))
    pixels = pixels_for((48, 48))

    def call() -> list[np.ndarray]:
        return [lens.read(pixels, seed=3, preprocessed=True).error(1)]

    return Call(call, (model,))


def _experiment() -> Call:
    model = timm_model("CLS")
    vit = vl.load(model)
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (5, 48, 80, 3), dtype=np.uint8)
    examples = [(picture, i % 11) for i, picture in enumerate(pictures)]
    data = Examples(examples, labels=[f"class {i}" for i in range(11)])

    def call() -> list[np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "run.npz"
            found = vl.analysis.identifiability(vit, data, batch_size=2, save_to=saved)
        return [found.table().to_numpy()]

    return Call(call, (model,))


def _checked() -> Call:
    model = timm_model("qk-norm")
    vit = vl.load(model)
    return Call(lambda: [vl.check_adapter(vit).difference.to_numpy()], (model,))


class _Wrapped(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels)


def _loaded_from_wrapper() -> Call:
    model = nn.DataParallel(_Wrapped(timm_model("CLS"))).eval()

    def call() -> list[Tensor]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            vit = vl.load(model)
        return [vit.adapter.readout_logits(vit.adapter.blank_state(1)).detach()]

    return Call(call, (model,))


def _loaded_toy() -> Call:
    def call() -> list[Tensor]:
        return list(vl.load("toy/attn-only-1l").model.state_dict().values())

    return Call(call)


def _loaded_folder(folder: str) -> Call:
    hf_model().save_pretrained(folder)

    def call() -> list[Tensor]:
        return list(vl.load(folder).model.state_dict().values())

    return Call(call)


def _prompted(folder: str) -> Call:
    model = texts.saved("CLIP", Path(folder))

    def call() -> list[Tensor]:
        vit = vl.load(folder, prompts=list(texts.PROMPTS))
        return [vit.trace(pixels_for(vit.image_size), preprocessed=True).logits]

    return Call(call, (model,))


def _compiled() -> Call:
    model = timm_model("CLS")
    model.blocks[1] = torch.compile(model.blocks[1], backend="eager")
    return _traced(model, keep="z")


def _circuits() -> Call:
    model = timm_model("CLS", depth=2)
    vit = vl.load(model)
    clean, corrupted = (
        vit.trace(pixels_for(vit.image_size, 1, seed), preprocessed=True) for seed in (1, 2)
    )
    edges = [("embedding", "L1 H2 k"), ("L0 MLP", "logits")]

    def call() -> list[Tensor]:
        pair = (clean, corrupted, 3)
        every = vl.analysis.edge_attribution_patching(*pair).effects
        two = np.nan_to_num(vl.analysis.edge_patching(*pair, edges=edges).effects)
        nodes = vl.analysis.attribution_patching(*pair, mends="grad_drop").metric
        return [torch.from_numpy(one) for one in (every, two, nodes)]

    return Call(call, (model,))


CALLS: dict[str, Callable[[str], Call]] = {
    "trace": lambda _: _traced(timm_model("mean of patches")),
    "trace with edits": lambda _: _traced(timm_model("CLS"), keep="all", edits=EDITS),
    "trace without some tokens": lambda _: _traced(
        hf_model(), edits=[E.DropTokens([3, 7])], keep="pattern"
    ),
    "trace of a fused projection": lambda _: _traced(_fused(), keep="all", edits=EDITS[:1]),
    "trace with rotary positions": lambda _: _traced(_rotary(), keep=["q", "z"]),
    "trace of a compiled block": lambda _: _compiled(),
    "watch": lambda _: _watched(),
    "rerun": lambda _: _rerun(),
    "maps and sites at first use": lambda _: _first_use(),
    "hooked blocks again": lambda _: _hooked_blocks(),
    "gradients": lambda _: _gradients(),
    "relevance": lambda _: _relevance(),
    "circuits": lambda _: _circuits(),
    "features": lambda _: _features(),
    "lenses": lambda _: _lenses(),
    "infilling": lambda _: _infilled(),
    "experiment": lambda _: _experiment(),
    "check_adapter": lambda _: _checked(),
    "load a wrapper": lambda _: _loaded_from_wrapper(),
    "load a toy": lambda _: _loaded_toy(),
    "load a folder": _loaded_folder,
    "load with prompts": _prompted,
}
"""By name: takes a folder that is its own, gives what to call."""


@contextmanager
def made(name: str) -> Iterator[Call]:
    """A call, warm, with a folder of its own for as long as it is used."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call = CALLS[name](folder)
        call.call()
        yield call
