"""`load`: a ViT from anywhere."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list
from vitlens_widgets.models.families import family_of
from vitlens_widgets.models.prompts import Prompts
from vitlens_widgets.trace.vit import ViT
from vitlens_widgets.world.weights import check_not_begun, given_name, trained_weights
from vitlens_widgets.zoo.hub import OutOfReachError, reach
from vitlens_widgets.zoo.load_hf import from_hf
from vitlens_widgets.zoo.load_open_clip import PREFIX as OPEN_CLIP
from vitlens_widgets.zoo.load_open_clip import from_open_clip

if TYPE_CHECKING:
    import torch
    from torch import nn

_TIMM_SOURCES = ("timm/", "hf-hub:", "hf_hub:", "local-dir:")


def load(
    source: str | os.PathLike[str] | nn.Module,
    *,
    labels: Sequence[str] | str | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    image_size: int | tuple[int, int] | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    classifier: nn.Linear | tuple[torch.Tensor, torch.Tensor | None] | None = None,
    prompts: Prompts | None = None,
    pretrained: bool = True,
    **model_args: Any,
) -> ViT:
    """Load a vision transformer, ready to be traced.

    Args:
        source: One of
            - an embedded model, offline and at once: `"toy/p32"`;
            - what `vl.world.train` gave, or its folder or file: `"my-vit"`;
            - a timm name: `"vit_base_patch32_224"`, `"vit_base_patch32_224.augreg_in21k_ft_in1k"`,
              `"timm/vit_base_patch32_224.augreg_in21k_ft_in1k"`, `"hf_hub:owner/model"`;
            - a Hugging Face id (`"google/vit-base-patch32-384"`) or the folder of a saved model;
            - a masked autoencoder: `"toy/mae"`, `"facebook/vit-mae-base"`, or one of Facebook's own
              files (`"mae_visualize_vit_base.pth"`; see `vitlens_widgets.zoo.mae_facebook`);
            - `"open_clip:ViT-B-32/laion2b_s34b_b79k"`: a model of open_clip and its weights
              (`pip install vitlens_widgets[open_clip]`);
            - a module of timm, transformers or open_clip, which is read as it is and never changed.
        labels: Class names in class order, a dict of them by index (`id2label`), or the name of a
            known label set (`"imagenet-1k"`); by default the checkpoint's own.
        device: Where to run; by default where the model is.
        dtype: The type to run in; by default the model's own.
        image_size: (height, width) in pixels, or one number for both, to run at another size than
            the checkpoint's; position embeddings are resampled by the library.
        preprocessing: What the model expects, in timm's words, where the checkpoint does not say:
            `{"mean": (.5, .5, .5), "std": (.5, .5, .5), "interpolation": "bicubic",
            "crop_pct": 1.0, "crop_mode": "center"}`.
        classifier: A linear head to read instead of the model's own, or where it has none:
            `(weight [class, feature], bias [class] or None)` or an `nn.Linear`, on what the model
            pools (`vit.adapter.n_features` features).
        prompts: Texts, one per class, that a CLIP or SigLIP compares the image with:
            `["a photo of a cat", "a photo of a dog"]`, or `{"cat": [several texts], ...}`.
        pretrained: False gives a timm model random weights.
        **model_args: Passed on to `timm.create_model` or `from_pretrained`.

    Raises:
        UsageError: Unknown name (the nearest are named), unreachable hub, or an argument that does
            not go with this source.
        UnsupportedModelError: The model breaks an assumption that exact numbers rest on.

    Example:
        >>> vit = load("toy/p32")
        >>> vit.layout.rows, vit.layout.cols, vit.readout_name
        (7, 7, 'CLS')
    """
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    _check_words(model_args)
    _check_device(device)
    _check_dtype(dtype)
    if isinstance(source, (str, os.PathLike)):
        name, model = _by_name(os.fspath(source), size, pretrained, model_args)
        model = model.to(device=device, dtype=dtype).eval()
    else:
        name, model = "", _module(source, device=device, dtype=dtype, **model_args)
    return ViT(
        model,
        name=name,
        labels=labels,
        image_size=size,
        preprocessing=preprocessing,
        classifier=classifier,
        prompts=prompts,
    )


def _check_words(model_args: Mapping[str, Any]) -> None:
    """A misspelt argument of `load` would reach the library, which answers at length."""
    own = [name for name in inspect.signature(load).parameters if name != "model_args"]
    for name in model_args:
        near = get_close_matches(name, own, n=1, cutoff=0.9)  # timm has an img_size
        if near:
            raise UsageError(f"vl.load has no argument {name}=; did you mean {near[0]}=?")


def _check_device(device: Any) -> None:
    import torch

    try:
        kind = torch.device(device).type if device is not None else "cpu"
    except RuntimeError as error:
        raise UsageError(
            f'device={device!r} is no device; expected "cpu", "cuda", "cuda:1", "mps" ...'
        ) from error
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if kind in there and not there[kind]():
        raise UsageError(
            f"device={device!r} is not available to this torch ({torch.__version__}); leave "
            'device= out to run on "cpu".'
        )


def _check_dtype(dtype: Any) -> None:
    import torch

    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise UsageError(
            f"dtype={dtype!r} is no type that a model runs in; expected torch.float32, "
            "torch.bfloat16, torch.float16 or torch.float64."
        )


def _module(source: Any, **changes: Any) -> nn.Module:
    from torch import nn

    if not isinstance(source, nn.Module):
        raise UsageError(
            f"vl.load takes a name, a folder or an nn.Module, not {type(source).__name__}."
        )
    asked = [f"{word}=" for word, value in changes.items() if value is not None]
    if asked:
        raise UsageError(
            f"{', '.join(asked)} would change your module, which is read as it is; change it "
            "yourself (model.to(...), model.eval()) before vl.load(model)."
        )
    return source


def _by_name(
    source: str, size: tuple[int, int] | None, pretrained: bool, model_args: Mapping[str, Any]
) -> tuple[str, nn.Module]:
    """(name, model) for a name or a folder."""
    if source.startswith("toy/"):
        return source, _embedded(source, size, model_args)
    path = Path(source).expanduser()
    if (weights := trained_weights(path)) is not None:
        return given_name(weights), _trained(weights, size, model_args)
    if path.is_file() and path.suffix in (".pth", ".pt"):
        return path.stem, _from_file(path, model_args)
    if path.exists():
        return _from_folder(path, size, model_args)
    if path.is_absolute() or source.startswith((".", "~")):
        raise UsageError(f"There is no file or folder {source}.")
    if source.startswith(OPEN_CLIP):
        return source, from_open_clip(source, pretrained, model_args, _offline_choice())
    if source.startswith(_TIMM_SOURCES) or "/" not in source:
        return source, _from_timm(source, size, pretrained, model_args)
    try:
        return source, from_hf(source, model_args, _offline_choice())
    except OutOfReachError as error:
        raise OutOfReachError(
            f'There is no file or folder "{source}" here; as a name on the hub, {error}'
        ) from error


def _embedded(name: str, size: tuple[int, int] | None, model_args: Mapping[str, Any]) -> nn.Module:
    from vitlens_widgets.world import embedded

    _check_as_trained(name, size, model_args)
    return embedded.build(name)


def _trained(
    weights: Path, size: tuple[int, int] | None, model_args: Mapping[str, Any]
) -> nn.Module:
    """A model that the user has trained with `vl.world.train`."""
    from vitlens_widgets.world import embedded

    _check_as_trained(given_name(weights), size, model_args)
    return embedded.build_from(weights)


def _check_as_trained(
    name: str, size: tuple[int, int] | None, model_args: Mapping[str, Any]
) -> None:
    if size is not None or model_args:
        given = ", ".join([*(["image_size"] if size is not None else []), *model_args])
        raise UsageError(f"{name} is used as it was trained and takes no {given}.")


def _from_folder(
    folder: Path, size: tuple[int, int] | None, model_args: Mapping[str, Any]
) -> tuple[str, nn.Module]:
    """A model saved by transformers' `save_pretrained` or timm's `save_for_hf`."""
    check_not_begun(folder)
    config = folder / "config.json"
    if not config.is_file():
        raise UsageError(
            f"{folder} holds no config.json; expected the folder of a model saved by transformers "
            "or timm. For a bare file of weights, build the module, load the weights into it and "
            "give vl.load the module."
        )
    if "architecture" in json.loads(config.read_text()):
        return folder.name, _from_timm(f"local-dir:{folder}", size, True, model_args)
    return folder.name, from_hf(str(folder), model_args, _offline_choice())


def _from_file(path: Path, model_args: Mapping[str, Any]) -> nn.Module:
    """A masked autoencoder as Facebook published it."""
    from vitlens_widgets.zoo.mae_facebook import from_facebook

    return from_facebook(path, model_args)


def _from_timm(
    name: str, size: tuple[int, int] | None, pretrained: bool, model_args: Mapping[str, Any]
) -> nn.Module:
    import timm

    if name.startswith("timm/"):
        name = f"hf-hub:{name}"
    if ":" not in name:
        _check_timm_name(name)
    if size is not None:
        model_args = {"img_size": size, **model_args}
    return reach(
        name,
        lambda: timm.create_model(name, pretrained=pretrained, **model_args),
        _offline_choice(),
    )


def _check_timm_name(name: str) -> None:
    """Refuse an unknown name, an unknown tag or another kind of model before any download."""
    import timm
    import torch

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = [*_embedded_names(), *timm.list_models(["vit_*", "deit*"])]
        raise UsageError(
            f'"{name}" is neither an embedded model, nor a folder, nor a timm name.'
            f"{did_you_mean(name, known)}"
        )
    tagged = timm.list_models(f"{architecture}.*", pretrained=True)
    if tag and name not in tagged:
        raise UsageError(
            f'"{architecture}" has no weights tagged "{tag}" in timm; it has '
            f"{quoted_list(tagged) or 'none'}."
        )
    try:
        with torch.device("meta"):  # no memory, no weights: only to see what it is
            model = timm.create_model(architecture, pretrained=False)
    except RuntimeError:  # older timm needs numbers while it builds: seen when it is loaded
        return
    family_of(model)(model)


def _embedded_names() -> tuple[str, ...]:
    from vitlens_widgets import world

    return world.NAMES


def _offline_choice() -> str:
    return f"{', '.join(_embedded_names())}, a saved folder, or your own module"
