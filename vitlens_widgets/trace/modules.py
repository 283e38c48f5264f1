"""How a model's modules stand: in which mode, whether compiled, whether still as they were."""

# pyright: reportPrivateUsage=false
# What torch keeps to itself tells whether a module is compiled, or minds that it is trained.

from __future__ import annotations

import copy
import importlib
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import Cleanup, is_users
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hook_points import JoinedPoint

# A compiled module that is run as it was written is a switch of the whole process.
_stance: Foreign = threading.RLock()

# Numbers on modules that change what they compute.
_PLAIN = (int, float, bool)
_NUMBERS = ("scale", "scaling", "fused_attn", "num_heads", "eps", "p")


def check_modes(vit: BaseViT) -> None:
    """Refuse a model of which some module is in train mode, where that may change its answer.

    torch's own modules without dropout and running statistics are the same in both.

    Raises:
        UsageError: Some module is.
    """
    for module in parts_of(vit.model):
        if module.training and _minds_training(module):
            names = {id(part): name for name, part in vit.model.named_modules()}
            name = names.get(id(module), "")
            which = f"Its module {name} ({type(module).__name__})" if name else "The model"
            raise UsageError(
                f"{which} is in train mode, where dropout makes every run different; call "
                "model.eval() first."
            )


def check_not_recomputed(vit: BaseViT) -> None:
    """Refuse gradients through a forward that runs its blocks a second time on the way back.

    That second run is one without hooks: of other tensors than those that are kept, and without
    the edits. timm and open_clip do it in eval mode, too; transformers only in train mode.

    Raises:
        UsageError: Gradient checkpointing is on.
    """
    if any(getattr(module, "grad_checkpointing", False) for module in vit.model.modules()):
        raise UsageError(
            f"{vit.name} would run its blocks again for gradients, unseen by the trace (gradient "
            "checkpointing); call its set_grad_checkpointing(False) before a trace with grad=True."
        )


def check_not_transformed() -> None:
    """Refuse to run inside `torch.func.grad`, `vmap` and their like.

    Raises:
        UsageError: Such a transform is under way.
    """
    functorch: Foreign = getattr(torch._C, "_functorch")  # noqa: B009 - known to no type checker
    if functorch.peek_interpreter_stack() is not None:
        raise UsageError(
            "A trace cannot be transformed by torch.func: what it keeps would be cut off; trace "
            "with grad=True and ask torch.autograd.grad."
        )


def check_differentiable(vit: BaseViT, state: Tensor, what: str) -> None:
    """Refuse gradients of a run of `torch.inference_mode()`, inside of it, or changed on their way.

    Args:
        vit: The model.
        state: One of the run's.
        what: Needs gradients, to begin the sentence.

    Raises:
        UsageError: Any of these; a backward hook, which may give others, is on the model.
    """
    if torch.is_inference_mode_enabled() or state.is_inference():
        raise UsageError(
            f"{what} needs gradients, and there are none of what is run in "
            "torch.inference_mode(): trace the images and ask outside of it; torch.no_grad() does "
            "no harm."
        )
    if has_backward_hooks(vit.model):
        raise UsageError(
            f"{what} needs gradients, and a backward hook on {vit.name} may change them; take it "
            "off first."
        )


def _minds_training(module: nn.Module) -> bool:
    if not type(module).__module__.startswith(("torch.nn.", "torch.ao.nn.quantized")):
        return True
    if isinstance(module, (nn.Dropout, nn.AlphaDropout, nn.modules.dropout._DropoutNd)):
        return module.p > 0
    batch = (nn.modules.batchnorm._NormBase, nn.RReLU, nn.TransformerEncoderLayer)
    return isinstance(module, batch) or getattr(module, "dropout", 0) != 0


class SeenModules:
    """How the modules of a model compute now, to be told from later.

    Args:
        vit: The model.
    """

    def __init__(self, vit: BaseViT) -> None:
        self._vit = vit
        self._seen = computing(vit.model)

    def __deepcopy__(self, memo: dict[int, Any]) -> SeenModules:
        """The same of a copy of the model, where one is made along with it."""
        vit, twin = copy.deepcopy(self._vit, memo), copy.copy(self)
        if vit is not self._vit:
            same = computing(self._vit.model) == self._seen
            twin._vit, twin._seen = vit, computing(vit.model) if same else -1
        return twin

    def check(self, what: str) -> None:
        """Refuse to go on with modules that compute otherwise.

        Raises:
            UsageError: A forward was replaced, a scale was changed, or one is in train mode.
        """
        check_modes(self._vit)
        if computing(self._vit.model) != self._seen:
            raise UsageError(
                f"A module of {self._vit.name} was changed since this trace (its forward, scale, "
                f"heads or dropout), which can therefore not be {what}; trace again."
            )


