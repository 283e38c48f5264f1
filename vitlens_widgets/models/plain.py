"""`PlainViT`: an adapter that says where the parts of a pre-norm ViT are, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Literal, NoReturn

from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError, UsageError, did_you_mean
from vitlens_widgets.kinds import is_several, is_tuple
from vitlens_widgets.models.adapter import Adapter, as_size, grid, require
from vitlens_widgets.models.cleanup import clean, hooking
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hook_points import HookPoint, HookPoints, part_of, slice_of, split_heads
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import DEFAULTS, Preprocessing, from_timm_config
from vitlens_widgets.models.readout import CLS, PATCHES

_OF_MODEL = ("blocks", "norm", "embedding")
_OF_BLOCK = ("heads", "proj", "attn", "norm2", "mlp", "mlp_in", "mlp_out")


class PlainViT(Adapter):
    """A ViT whose blocks add attention, then an MLP, by the places of its parts.

    Subclass it, say where parts are that are elsewhere than in timm, and register it for your
    class; `vl.check_adapter` then says whether all numbers are your model's own. Places are dotted
    names: in the model for `blocks`, `norm`, `head` and `embedding`, in a block for the others.

    Example:
        >>> @vl.register("my_models.MyViT")
        ... class MyFamily(vl.PlainViT):
        ...     at = {"blocks": "encoder.layers", "proj": "attn.out", "norm": "encoder.norm"}
        ...     made_for = 224
    """

    at: Mapping[str, str] = {}
    """Where parts are that are not where `PARTS` says."""

    PARTS: Mapping[str, str] = {
        "blocks": "blocks",
        "norm": "norm",
        "head": "head",  # the classifier; without one, the model's answer is what it pools
        "embedding": "patch_embed",  # holds the convolution that cuts patches
        "qkv": "attn.qkv",  # one projection: queries, keys, values; or three: "q", "k", "v"
        "proj": "attn.proj",  # is given z
        "attn": "attn",  # gives what attention adds, layer scale included
        "norm2": "norm2",  # is given the stream between attention and MLP
        "mlp_in": "mlp.fc1",  # gives the neurons; both sides of a gate with the gate's first
        "mlp_out": "mlp.fc2",
        "mlp": "mlp",  # gives what the MLP adds, layer scale included
        "heads": "attn.num_heads",
    }

    reads: Literal["cls", "patches"] = "cls"
    """What the classifier reads after the final norm: CLS, or the mean of the patches."""

    prefix: tuple[str, ...] = ("CLS",)
    """Names of the tokens before the patches: CLS first, then registers."""

    made_for: int | tuple[int, int] = 224
    """The image size in pixels, or its (height, width)."""

    any_size: bool = False
    """Whether the model's own code fits its positions to other sizes."""

    mean: float | Sequence[float] = IMAGENET_DEFAULT_MEAN
    """Of each channel, or of all alike, of pixels 0 .. 1."""
    std: float | Sequence[float] = IMAGENET_DEFAULT_STD

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.model = model
        must = 'reads must be "cls" or "patches"'
        require(self.reads in ("cls", "patches"), model, must, f"it is {self.reads!r}")
        unknown = [role for role in self.at if role not in (*self.PARTS, "q", "k", "v")]
        if unknown:
            near = did_you_mean(unknown[0], (*self.PARTS, "q", "k", "v"))
            what = f'{type(self).__name__}.at says where "{unknown[0]}" is, which no part is called'
            raise UsageError(f"{what}; help(vl.PlainViT) lists them.{near}")
        self.readout = CLS if self.reads == "cls" else PATCHES
        super().__init__(model, image_size)

    def part(self, role: str, within: Foreign = None) -> Foreign:
        """A part of the model, or of a block; None where there is none."""
        place = self.at.get(role, self.PARTS.get(role, ""))
        start = self.model if within is None else within
        return reduce(lambda found, name: getattr(found, name, None), place.split("."), start)

    def _must(self, role: str, within: Foreign = None) -> Foreign:
        found = self.part(role, within)
        if found is None:
            self._refuse(role, within)
        return found

    def _refuse(self, role: str, within: Foreign) -> NoReturn:
        """Names all parts that are missing at once, not one after the other."""
        projections = ("q", "k", "v") if "q" in self.at else ("qkv",)
        roles = _OF_MODEL if within is None else (*_OF_BLOCK, *projections)
        missing = [one for one in roles if one == role or self.part(one, within) is None]
        places = ", ".join(
            f'{one} at "{self.at.get(one, self.PARTS.get(one, ""))}"' for one in missing
        )
        inside = "" if within is None else ", within a block"
        raise UnsupportedModelError(
            f"This {type(self.model).__name__} cannot be read: nothing is where its parts must be"
            f'{inside}: {places}. Say where they are, as in at = {{"{missing[0]}": ...}}; '
            "help(vl.PlainViT) shows how."
        )

    @property
    def own_size(self) -> tuple[int, int]:
        """(height, width) in pixels, as `made_for` says."""
        return as_size(self.made_for)

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return self._must("blocks")

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self._must("heads", self.blocks[0])

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self._must("proj", self.blocks[0]).out_features

    @property
    def patch_size(self) -> tuple[int, int]:
        """(height, width) of a patch in pixels: the stride of the embedding's convolution."""
        return as_size(self._cuts.stride)

    @property
    def n_channels(self) -> int:
        """How many channels that convolution reads."""
        return self._cuts.in_channels

    @property
    def _cuts(self) -> Foreign:
        """The convolution that cuts patches."""
        parts = self._must("embedding").modules()
        return next(part for part in parts if isinstance(part, nn.Conv2d))

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size = as_size(image_size or self.image_size)
        only = self.image_size if self.any_size else self.own_size
        if size != only:
            raise UsageError(
                f"This model reads images of {only[0]} x {only[1]} pixels, not {size[0]} x "
                f"{size[1]}."
            )
        return TokenLayout(*grid(size, self.patch_size), self.prefix)

    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""
        block = self.blocks[layer]
        part = {role: self._must(role, block) for role in ("proj", "attn", "norm2", "mlp")}
        mlp_in, mlp_out = self._must("mlp_in", block), self._must("mlp_out", block)
        gated = mlp_in.out_features == 2 * mlp_out.in_features
        gate = (slice_of(0, mlp_out.in_features),) if gated else ()
        return HookPoints(
            {
                "resid_pre": HookPoint(block, "input"),
                **self._projections(block),
                "z": HookPoint(part["proj"], "input", split_heads(self.n_heads)),
                "attn_out": HookPoint(part["attn"], "output"),
                "resid_mid": HookPoint(part["norm2"], "input"),
                "mlp_pre": HookPoint(mlp_in, "output", *gate),
                "mlp_post": HookPoint(mlp_out, "input"),
                "mlp_out": HookPoint(part["mlp"], "output"),
                "resid_post": HookPoint(block, "output"),
            }
        )

    def _projections(self, block: Foreign) -> dict[str, HookPoint]:
        """Queries, keys and values, of one projection or of three."""
        heads = self.n_heads
        if "q" in self.at:
            return {
                role: HookPoint(self._must(role, block), "output", split_heads(heads))
                for role in ("q", "k", "v")
            }
        fused = self._must("qkv", block)
        return {
            role: HookPoint(fused, "output", part_of(3, i, heads))
            for i, role in enumerate(("q", "k", "v"))
        }

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        out = self.blocks[layer](state)
        return out[0] if is_tuple(out) else out

    @clean
    def pooled(self, pixels: Tensor) -> Tensor:
        """What the model gives its classifier; without one, its answer: `[image, feature]`."""
        if self.head is None:
            return self.model(pixels)
        seen: list[Tensor] = []
        with hooking() as hooks:
            hooks.before(self.head, lambda _module, args, _kwargs: seen.append(args[0]))
            self.model(pixels)
        return seen[0]

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm, `[image, token, d]`."""
        return self._must("norm")(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """The readout through the final norm, `[image, feature]`."""
        normed = self._must("norm")(state)
        return normed[:, 0] if self.reads == "cls" else normed[:, len(self.prefix) :].mean(1)

    @property
    def head(self) -> Foreign:
        """The classifier; None without one."""
        own = self.part("head")
        return None if isinstance(own, nn.Identity) else own

    def preprocessing(self) -> Preprocessing:
        """Resized to the shorter side, cropped in the middle, and normed by `mean` and `std`."""
        n = self.n_channels
        mean, std = (one if is_several(one) else (one,) * n for one in (self.mean, self.std))
        words: dict[str, Any] = {**DEFAULTS, "mean": tuple(mean), "std": tuple(std)}
        return from_timm_config(words, self.image_size)

    def checkpoint_name(self) -> str:
        """Nothing: the module does not say."""
        return ""

    def label_names(self) -> Sequence[str] | None:
        """None: the module does not say."""
        return None
