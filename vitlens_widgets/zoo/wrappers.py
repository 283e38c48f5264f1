"""What stands around a ViT, taken off: the same answer, by a module that can be read."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError, UsageError, warn
from vitlens_widgets.models.adapter import Adapter
from vitlens_widgets.models.classifier import as_classifier
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_labels import hf_label_names
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.models.prompts import Prompts
from vitlens_widgets.models.registry import family_of, readable_parts

_INSIDE = {
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "timm.utils.model_ema.ModelEmaV2": "module",
    "timm.utils.model_ema.ModelEmaV3": "module",
    "torch.optim.swa_utils.AveragedModel": "module",
}
"""Wrappers that answer as what is in them does, and where it is."""
_TIMM = "transformers.models.timm_wrapper.modeling_timm_wrapper.TimmWrapper"
_PEFT = "peft.peft_model.PeftModel"


@dataclass(frozen=True)
class Known:
    """What a wrapper says of the model in it, or a model of itself, in the words of `vl.load`."""

    labels: Sequence[str] | None = None
    preprocessing: Mapping[str, Any] | None = None
    classifier: nn.Linear | None = None
    prompts: Prompts | None = None
    probabilities: Kind | None = None


def unwrapped(module: nn.Module) -> tuple[nn.Module, Known]:
    """The model in a module, and what the module knows of it; a model itself as it is.

    What is taken off is warned of. No module is changed: adapters of PEFT are merged in a copy.

    Raises:
        UsageError: A wrapper of one's own in train mode, which cannot be compared with its part.
        UnsupportedModelError: Adapters that are no sums of weights.
    """
    while True:
        names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(module).__mro__]
        inside = next((_INSIDE[name] for name in names if name in _INSIDE), None)
        if inside is not None:
            module = _told(module, inside)
        elif _PEFT in names:
            module = _merged(module)
        elif any(name.startswith(_TIMM) for name in names):
            return _told(module, "timm_model"), _of_timm_wrapper(module)
        elif (part := _same_part(module)) is not None:
            name, head, known = part
            return _told(module, name, head), known
        else:
            return module, Known(**getattr(module, "loaded_with", {}))


def _told(module: Foreign, name: str, head: str = "") -> nn.Module:
    """A part of a module, with a word that it is what is read."""
    part = module.get_submodule(name)
    which = f", with its {head} as the classifier" if head else ""
    warn(
        f"Of this {type(module).__name__}, its {name} ({type(part).__name__}) is read{which}: "
        "the answer is the same."
    )
    return part


def _merged(module: Foreign) -> Foreign:
    """A copy of a model of PEFT with its adapters in its weights."""
    merge = getattr(module, "merge_and_unload", None)
    if merge is None:  # tokens that are learnt, for example
        raise UnsupportedModelError(
            f"This {type(module).__name__} cannot be read exactly: its adapters must be sums that "
            "can be merged into the weights, as those of LoRA are."
        )
    kind = type(module).__name__
    warn(f"The adapters of this {kind} are merged into the weights of a copy, which is read.")
    return copy.deepcopy(module).merge_and_unload()


def _of_timm_wrapper(module: Foreign) -> Known:
    """What transformers' configuration says of a model of timm."""
    from timm import data

    config = module.config
    if getattr(module, "features_only", False):
        raise UnsupportedModelError(
            f"This {type(module).__name__} cannot be read exactly: it gives the features of some "
            "blocks alone; make it without features_only."
        )
    saved = getattr(config, "pretrained_cfg", None)
    words = cast("dict[str, Any]", data.resolve_data_config(pretrained_cfg=saved)) if saved else {}
    keep = ("mean", "std", "interpolation", "crop_pct", "crop_mode")
    kept = {word: words[word] for word in keep} if words else None
    if not type(module).__name__.endswith("ForImageClassification"):
        return Known(preprocessing=kept)
    return Known(
        labels=hf_label_names(config),
        preprocessing=kept,
        probabilities="sigmoid" if config.problem_type == "multi_label_classification" else None,
    )


def _same_part(module: Foreign) -> tuple[str, str, Known] | None:
    """The one ViT in a module whose own forward pass is that ViT's, or a linear layer's on it.

    Its name, that of the linear layer or "", and what is known; None where it is not so: the
    registry then says what the module is.
    """
    parts = readable_parts(module)
    if "" in parts or len(parts) != 1 or type(module).forward is nn.Module.forward:
        return None
    (name, part), *_ = parts.items()
    if any(one.training for one in module.modules()):
        raise UsageError(
            f"This {type(module).__name__} is in train mode, where its answer cannot be compared "
            f"with that of its {name}; call model.eval() first."
        )
    adapter = family_of(part)(part)
    pixels = _pixels(adapter)
    answer = _answer(module, pixels)
    if answer is None:
        return None
    for head, linear in _classifiers(module, name):
        if _gives(adapter, linear, pixels, answer):
            return name, head, Known(classifier=linear)
    return None


def _pixels(adapter: Adapter) -> Tensor:
    """Of two images, of the model's type and on its device."""
    shape = (2, adapter.n_channels, *adapter.image_size)
    pixels = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    like = adapter.blank_state(1)
    return pixels.to(device=like.device, dtype=like.dtype)


def _answer(module: Foreign, pixels: Tensor) -> Tensor | None:
    try:
        answer = _run(module, pixels)
    except Exception:  # whatever a module of the user's may raise
        return None
    answer = getattr(answer, "logits", answer)
    return answer if isinstance(answer, Tensor) else None


@clean
@torch.no_grad()
def _run(module: Foreign, pixels: Tensor) -> Any:
    return module(pixels)


def _classifiers(module: Foreign, name: str) -> Iterator[tuple[str, nn.Linear | None]]:
    """No classifier beside the part; then each linear layer that there is."""
    yield "", None
    for at, other in module.named_modules():
        if isinstance(other, nn.Linear) and not at.startswith(f"{name}."):
            yield at, other


def _gives(adapter: Adapter, linear: nn.Linear | None, pixels: Tensor, answer: Tensor) -> bool:
    """Whether a model, with this classifier if any, gives that answer."""
    try:
        adapter.classifier = linear and as_classifier(linear, adapter.n_features)
        found = _run(adapter.forward, pixels)
    except UsageError:  # it pools nothing, or another number of features
        return False
    exact = 1e-5 if found.dtype in (torch.float32, torch.float64) else 1e-2
    off = (found - answer).abs().max() if found.shape == answer.shape else float("inf")
    return bool(off <= exact * answer.abs().max())