def computing(module: Foreign) -> int:
    """Changes when forwards are replaced, parts exchanged or their numbers changed."""
    return hash(tuple(map(_of_one, parts_of(module))))


def parts_of(module: Foreign, without: Iterable[Foreign] = ()) -> Iterator[Foreign]:
    """A module and all its parts, each once; several times as fast as torch's own `modules()`.

    Args:
        module: The module.
        without: Parts that are left out, with all of theirs that stand nowhere else.
    """
    seen: set[int] = set(map(id, without))
    waiting = [module]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting.extend(part._modules.values())


def is_untouched(module: Foreign) -> bool:
    """Whether it and all its parts run the code of their classes, without anybody's hooks."""
    parts = list(parts_of(module))
    return not hooks_on(parts) and not any("forward" in one.__dict__ for one in parts)


def hooks_on(modules: Iterable[Foreign]) -> tuple[int, ...]:
    """The user's hooks on these modules, and those on every module, by torch's own count of them.

    That counts on for each hook, while a function's place in memory is given to another one.
    """
    every: Foreign = nn.modules.module
    kinds = [every._global_forward_pre_hooks, every._global_forward_hooks]
    for part in modules:
        kinds += [part._forward_pre_hooks, part._forward_hooks]
    # each listed at once: another thread may put one on meanwhile
    found = [pair for hooks in kinds if hooks for pair in list(hooks.items())]
    return tuple(number for number, hook in found if is_users(hook))


def has_backward_hooks(model: Foreign) -> bool:
    """Whether one is on the model or its parts, or on every module."""
    every: Foreign = nn.modules.module
    kinds = [every._global_backward_pre_hooks, every._global_backward_hooks]
    for part in parts_of(model):
        kinds += [part._backward_pre_hooks, part._backward_hooks]
    return any(kinds)


def _of_one(module: nn.Module) -> tuple[int | float, ...]:
    get, forward = module.__dict__.get, id(type(module).forward)
    numbers: list[Any] = [get(name) for name in _NUMBERS]
    plain = [n if type(n) in _PLAIN else id(n) for n in numbers]
    return (id(module), id(get("forward")), forward, *plain)


@contextmanager
def uncompiled(model: Foreign) -> Generator[None]:
    """While this lasts, compiled parts of the model run as they were written, hooks and all."""
    if not any(map(_is_compiled, model.modules())) or _stance._is_owned():
        yield
        return
    frames: Foreign = importlib.import_module("torch._dynamo.eval_frame")
    with Cleanup(_let_go):
        _stance.acquire()
        with Cleanup(partial(frames._set_stance, frames._stance)):
            torch.compiler.set_stance("force_eager")
            yield


def _let_go() -> None:
    if _stance._is_owned():
        _stance.release()


def _is_compiled(module: nn.Module) -> bool:
    forward = module.__dict__.get("forward")
    return (
        module._compiled_call_impl is not None
        or "_orig_mod" in module._modules
        or hasattr(forward, "_torchdynamo_orig_callable")
    )


def refuse_missing(
    vit: BaseViT, layer: int, site: str, what: str = "did not run in it"
) -> NoReturn:
    """Refuse a block that did not show a site, or showed it in another way than it must.

    Raises:
        UnsupportedModelError: Always.
    """
    point = vit.adapter.hook_points(layer)[site]
    module = (point.parts[-1] if isinstance(point, JoinedPoint) else point).module
    names = (name for name, part in vit.model.named_modules() if part is module)
    which = f"its module {next(names, type(module).__name__)}"
    raise UnsupportedModelError(
        f'{vit.name} cannot be read exactly: block {layer} must show its "{site}" once, but '
        f"{which} {what}{replaced_in(vit, layer)}."
    )


def replaced_in(vit: BaseViT, layer: int) -> str:
    """The part of a block whose forward was replaced, for a sentence; empty where none was."""
    parts = {id(part) for part in vit.adapter.blocks[layer].modules()}
    for name, module in vit.model.named_modules():
        if id(module) in parts and "forward" in module.__dict__:
            return f"; the forward of {name} was replaced"
    return ""
