"""How modules and the process stand, so that what a call has left behind can be told."""

from __future__ import annotations

import random
import signal
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

_PLAIN = (int, float, str, bool, type(None), tuple)


def attributes(module: nn.Module) -> dict[Any, Any]:
    """Everything that hangs on the modules, hooks included, by value where it is plain."""
    return {
        (name, key): value if isinstance(value, _PLAIN) else _content(value)
        for name, part in module.named_modules()
        for key, value in {**vars(part), "class's forward": type(part).forward}.items()
    }


def _content(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, id(one)) for key, one in value.items()]
    return id(value)


def weights(module: nn.Module) -> dict[str, Any]:
    """Where weights and buffers are, how often changed, whether they ask for gradients."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {
        name: (t.data_ptr(), t._version, t.requires_grad, t.grad is None, t.dtype)
        for name, t in tensors.items()
    }


def process() -> dict[str, Any]:
    """The switches of torch and of Python that a call could leave changed."""
    import timm.layers.config
    from huggingface_hub import constants

    found = {
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "function modes": [id(mode) for mode in _get_current_function_mode_stack()],
        "dispatch modes": [id(mode) for mode in _get_current_dispatch_mode_stack()],
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "random numbers of torch": torch.get_rng_state().numpy().tobytes(),
        "random numbers of NumPy": np.random.get_state()[1].tobytes(),  # noqa: NPY002
        "random numbers of Python": hash(random.getstate()),
        "on Ctrl-C": signal.getsignal(signal.SIGINT),
        "warnings": len(warnings.filters),
        "hub": constants.HF_HUB_OFFLINE,
        "fused attention of timm": timm.layers.config._USE_FUSED_ATTN,
        "initialisers": [id(value) for value in vars(nn.init).values() if callable(value)],
    }
    for device in ("cpu", "cuda"):
        found[f"autocast of {device}"] = torch.is_autocast_enabled(device)
        found[f"autocast of {device} to"] = torch.get_autocast_dtype(device)
    found["autocast's cache"] = torch.is_autocast_cache_enabled()
    if "torch._dynamo" in __import__("sys").modules:
        found["compiler's stance"] = torch._dynamo.eval_frame._stance.stance  # type: ignore
    return found


def standing(*modules: nn.Module) -> dict[Any, Any]:
    """All of it."""
    found: dict[Any, Any] = dict(process())
    for i, module in enumerate(modules):
        found |= {(i, *key): value for key, value in attributes(module).items()}
        found |= {(i, key): value for key, value in weights(module).items()}
    return found


def left(before: dict[Any, Any], now: dict[Any, Any]) -> list[str]:
    """What stands otherwise than before."""
    keys = dict.fromkeys([*before, *now])
    return [
        f"{key}: {str(before.get(key))[:60]} -> {str(now.get(key))[:60]}"
        for key in keys
        if before.get(key) != now.get(key)
    ]
