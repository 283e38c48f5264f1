"""What the best features of the embedded SAEs tell, written beside them, where cards read it.

python -m tests.benchmarks.best_features_of_saes
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import vitlens_widgets as vl
from vitlens_widgets.analysis import BestFeatures
from vitlens_widgets.world.catalogue import SAES
from vitlens_widgets.world.saes.recipes import OBJECTS, SAE_RECIPES, sae_file
from vitlens_widgets.world.saes.train import embedded_sae

N_IMAGES = 600
COLUMNS = ("kind", "truth", "features", "feature", "F1", "F1, half of 95 %", "null F1", "p")


def told(found: BestFeatures, n_images: int) -> dict[str, Any]:
    """What a card has of it, to four digits."""

    def short(value: Any) -> Any:
        return float(f"{value:.4g}") if isinstance(value, float) else value

    means = {}
    for kind in found.kinds:
        own = np.array([one == kind for one, _ in found.names])
        means[kind] = {
            name: [
                short(float(found.mean_f1(name, kind).mean)),
                short(float(found.mean_f1(name, kind).half)),
                short(float(np.nanmean(found.found[name].null[:, own & found.seen]))),
            ]
            for name in found.features
        }
    call = (
        f"vl.analysis.best_features(vit, vl.world.Scenes(objects={OBJECTS}), sae=sae, "
        f"n_images={n_images})"
    )
    rows = found.table()[list(COLUMNS)].to_dict("split")["data"]
    truths = [[short(value) for value in row] for row in rows]
    return {"call": call, "means": means, "columns": list(COLUMNS), "truths": truths}


def main() -> None:
    """Measure all of them."""
    for name in sys.argv[1:] or SAES:
        vit, sae = vl.load(SAE_RECIPES[name].model), embedded_sae(name)
        scenes = vl.world.Scenes(objects=OBJECTS)
        found = vl.analysis.best_features(vit, scenes, sae=sae, n_images=N_IMAGES)
        text = json.dumps(told(found, N_IMAGES), ensure_ascii=False)
        sae_file(name).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        print(found.summary())


if __name__ == "__main__":
    main()
