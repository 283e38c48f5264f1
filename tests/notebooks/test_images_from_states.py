"""What the notebook on images from states says in words is what its cells find.

It also runs on a folder of photographs, with a small encoder and decoder in Kandinsky's place.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import vitlens_widgets as vl
from tests.lenses.pictures.fixed import Fixed
from tests.notebooks.cells import prose_of, run, says, start_exercises
from tests.notebooks.verdicts import OPEN, YES, verdict

STEM = "10_images_from_states"


@pytest.fixture(scope="module")
def found():
    return run(STEM)


@pytest.fixture(scope="module")
def prose():
    return prose_of(STEM)


def written(values):
    return [f"{value:.2f}" for value in np.ravel(values)]


def test_what_is_said_of_the_pictures_of_two_scenes(found, prose):
    answers = [line.split(": ")[1] for line in found["printed"]["words"].splitlines()]
    assert [one.split(",")[0] for one in answers] == ["star"] * 3 + ["apple"] * 4
    means = [f"{value:.3f}" for value in found["alike"].over_images("input").mean]
    says(prose["pictures-honest"], means[2], "0.615, 0.663, 0.885 and 0.930")
    assert means[2:] == ["0.172", "0.615", "0.663", "0.885", "0.930"]
    first, second = found["painted"].pictures[0].astype(float)
    np.testing.assert_array_equal(first, second)  # "the same texture for both scenes"


def test_what_is_said_of_states(found, prose):
    states, text = found["states"], prose["states-honest"]
    assert states.state_names[states.first] == "3_pre"
    picture, embedding = states.of("picture"), states.of("embedding")
    says(text, "0.925 ± 0.037", "has 0.15 and", "direction 0.18")
    assert [f"{one[-1]:.3f}" for one in (picture.mean, picture.half)] == ["0.925", "0.037"]
    nulls = [states.of(f"picture of {one}").mean for one in ("another image", "a random direction")]
    assert written([null[-1] for null in nulls]) == ["0.15", "0.18"]
    places = [2, 3, 5]
    assert written(embedding.mean[places]) == ["0.50", "0.67", "0.93"]
    assert written(picture.mean[places]) == ["0.35", "0.61", "0.88"]
    says(text, "0.50 at 2_pre, 0.67 at 3_pre, 0.93 at 5_pre", "0.35, 0.61 and 0.88")
    assert written(nulls[0][2]) == ["0.15"]  # "in the mean"
    assert (embedding.mean > picture.mean).all()  # "always ahead"
    assert picture.mean[0] == pytest.approx(nulls[0][0])


def test_what_is_said_of_what_the_decoder_fills_in(found, prose):
    text = prose["limits-honest"]
    said = [line.split(": ")[1] for line in found["printed"]["limits-seeds"].splitlines()]
    assert said == ["0.47", "0.24"]
    says(text, "0.47", "0.24", "85 scenes of 100", "colour in 72")
    card = found["printed"]["limits-card"]
    says(card, "named right in 0.850", "colour is right in 0.720")
    lines = found["printed"]["limits-guidance"].splitlines()
    assert [line.split("likeness ")[1] for line in lines[:3]] == [
        "0.90, contrast 56",
        "0.93, contrast 60",
        "0.93, contrast 57",
    ]
    assert lines[3].endswith(": 58")


def test_what_is_said_of_heads(found, prose):
    means = [found[name].similarity().mean() for name in ("alone", "steered", "random")]
    assert written(means) == ["0.36", "0.82", "0.84"]
    says(prose["heads-honest"], "0.36", "0.82", "0.84", "0.81, it is the 11th of 18")
    of_heads = dict(
        zip(found["steered"].names, found["steered"].similarity()[:, 0, 0], strict=True)
    )
    assert sorted(of_heads.values(), reverse=True).index(of_heads["L2 H2"]) == 10
    assert written(of_heads["L2 H2"]) == ["0.81"]
    effects = found["pictures"]._source
    every = np.stack([effects.effects(0, layer) for layer in range(6)])
    assert np.unravel_index(every.argmax(), every.shape) == (2, 2)


def test_what_is_said_of_the_study(found, prose):
    text, few, many = prose["study-honest"], found["by_picture"], found["by_embedding"]
    says(text, "-0.223 ± 0.545", "-0.15 ± 0.06", "from -0.27 to 0.27", "p 0.87", "better, 0.215")
    pairs = [(one.correlation.mean[0], one.correlation.half[0]) for one in (few, many)]
    assert [f"{one:.3f}" for one in pairs[0]] == ["-0.223", "0.545"]
    assert written(pairs[1]) == ["-0.15", "0.06"]
    row = many.table().to_dict("records")[0]
    assert written([row["luck, from"], row["luck, to"], row["p"]]) == ["-0.27", "0.27", "0.87"]
    assert f"{many.correlation.mean[1]:.3f}" == "0.215"
    less = [found["off"].less(name) for name in ("embedding", "attribution", "effect")]
    assert [f"{one.mean:.3f}" for one in less] == ["0.031", "0.077", "0.169"]
    assert f"{less[0].half:.3f}" == "0.023"
    assert 5 < less[2].mean / less[0].mean < 6  # "a fifth"
    says(text, "0.031 ± 0.023", "0.077", "0.169")
    laid = found["laid"]
    assert laid.chosen == (1, 1)
    assert laid.n_images == (26, 22)
    ahead, lost = laid.ahead, laid.judged
    assert written([ahead.mean[0, 1, 1], ahead.half[0, 1, 1]]) == ["0.10", "0.05"]
    assert [f"{one[1, 1, 1]:.3f}" for one in (ahead.mean, ahead.half)] == ["0.034", "0.025"]
    assert f"{lost.mean[1, 1, 1]:.3f}" == "0.017"
    assert written(laid.seen.mean) == ["0.26"]
    says(text, "L1 H1", "0.10 ± 0.05", "0.034 ± 0.025", "0.017 of the 0.26")


def test_what_is_said_of_early_states(found, prose):
    text, states = prose["early-honest"], found["of_tokens"]
    picture, other = states.of("picture"), states.of("picture of another image")
    ends = [[picture.mean[k], picture.half[k]] for k in (0, -1)]
    assert [f"{one:.3f}" for one in np.ravel(ends)] == ["0.990", "0.005", "0.975", "0.009"]
    assert written([other.mean[0], states.of("embedding").mean[0]]) == ["0.12", "0.32"]
    assert written(found["early"].over_images("ssim").mean[[0, -1]]) == ["0.69", "0.65"]
    says(text, "0.990 ± 0.005", "0.12", "0.975 ± 0.009", "from 0.32", "0.69 to 0.65")


def test_what_is_said_of_texts(found, prose):
    rows = {(row["layer"], row["head"]): row for row in found["spans"].table().to_dict("records")}
    said = [row["explained"] for row in rows.values()]
    assert written([min(said), max(said)]) == ["0.28", "0.55"]
    assert written(max(row["random directions, most"] for row in rows.values())) == ["0.23"]
    texts = {where: row["texts"].split("; ") for where, row in rows.items()}
    assert texts[2, 2] == ["an apple", "on green", "a tree"]
    for where in ((3, 1), (4, 1), (5, 2)):
        assert all(one.startswith("on ") for one in texts[where])
    for where in ((3, 0), (4, 0)):
        assert not any(one.startswith("on ") for one in texts[where])
    says(prose["texts-honest"], "0.28 to 0.55", "0.23", '"an apple, on green, a tree"')


VERDICTS = (OPEN, YES, OPEN, OPEN, OPEN, OPEN, OPEN, OPEN, YES)
"""Of the claims, in the order of the table."""


def test_every_claim_has_the_verdict_of_its_numbers(found):
    rows = found["claims"].rows
    assert tuple(verdict(row["toy/clip"]) for row in rows) == VERDICTS
    assert "from state 2 to 5 of 6 on" in rows[0]["toy/clip"]
    assert "0 of 18" in rows[2]["toy/clip"]  # "not passed by a single head"
    assert rows[7]["toy/clip"].endswith("not measured")


def test_the_exercises_start_from_calls_that_work_and_their_answers_are_so(found, prose):
    names = dict(found)
    assert start_exercises(STEM, names) == 3
    assert written(list(names["curve"].values())) == ["0.96", "0.97", "0.88", "0.77", "0.45"]
    by_mode = {"frozen": ["0.806", "0.625"], "again": ["0.773", "0.590"]}
    for mode, said in by_mode.items():
        assert [f"{one:.3f}" for one in names[mode].similarity()[:, 0, 0]] == said
    says(
        prose["exercises"],
        "0.96, 0.97",
        "0.88, 0.77 and 0.45",
        "0.806 becomes 0.773",
        "0.625 becomes 0.590",
    )


def test_it_runs_on_photographs_with_kandinskys_names(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for name in ("dog", "fish"):
        (tmp_path / name).mkdir()
        for i in range(2):
            pixels = rng.integers(0, 256, (90, 100, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    asked, load, load_decoder = [], vl.load, vl.load_decoder

    def small(name, **words):
        asked.append((name, words))
        return load("toy/clip") if "kandinsky" in name else load(name)

    def fixed(name, **words):
        asked.append((name, words))
        return Fixed(load("toy/clip")) if "kandinsky" in name else load_decoder(name)

    monkeypatch.setattr(vl, "load", small)
    monkeypatch.setattr(vl, "load_decoder", fixed)
    changes = {
        "PHOTOS = None": f"PHOTOS = {str(tmp_path)!r}",
        "N_IMAGES = 48": "N_IMAGES = 4",
        "N_PAINTED = 4": "N_PAINTED = 2",
        "N_STATES = 6": "N_STATES = 2",
        '"n_images": 16': '"n_images": 2',
    }

    def change(source):
        for usual, here in changes.items():
            source = source.replace(usual, here)
        return source

    names = run(STEM, change=change)
    home = "kandinsky-community/kandinsky-2-2-"
    on_gpu = {"device": "cuda"}
    assert asked[:2] == [
        (f"{home}prior", {"subfolder": "image_encoder"} | on_gpu),
        (f"{home}decoder", on_gpu),
    ]
    assert names["by_picture"].correlation.n.max() == 2
    assert len(names["claims"].rows) == 9
    assert names["spans"] is None
