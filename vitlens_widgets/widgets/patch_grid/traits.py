"""The traits that carry a lens's answers to the browser; patch_grid_data.py packs them."""

from __future__ import annotations

import traitlets

from vitlens_widgets.widgets.shared.base import LensWidget


class AnswersData(LensWidget):
    """What each token answers in each state of one image, and the image."""

    _meta = traitlets.Dict().tag(sync=True)
    _labels = traitlets.List().tag(sync=True)
    _emoji = traitlets.List().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)
    _top_index = traitlets.Bytes().tag(sync=True)
    _top_probability = traitlets.Bytes().tag(sync=True)
    _entropy = traitlets.Bytes().tag(sync=True)
    _kl = traitlets.Bytes().tag(sync=True)
    _logsumexp = traitlets.Bytes().tag(sync=True)
    _logits = traitlets.Bytes().tag(sync=True)
    _target_logit = traitlets.Bytes().tag(sync=True)
    _target_rank = traitlets.Bytes().tag(sync=True)
    _target_of = traitlets.Int(-1).tag(sync=True)
