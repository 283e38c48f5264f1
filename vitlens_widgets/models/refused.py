"""Image models that break an assumption: which one, and what works instead, by where they live."""

from __future__ import annotations

_ONE_SEQUENCE = "all tokens must run through every block in one flat sequence"
_INSTEAD = 'a ViT whose patches keep their grid works instead, such as "vit_base_patch16_224"'
_WINDOWS = f"{_ONE_SEQUENCE}, but it attends within windows and merges patches between its stages"
_STAGES = f"{_ONE_SEQUENCE}, but it merges patches between its stages"
_HYBRID = (
    "attention must weigh patches in every block, but its stages are convolutions, some of them "
    f"with attention; {_INSTEAD}"
)
_CNN = f"attention must weigh patches, but it is a convolutional network without any; {_INSTEAD}"
_MIXER = f"attention must weigh patches, but it mixes them by other means; {_INSTEAD}"
_CLASS_BLOCKS = f"{_ONE_SEQUENCE}, but its class token joins only in further blocks of another kind"
_CHANNELS = (
    "attention must weigh tokens, but its blocks also mix channels or use convolutions in place "
    "of an MLP"
)
_TWO_BRANCHES = f"{_ONE_SEQUENCE}, but it runs two branches of patches of different sizes"
_TUBES = (
    "every token must be a patch of one image, but it reads videos, whose tokens are pieces of "
    "several frames"
)
_APART = "tokens must attend to all others, but it reads videos and attends in space and time apart"
_DETECTOR = (
    "its answer must be read from the tokens of an image tower, but it decodes boxes or maps from "
    "features of several layers; give vl.load its image tower where that is a ViT that is read"
)
_PIXELS = "a token must be a patch that sees all others, but its tokens are pixels, seen in order"
_LATENTS = f"{_ONE_SEQUENCE}, but its blocks run on latents that look at the image's values"
_TILES = (
    "every image must be one grid of patches, but it cuts images into tiles and merges or packs "
    "their patches for a language model"
)
_FLAT_WINDOWS = f"{_ONE_SEQUENCE}, but most of its blocks attend within windows"
_KIN = (
    "only image towers that were held against their own library are read, and this one was not; "
    "say where its parts are (vl.PlainViT) and hold it against itself (vl.check_adapter)"
)
_SAPIENS = (
    "its blocks must keep their parts where transformers' ViTs do, but Sapiens 2 does not; timm's "
    '"vit_base_patch16_sapiens2" and its larger ones, of the same weights, are read'
)

_TIMM = {
    _WINDOWS: "swin_transformer swin_transformer_v2 swin_transformer_v2_cr davit gcvit tiny_vit",
    _STAGES: "hiera hieradet_sam2 pit pvt_v2 twins mvitv2 levit coat nest visformer",
    _HYBRID: "maxxvit mobilevit nextvit efficientformer efficientformer_v2 efficientvit_mit "
    "efficientvit_msra edgenext fastvit swiftformer shvit lowformer cpubone csatv2 iformer "
    "mobilenetv5 byoanet",
    _MIXER: "mlp_mixer sequencer metaformer mambaout efficientvim convmixer focalnet",
    _CLASS_BLOCKS: "cait convit",
    _CHANNELS: "xcit",
    _TWO_BRANCHES: "crossvit tnt",
    f"{_ONE_SEQUENCE}, but it starts with windows and ends in further blocks for its class": "volo",
    _FLAT_WINDOWS: "vision_transformer_sam",
    _KIN: "qwen3_vit gemma4_vit deepseek_vit",
    _CNN: "byobnet convnext cspnet cspnext densenet dla dpn efficientnet fasternet ghostnet "
    "hardcorenas hgnet hrnet inception_next inception_resnet_v2 inception_v3 inception_v4 lcnetv2 "
    "mobilenetv3 nasnet nfnet pnasnet rdnet regnet repghost repvit res2net resnest resnet resnetv2 "
    "rexnet selecsls senet sknet starnet tresnet vgg vovnet xception xception_aligned",
}
_TRANSFORMERS = {
    _WINDOWS: "swin swinv2 donut swin2sr maskformer",
    _STAGES: "pvt pvt_v2 hiera levit segformer glpn cvt",
    _HYBRID: "mobilevit mobilevitv2 swiftformer",
    "tokens must attend to all others, but it attends to neighbours and merges patches": "dinat",
    _MIXER: "focalnet poolformer",
    _CNN: "bit convnext convnextv2 dinov3_convnext efficientnet hgnet_v2 mobilenet_v1 mobilenet_v2 "
    "pp_lcnet pp_lcnet_v3 pp_lcnet_v4 regnet resnet textnet uvdoc align",
    f"{_TUBES}; MAE's image models are read": "videomae",
    f'{_TUBES}; I-JEPA ("facebook/ijepa_vith14_1k") is read': "vjepa2",
    _TUBES: "vivit",
    f"{_APART}; its frames' ViTs are read": "timesformer videoprism",
    _PIXELS: "imagegpt",
    _LATENTS: "perceiver",
    _FLAT_WINDOWS: "vitdet lw_detr rf_detr",
    f"{_FLAT_WINDOWS} (SAM)": "sam sam_hq sam2 sam3",
    "every token before or beside the patches must stand before them, but its detection tokens "
    "stand after": "yolos",
    _DETECTOR: "conditional_detr d_fine dab_detr deformable_detr deimv2 depth_pro detr dpt "
    "rt_detr rt_detr_v2 table_transformer upernet zoedepth pp_doclayout_v2 pp_doclayout_v3 "
    "pp_doclayout_v4 pp_ocrv5_mobile_det pp_ocrv5_server_det pp_ocrv6_medium_det "
    "pp_ocrv6_small_det chmv2 depth_anything eomt eomt_dinov3 grounding_dino mask2former "
    "mm_grounding_dino omdet_turbo oneformer prompt_depth_anything tipsv2_dpt videomt vitmatte",
    _TILES: "llama4 mllama cohere2_vision shieldgemma2",
    _KIN: "altclip blip blip_2 chinese_clip clipseg owlvit owlv2 vitpose_backbone",
    _SAPIENS: "sapiens2",
}

REASONS: dict[str, str] = {
    f"{library}.models.{module}": reason
    for library, reasons in (("timm", _TIMM), ("transformers", _TRANSFORMERS))
    for reason, modules in reasons.items()
    for module in modules.split()
}
"""The assumption that fails, by the module of timm or the package of transformers."""


def reason_for(class_name: str) -> str:
    """Why models of this class are not read; "" where no reason is known.

    Args:
        class_name: `package.module.Class`.
    """
    return REASONS.get(".".join(class_name.split(".")[:3]), "")
