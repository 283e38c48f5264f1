"""Whatever a user calls images is one entry per image."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

import vitlens_widgets as vl
from tests.data import hugging_face
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.data import listed as module
from vitlens_widgets.data import read_image
from vitlens_widgets.data.listed import listed


@pytest.fixture
def pictures():
    """Three of different colours and sizes."""
    sizes, colors = [(8, 6), (6, 8), (9, 9)], ["red", "lime", "blue"]
    return [Image.new("RGB", size, color) for size, color in zip(sizes, colors, strict=True)]


def same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(read_image(one)), np.asarray(other))


def table(pictures):
    features = {"image": hugging_face.Image(), "label": hugging_face.ClassLabel(["a", "b"])}
    return hugging_face.Dataset(features, {"image": pictures, "label": [0, 1, 0]})


def test_rows_columns_and_tables_of_hugging_face(pictures):
    data = table(pictures)
    same(listed(data[1]), pictures[1:2])
    same(listed(data[:2]), pictures[:2])
    same(listed(data["image"]), pictures)
    same(listed(data), pictures)
    same(listed([data[0], data[2]]), [pictures[0], pictures[2]])
    file = io.BytesIO()
    pictures[0].save(file, "png")
    encoded = {"bytes": file.getvalue(), "path": None}
    same(listed(encoded), pictures[:1])
    same(listed({"image": [encoded, encoded], "label": [0, 1]}), [pictures[0]] * 2)


def test_a_batch_of_tensors_in_a_row(pictures):
    del pictures
    batch = torch.rand(2, 3, 4, 5)
    assert len(listed({"image": batch, "label": torch.tensor([0, 1])})) == 2


def test_a_folder_is_its_images_by_name(pictures, tmp_path):
    for name, picture in zip(["b.png", "a.bmp", "c.PNG"], pictures, strict=True):
        picture.save(tmp_path / name)
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no image")
    expected = [pictures[1], pictures[0], pictures[2]]
    same(listed(tmp_path), expected)
    same(listed(str(tmp_path)), expected)
    (tmp_path / "empty").mkdir()
    with refused(vl.UsageError):
        listed(tmp_path / "empty")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_every_frame_of_an_animation(suffix, tmp_path):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    words = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(
        tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], duration=50, **words
    )
    same(listed(tmp_path / f"a.{suffix}"), frames)
    with Image.open(tmp_path / f"a.{suffix}") as opened:
        same(listed(opened), frames)
    vit = vl.load(timm_model("CLS"))
    assert vit.trace(tmp_path / f"a.{suffix}").n_images == 3


def test_one_image_stays_one(pictures, tmp_path):
    pictures[0].save(tmp_path / "a.png")
    pictures[0].save(tmp_path / "pages.tif", save_all=True, append_images=pictures[1:])
    files = ["missing.png", tmp_path / "a.png", tmp_path / "pages.tif"]
    for one in (*files, pictures[0], b"bytes", 3):
        assert listed(one) == [one]
    assert listed("http://example.org/a.gif") == ["http://example.org/a.gif"]


def test_more_than_can_be_meant_is_refused(pictures, monkeypatch):
    monkeypatch.setattr(module, "AT_MOST", 2)
    with refused(vl.UsageError):
        listed(table(pictures))
    assert len(listed(pictures)) == 3
    with refused(vl.UsageError):
        listed(hugging_face.IterableDataset({"image": hugging_face.Image()}, {"image": pictures}))
    with refused(vl.UsageError):
        listed([])
