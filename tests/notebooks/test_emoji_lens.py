"""What the emoji lens notebook says of the embedded models in words is what its cells find.

It also runs with another model's labels, which stand here for a real checkpoint's.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.notebooks.cells import run, start_exercises

STEM = "03_emoji_logit_lens"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


def test_the_answers_draw_things_late_and_rank_them_right_early(found):
    iou, apart, everywhere = (
        found["found"].mean(name).mean for name in ("iou", "separation", "everywhere")
    )
    assert (iou[4:] > 4 * everywhere[4:]).all()
    assert iou[4] - iou[3] == np.diff(iou).max()  # "from state 4 on"
    assert apart[2] > 0.8  # "mostly stand out by its name already"
    assert iou[2] < 0.5 * iou[-1]  # "while another word still wins"


def test_thin_things_are_drawn_worst(found):
    classes = found["found"].classes()
    worst = sorted(classes.to_dict("records"), key=lambda row: row["iou"])[:2]
    assert {row["class"] for row in worst} == {"key", "star"}


def test_it_emerges_where_the_loss_asks_the_patches_and_not_where_it_does_not(found):
    for results in found["scored"].values():
        iou = {name: result.mean("iou") for name, result in results.items()}
        floor, trivial = iou["random weights"], results["p32"].mean("everywhere").mean[-1]
        assert iou["p32"].mean[-1] > 3 * max(floor.mean[-1], trivial)
        assert iou["p32-taught"].mean[-1] > iou["p32"].mean[-1] + 0.3
        assert (iou["p32-taught"].mean[:-1] < iou["p32"].mean[:-1]).all()  # "only at the end"
        assert iou["p32-cls"].mean[-1] <= floor.mean[-1]
        assert iou["p32-cls"].mean[-1] < trivial
        apart = results["p32-cls"].mean("separation")
        assert apart.mean[-1] + apart.half[-1] < 0.3
        random = results["random weights"].mean("separation")
        assert abs(random.mean[-1] - 0.5) < random.half[-1]


def test_the_cls_only_twin_names_the_image_nearly_as_well():
    cards = {name: vl.world.card(f"toy/{name}") for name in ("p32-cls", "p32", "p32-taught")}
    right = [re.search(r"accuracy (\S+) with one", str(card))[1] for card in cards.values()]
    assert [f"{float(share):.2f}" for share in right] == ["0.97", "0.98", "1.00"]
    assert "(0.97 of held-out scenes with one thing right, beside 0.98 and 1.00" in text()


def test_the_cls_only_twin_keeps_the_name_beside_the_thing(found):
    on, off = (np.mean(found["spread"][where]) for where in ("on the thing", "elsewhere"))
    assert on < 0.5 * off


def test_the_two_norms_have_the_same_winners_and_are_not_equally_sure(found):
    assert found["differ"].float().mean((1, 2)).max() < 0.07
    ours, post = (found[name].mean("iou").mean for name in ("found", "post_found"))
    assert np.abs(ours - post).max() < 0.01
    ours, post = (found[name].mean("separation").mean for name in ("found", "post_found"))
    assert (ours[:4] - post[:4] > 0.05).all()
    assert np.abs(ours[-2:] - post[-2:]).max() < 0.01
    assert (found["sure"]["logit lens"] - found["sure"]["frozen norm"])[:4].min() > 0.2
    assert found["short"][:3].tolist() == pytest.approx([0.5] * 3, abs=0.05)  # "half as long"


def test_with_its_biases_the_frozen_norm_ends_in_the_models_own_answer(found):
    vit, trace = found["vit"], found["trace"]
    last = vl.FrozenNormLens(vit, bias=True).read(trace).readout.logits(vit.n_layers)
    assert (last - trace.logits).abs().max() < 1e-5 * trace.logits.abs().max()


def test_other_labels_are_shown_and_the_worlds_own_models_scored():
    timm = pytest.importorskip("timm")
    module = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=64).eval()
    images = [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(2)]
    model = "vl.load(_MODULE, labels=['cat', 'dog', 'boat'])"

    def change(source):
        source = source.replace("vit = vl.load(MODEL)", f"vit = {model}")
        source = source.replace("range(64)", "range(2)")
        return source.replace("IMAGES = []", "IMAGES = _IMAGES")

    names = run(STEM, change=change, given={"_MODULE": module, "_IMAGES": images})
    assert names["found"] is None
    assert "do not name the things of the world" in names["printed"]["iou"]
    assert names["scored"][1]["p32"].n_images == 2


def test_the_exercises_start_from_calls_that_work(found):
    assert start_exercises(STEM, dict(found)) == 4


def text():
    """The notebook's source, as one text."""
    return (Path(__file__).parents[2] / "notebooks" / f"{STEM}.ipynb").read_text(encoding="utf-8")
