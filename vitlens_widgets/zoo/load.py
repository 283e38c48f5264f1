"""`load`: a ViT from anywhere."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vitlens_widgets.errors import UsageError, as_list, check_text, did_you_mean, said
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.models.prompts import Prompts
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.modules import check_modes
from vitlens_widgets.workers.recipe import ModelRecipe, note
from vitlens_widgets.zoo.source import FromFile, ModelSource, Options
from vitlens_widgets.zoo.sources import SOURCES
from vitlens_widgets.zoo.wrappers import unwrapped


@clean
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
    probabilities: Kind | None = None,
    pretrained: bool = True,
    weights: str | os.PathLike[str] | None = None,
    weights_key: str | None = None,
    weights_ignore: str | Sequence[str] = (),
    **model_args: Any,
) -> ViT:
    """Load a vision transformer, ready to be traced.

    Args:
        source: One of
            - an embedded model, offline and at once: `"toy/p32"`;
            - what `vl.world.train` gave, or its folder or file: `"my-vit"`;
            - a timm name: `"vit_base_patch32_224"`, `"vit_base_patch32_224.augreg_in21k_ft_in1k"`,
              `"timm/vit_base_patch32_224.augreg_in21k_ft_in1k"`, `"hf_hub:owner/model"`;
            - a Hugging Face id (`"google/vit-base-patch32-384"`) or the folder of a saved model,
              or of PEFT's adapters to one (`pip install vitlens_widgets[peft]`);
            - a masked autoencoder: `"toy/mae"`, `"facebook/vit-mae-base"`, or one of Facebook's own
              files (`"mae_visualize_vit_base.pth"`; see `vitlens_widgets.zoo.mae_facebook`);
            - `"open_clip:ViT-B-32/laion2b_s34b_b79k"`: a model of open_clip and its weights
              (`pip install vitlens_widgets[open_clip]`);
            - a module of timm, transformers, open_clip or torchvision, one of Facebook's own, or of
              a class with an adapter of yours (`vl.PlainViT`), read as it is, never changed, also
              inside of `nn.DataParallel`, `torch.compile`, PEFT (LoRA), transformers' wrappers
              of timm, or a module of your own around one, if its answer is that model's, or a
              linear layer's on what that model pools.
        labels: Class names in class order, a dict of them by index (`id2label`), or the name of a
            known label set (`"imagenet-1k"`); by default the checkpoint's own.
        device: Where to run; by default where the model is.
        dtype: The type to run in; by default the model's own.
        image_size: (height, width) in pixels, or one number for both, to run at another size than
            the checkpoint's; position embeddings are resampled by the library.
        preprocessing: What the model expects, in timm's words, where the checkpoint does not say:
            `{"mean": (.5, .5, .5), "std": (.5, .5, .5), "interpolation": "bicubic",
            "crop_pct": 1.0, "crop_mode": "center"}`. Of a model that reads other channels than red,
            green and blue: a mean and a std for each, and `"shown"`, the three channels seen as
            red, green and blue, or the one seen in grey. Of a model that reads one channel,
            pictures become their luminance (Pillow's L), unless `"shown"` says they are none.
        classifier: A linear head to read instead of the model's own, or where it has none:
            `(weight [class, feature], bias [class] or None)` or an `nn.Linear`, on what the model
            pools (`vit.adapter.n_features` features).
        prompts: Texts, one per class, that a CLIP or SigLIP compares the image with:
            `["a photo of a cat", "a photo of a dog"]`, or `{"cat": [several texts], ...}`.
        probabilities: `"softmax"` or `"sigmoid"`, where the checkpoint does not say how its logits
            become probabilities; by default sigmoid for one logit, for multi-label classifiers
            (transformers' `problem_type`) and for SigLIP's prompts, else softmax.
        pretrained: False gives a timm model random weights.
        weights: A file of weights for the timm name or the saved folder that `source` is:
            `vl.load("vit_base_patch16_224", weights="my.ckpt", labels=[...])`. Read are `.pth`,
            `.pt`, `.ckpt`, `.bin`, `.tar`, `.safetensors` and `.npz`, and no code in them is run;
            names may be timm's, transformers', Facebook's or Google's, with a trainer's prefixes.
            All of them are used and none is missing, or the file is refused. It does not say what
            pixels it expects: those are the named architecture's, or `preprocessing=`.
        weights_key: Which model, where a file holds several: `"teacher"`.
        weights_ignore: Weights whose names begin with this, or with one of these, belong to no part
            of the model (`"criterion."`) and are left in the file.
        **model_args: Passed on to `timm.create_model` or `from_pretrained`.

    Raises:
        UsageError: Unknown name (the nearest are named), unreachable hub, a module in train mode,
            or an argument that does not go with this source.
        UnsupportedModelError: The model breaks an assumption that exact numbers rest on.

    Example:
        >>> vit = load("toy/p32")
        >>> vit.layout.rows, vit.layout.cols, vit.readout.name
        (7, 7, 'CLS')
    """
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    _check_words(model_args)
    _check_device(device)
    _check_dtype(dtype)
    moves = {"device": device, "dtype": dtype}
    source = os.fspath(source) if isinstance(source, os.PathLike) else source
    kind = _kind(source)
    from_file = _from_file(kind, source, weights, weights_key, weights_ignore)
    options = Options(size, pretrained, model_args, moves, from_file)
    name, model = kind.load(source, options)
    recipe = _recipe(source, options)
    if model is not source:  # a module of the user's is not changed
        model = model.to(device=device, dtype=dtype).eval()
    model, known = unwrapped(model)
    if classifier is None and prompts is None:
        classifier, prompts = known.classifier, known.prompts
    vit = ViT(
        model,
        name=name,
        labels=known.labels if labels is None else labels,
        image_size=size,
        preprocessing=known.preprocessing if preprocessing is None else preprocessing,
        classifier=classifier,
        prompts=prompts,
        probabilities=known.probabilities if probabilities is None else probabilities,
    )
    check_modes(vit)
    if recipe is not None:
        note(model, recipe)
    return vit


def _recipe(source: Any, options: Options) -> ModelRecipe | None:
    """How another process makes the same model; None for a module, and for random weights."""
    if not isinstance(source, str) or not options.pretrained:
        return None
    file, words = options.weights, {"image_size": options.image_size, **options.model_args}
    if file is not None:
        words |= {"weights": _whole_path(file.path), "weights_key": file.key}
        words["weights_ignore"] = file.ignore
    if (dtype := options.moves["dtype"]) is not None:
        words["dtype"] = dtype
    return ModelRecipe(load, _whole_path(source), words)


def _whole_path(given: str | os.PathLike[str]) -> str:
    """Of a file or folder, wherever the other process stands; a name as it is."""
    path = Path(given).expanduser()
    try:
        return str(path.resolve()) if path.exists() else os.fspath(given)
    except OSError:  # too long for a file's name, and so none
        return os.fspath(given)


def _from_file(
    kind: ModelSource,
    source: Any,
    weights: str | os.PathLike[str] | None,
    key: str | None,
    ignore: str | Sequence[str],
) -> FromFile | None:
    """The file of weights; refuses one for a source that comes with its own."""
    ignored = (ignore,) if isinstance(ignore, str) else _texts(ignore)
    ignored = tuple(filter(None, ignored))
    if weights is None and (key is not None or ignored):
        raise UsageError("weights_key= and weights_ignore= go with weights=, the file they are of.")
    if weights is None:
        return None
    if not kind.takes_weights:
        filled = "; its load_state_dict fills it" if isinstance(source, nn.Module) else ""
        raise UsageError(
            f"weights= fills an architecture that is named, by timm's name or a saved folder, and "
            f"{said(source)} comes with its own{filled}."
        )
    return FromFile(weights, key, ignored)


def _texts(ignore: Any) -> list[str]:
    names = as_list("weights_ignore=", ignore, '["head."]')
    return [check_text("What weights_ignore= has", name, "head.") for name in names]


def _check_words(model_args: Mapping[str, Any]) -> None:
    """A misspelt argument of `load` would reach the library, which answers at length."""
    own = [name for name in inspect.signature(load).parameters if name != "model_args"]
    for name in model_args:
        near = get_close_matches(name, own, n=1, cutoff=0.9)  # timm has an img_size
        if near:
            raise UsageError(f"vl.load has no argument {name}=; did you mean {near[0]}=?")


def _check_device(device: Any) -> None:
    try:
        kind = torch.device(device).type if device is not None else "cpu"
    except (RuntimeError, TypeError, ValueError) as error:
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
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise UsageError(
            f"dtype={dtype!r} is no type that a model runs in; expected torch.float32, "
            "torch.bfloat16, torch.float16 or torch.float64."
        )


def _kind(source: Any) -> ModelSource:
    """Which kind of source this is.

    Raises:
        UsageError: None that is known.
    """
    if isinstance(source, (str, nn.Module)):
        for kind in SOURCES:
            if kind.takes(source):
                return kind
    if isinstance(source, Mapping):
        raise UsageError(
            "vl.load takes a model, not its weights alone: give it the module after "
            'module.load_state_dict(weights), or their file, as in vl.load("vit_base_patch16_224", '
            'weights="run.pth").'
        )
    names = (name for kind in SOURCES for name in kind.names())
    near = did_you_mean(source, names) if isinstance(source, str) else ""
    if near:
        raise UsageError(
            f"vl.load does not know {said(source)}.{near} help(vl.load) says what it takes."
        )
    *others, last = (kind.description for kind in SOURCES)
    raise UsageError(
        f"vl.load does not know {said(source)}; it takes {', '.join(others)} or {last}."
    )
