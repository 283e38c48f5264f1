"""The seven models of Vilas et al. (2023), with the weights and preprocessing they were read with.

The names of weights are pinned, because timm's short names mean other weights than they did then:
`vit_base_patch16_224` has become `.augreg2_in21k_ft_in1k`, and `vit_base_patch16_224_miil` a model
of 11,221 classes. The preprocessing is the paper's too: most models were given images squashed to a
square, not cropped as timm does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.vit import ViT
from vitlens_widgets.zoo.checkpoint_file import module_from_file
from vitlens_widgets.zoo.hub import OutOfReachError
from vitlens_widgets.zoo.load import load

if TYPE_CHECKING:
    import torch
    from pandas import DataFrame

_HALF = (0.5, 0.5, 0.5)
_SQUASHED = {
    "mean": _HALF,
    "std": _HALF,
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "crop_mode": "squash",
}
_DEIT = {
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "interpolation": "bicubic",
    "crop_pct": 224 / 256,  # squashed to 256 x 256, of which the middle is taken
    "crop_mode": "squash",
}
_MIIL = {
    "mean": (0.0, 0.0, 0.0),
    "std": (1.0, 1.0, 1.0),
    "interpolation": "bilinear",
    "crop_pct": 0.875,
    "crop_mode": "center",
}


@dataclass(frozen=True)
class PaperModel:
    """One of the seven models.

    Attributes:
        name: What the paper calls it.
        architecture: timm's name, with the tag of the weights where timm has them.
        weights: The file of the weights, as their authors named it.
        preprocessing: From image to pixels, in timm's words.
        labels: The label set that it knows.
        from_file: Whether the weights come from a file that no hub of timm has; then `weights` says
            which, and where its authors give it.
        extra: The start of the names of weights in the file that belong to no part of the model
            that the paper used.
    """

    name: str
    architecture: str
    weights: str
    preprocessing: Mapping[str, Any]
    labels: str = "imagenet-1k"
    from_file: bool = False
    extra: str = ""

    @clean
    def load(
        self,
        file: str | os.PathLike[str] | None = None,
        *,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> ViT:
        """The model, ready to be traced, with the paper's preprocessing.

        Published values stand beside those measured on it (`ViT.paper`).

        Args:
            file: A file of its weights, as timm's state dict (`.pth`, `.pt`, `.safetensors`) or as
                Google's arrays (`.npz`); by default timm's hub is asked.
            device: Where to run.
            dtype: The type to run in.

        Raises:
            UsageError: The hub is out of reach, a file that is needed was not given, or it does
                not hold this model's weights.
        """
        source: Any = self.architecture
        if file is not None:
            architecture, n_classes = self.architecture.partition(".")[0], self.n_classes
            source = module_from_file(
                file,
                architecture,
                num_classes=n_classes,
                ignore=(self.extra,) if self.extra else (),
            )
            source = source.to(device=device, dtype=dtype)
            device = dtype = None
        elif self.from_file:
            raise UsageError(
                f"{self.name} has its weights in a file, {self.weights}: give it as "
                f'vl.paper_models()["{self.name}"].load("that file").'
            )
        try:
            vit = load(
                source,
                labels=self.labels,
                preprocessing=self.preprocessing,
                device=device,
                dtype=dtype,
            )
        except OutOfReachError as error:
            raise UsageError(f"{error} Or give load() the file {self.weights}.") from error
        vit.name = vit.paper = self.name
        return vit

    @property
    def n_classes(self) -> int:
        """How many classes it knows."""
        return 100 if self.labels == "cifar100" else 1000


class PaperModels(Mapping[str, PaperModel]):
    """The seven models by the paper's names; shows itself as a table."""

    def __init__(self, models: tuple[PaperModel, ...]) -> None:
        self._models = {model.name: model for model in models}

    def __getitem__(self, name: str) -> PaperModel:
        if name not in self._models:
            raise KeyError(
                f'The paper has no model "{name}"; it has {", ".join(self._models)}.'
                f"{did_you_mean(str(name), self._models)}"
            )
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def table(self) -> DataFrame:
        """A row per model: what it is called, which weights those are, what it is given."""
        models = self._models.values()
        columns = {
            "name": list(self._models),
            "timm's name": [model.architecture for model in models],
            "labels": [model.labels for model in models],
            "images are": [_said(model.preprocessing) for model in models],
            "weights": [("file: " if m.from_file else "") + m.weights for m in models],
        }
        return frame(columns, "The models of Vilas et al. (2023)")

    def __repr__(self) -> str:
        return self.table().to_string(index=False)

    def _repr_html_(self) -> str:
        from pandas import option_context

        with option_context("display.max_colwidth", None):  # names of weights in full
            return self.table().to_html(index=False)


def paper_models() -> PaperModels:
    """The seven models of Vilas et al. (2023), listed without a network.

    Example:
        >>> vit = paper_models()["ViT-B/32"].load()  # asks timm's hub
        >>> vit = paper_models()["CIFAR100"].load("vit_base_patch16_224-CIFAR100.pt")
    """
    return PaperModels(_MODELS)


def _said(words: Mapping[str, Any]) -> str:
    how = "squashed" if words["crop_mode"] == "squash" else "cropped"
    return f"{how}, crop_pct {words['crop_pct']:g}, {words['interpolation']}"


_TUNED = "imagenet2012-steps_20k"
_MODELS = (
    PaperModel(
        "ViT-B/32",
        "vit_base_patch32_224.augreg_in21k_ft_in1k",
        f"B_32-i21k-300ep-lr_0.001-aug_medium1-wd_0.03-do_0.0-sd_0.0--{_TUNED}-lr_0.03-res_224.npz",
        preprocessing=_SQUASHED,
    ),
    PaperModel(
        "ViT-B/16",
        "vit_base_patch16_224.augreg_in21k_ft_in1k",
        f"B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0--{_TUNED}-lr_0.01-res_224.npz",
        preprocessing=_SQUASHED,
    ),
    PaperModel(
        "ViT-L/16",
        "vit_large_patch16_224.augreg_in21k_ft_in1k",
        f"L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1--{_TUNED}-lr_0.01-res_224.npz",
        preprocessing=_SQUASHED,
    ),
    PaperModel(
        "MIIL",
        "vit_base_patch16_224_miil.in21k_ft_in1k",
        "vit_base_patch16_224_1k_miil_84_4-2deb18e3.pth",
        preprocessing=_MIIL,
    ),
    PaperModel(
        "CIFAR100",
        "vit_base_patch16_224",
        "vit_base_patch16_224-CIFAR100.pt, of martinagvilas/vit-cls_emb",
        preprocessing=_SQUASHED,
        labels="cifar100",
        from_file=True,
    ),
    PaperModel(
        "Refinement",
        "deit_base_patch16_224",
        "deit_base_trm.pth, of Muzammal-Naseer/Improving-Adversarial-Transferability-of-Vision-"
        "Transformers, release v0",
        preprocessing=_DEIT,
        from_file=True,
        extra="transformerheads.",
    ),
    PaperModel(
        "GAP",
        "vit_base_patch16_rpn_224.sw_in1k",
        "vit_base_patch16_rpn_224-sw-3b07e89d.pth",
        preprocessing=_SQUASHED,
    ),
)
