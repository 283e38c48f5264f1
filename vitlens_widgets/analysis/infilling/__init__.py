"""How well paintings of a masked autoencoder come out: by scores, by share hidden, by objects.

>>> study = vl.analysis.infilling.mask_study(vl.InfillLens(mae), images)
>>> study.table(), study.figure("ssim")
"""

from typing import TYPE_CHECKING

from vitlens_widgets._lazy import refusal
from vitlens_widgets.analysis.infilling.mask_study import MaskStudy, mask_study
from vitlens_widgets.analysis.infilling.object_iou import ObjectIoU, object_iou
from vitlens_widgets.analysis.infilling.score import score

__all__ = ["MaskStudy", "ObjectIoU", "mask_study", "object_iou", "score"]

if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    __getattr__ = refusal(__name__, __all__, "vl.analysis.infilling")
