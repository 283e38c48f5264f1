"""Models that look like ViTs and break an assumption: which one, by the name of their class."""

from __future__ import annotations

_ONE_SEQUENCE = "all tokens must run through every block in one flat sequence"
_WINDOWS = f"{_ONE_SEQUENCE}, but it attends within windows and merges patches between its stages"
_STAGES = f"{_ONE_SEQUENCE}, but it merges patches between its stages"
_CLASS_BLOCKS = f"{_ONE_SEQUENCE}, but its class token joins only in further blocks of another kind"
_CHANNELS = (
    "attention must weigh tokens, but its blocks also mix channels or use convolutions in place "
    "of an MLP"
)
_TWO_BRANCHES = f"{_ONE_SEQUENCE}, but it runs two branches of patches of different sizes"

REASONS = {
    "timm.models.swin_transformer.SwinTransformer": _WINDOWS,
    "timm.models.swin_transformer_v2.SwinTransformerV2": _WINDOWS,
    "timm.models.swin_transformer_v2_cr.SwinTransformerV2Cr": _WINDOWS,
    "timm.models.hiera.Hiera": _STAGES,
    "timm.models.hieradet_sam2.HieraDet": _STAGES,
    "timm.models.pit.PoolingVisionTransformer": _STAGES,
    "timm.models.pvt_v2.PyramidVisionTransformerV2": _STAGES,
    "timm.models.twins.Twins": _STAGES,
    "timm.models.mvitv2.MultiScaleVit": _STAGES,
    "timm.models.levit.Levit": _STAGES,
    "timm.models.levit.LevitDistilled": _STAGES,
    "timm.models.coat.CoaT": _STAGES,
    "timm.models.nest.Nest": _STAGES,
    "timm.models.cait.Cait": _CLASS_BLOCKS,
    "timm.models.xcit.Xcit": _CHANNELS,
    "timm.models.crossvit.CrossVit": _TWO_BRANCHES,
    "timm.models.vision_transformer_sam.VisionTransformerSAM": (
        f"{_ONE_SEQUENCE}, but most of its blocks attend within windows"
    ),
    "transformers.models.swin.modeling_swin.SwinModel": _WINDOWS,
    "transformers.models.swin.modeling_swin.SwinForImageClassification": _WINDOWS,
    "transformers.models.swinv2.modeling_swinv2.Swinv2Model": _WINDOWS,
    "transformers.models.swinv2.modeling_swinv2.Swinv2ForImageClassification": _WINDOWS,
    "transformers.models.pvt.modeling_pvt.PvtForImageClassification": _STAGES,
    "transformers.models.pvt_v2.modeling_pvt_v2.PvtV2ForImageClassification": _STAGES,
    "transformers.models.hiera.modeling_hiera.HieraForImageClassification": _STAGES,
    "transformers.models.levit.modeling_levit.LevitForImageClassification": _STAGES,
}
"""Qualified class name: the assumption that fails."""
