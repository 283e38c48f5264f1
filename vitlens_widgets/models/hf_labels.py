"""The class names that a configuration of transformers holds."""

from __future__ import annotations

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.foreign import Foreign


def hf_label_names(config: Foreign) -> list[str] | None:
    """`id2label` in class order; None where transformers only numbered the classes.

    Raises:
        UsageError: It names other classes than 0, 1, 2, ...
    """
    by_index, count = config.id2label, config.num_labels
    if sorted(by_index) != list(range(count)):
        named = ", ".join(map(str, list(by_index)[:4])) + ", ..." * (count > 4)
        raise UsageError(
            f"The configuration of this model (id2label) names classes {named}, and its {count} "
            "classes are counted from 0: mend its config.json, or say labels= to vl.load."
        )
    names = [by_index[i] for i in range(count)]
    numbered = all(name == f"LABEL_{i}" for i, name in enumerate(names))
    return None if numbered else names
