"""The world's model of images and texts, tried on a tiny one of random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, CLIPModel, CLIPTokenizer

import vitlens_widgets as vl
from tests.sentences import refused
from tests.world.small_clip import TINY, small_clip
from vitlens_widgets import UsageError, world
from vitlens_widgets.world.captions import PATTERNS, WORDS, caption, class_prompts, words_of
from vitlens_widgets.world.clip import make_processor
from vitlens_widgets.world.description import COLORS, SHADES, SIZES
from vitlens_widgets.world.embedded import build_from
from vitlens_widgets.world.measure import measure, measure_file
from vitlens_widgets.world.measure_texts import POOL
from vitlens_widgets.world.measurement import TextMeasurement
from vitlens_widgets.world.training.match import Match, PairBatch, matching
from vitlens_widgets.world.training.optimizer import Optimizer
from vitlens_widgets.world.weights import read_weights
from vitlens_widgets.world.words import make_tokenizer

SIDES = ("top", "bottom", "left", "right", "middle", "center")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def vit(weights):
    return vl.load(str(weights))


def test_each_word_is_one_token_also_after_transformers_has_saved_it(tmp_path):
    tokenizer = make_tokenizer(WORDS, 48)
    assert type(tokenizer) is CLIPTokenizer
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert len({tuple(tokenizer(word)["input_ids"]) for word in WORDS}) == len(WORDS)
    for seed in range(30):
        text = caption(world.scene(seed, 2, 16), seed)
        ids = tokenizer(text)["input_ids"]
        assert len(ids) == len(words_of(text)) + 2
        assert again(text)["input_ids"] == ids
        assert words_of(again.decode(ids, skip_special_tokens=True)) == words_of(text)
        assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)


def test_a_batch_pairs_scenes_with_true_captions():
    batch = Match(TINY).draw(2, 4)
    first = 1_000_000_000 + 8
    scenes = [world.scene(first + i, 1 + i % 2, 112) for i in range(4)]
    assert (batch.images.numpy() == np.stack([scene.image for scene in scenes])).all()
    tokenizer = make_tokenizer(WORDS, 48)
    assert len(batch.ids) == 8
    for ids, scene in zip(batch.ids[:4], scenes, strict=True):
        text = tokenizer.decode(ids, skip_special_tokens=True)
        assert words_of(text) == words_of(caption(scene, wording=0))


def test_a_batch_says_which_text_is_true_of_which_image():
    """Held against words alone: of two with the same classes, one that tells no more is true."""
    n = 64
    true = Match(TINY).draw(3, n).true.numpy()
    assert true[:n].diagonal().all()
    assert not true[n:].diagonal().any()
    first = 1_000_000_000 + 3 * n
    scenes = [world.scene(first + i, 1 + i % 2, 112) for i in range(n)]
    texts = [set(words_of(caption(scene, wording=0))) for scene in scenes]
    for words, row in zip(texts, true, strict=False):
        named = words & set(world.CLASSES)
        more = words & {*COLORS, *SHADES, *SIZES, "little", "big", *SIDES, *PATTERNS.values()}
        has = [named <= set(scene.names) for scene in scenes]
        assert (row <= has).all()
        if not more:
            assert (row == has).all()
    assert (true[:n].sum(1) > 1).mean() > 0.1


def test_the_loss_is_that_of_clip_without_what_is_true_as_well():
    rng = np.random.default_rng(4)
    logits, true = rng.normal(0, 2, (10, 5)), np.eye(10, 5, dtype=bool)
    true[0, 2] = true[2, 0] = true[3, 1] = true[8, 4] = True
    total = 0.0
    for i in range(5):
        images = [j for j in range(5) if j == i or not true[i, j]]
        texts = [j for j in range(10) if j == i or not true[j, i]]
        total -= (logits[i, i] - np.log(np.exp(logits[i, images]).sum())) / 10
        total -= (logits[i, i] - np.log(np.exp(logits[texts, i]).sum())) / 10
    assert float(matching(torch.tensor(logits), torch.tensor(true))) == pytest.approx(total)


def test_the_loss_is_transformers_own_without_foils_where_nothing_else_is_true():
    torch.manual_seed(0)
    task = Match(TINY)
    model, batch = task.make_model(), task.draw(0, 4)
    assert batch.true.tolist() == torch.eye(8, 4, dtype=torch.bool).tolist()
    captions = PairBatch(batch.images, batch.ids[:4], batch.attended[:4], batch.true[:4])
    found = task.learn(model, captions)
    with torch.no_grad():
        pixels = batch.images.permute(0, 3, 1, 2).float() / 127.5 - 1
        own = model(captions.ids, pixels, captions.attended, return_loss=True).loss
    assert found.item() == pytest.approx(float(own), rel=2e-2)  # learning is in half precision


def test_learning_tells_captions_apart():
    torch.manual_seed(1)
    task = Match(TINY)
    model, batch = task.make_model(), task.draw(0, batch_size=8)
    optimizer = Optimizer(model, steps=60)
    for step in range(60):
        loss = task.learn(model, batch)
        loss.backward()
        optimizer.step(step)
    assert loss.item() < 0.5 * np.log(8)


def test_it_loads_with_the_classes_as_prompts(vit):
    assert list(vit.labels) == list(world.CLASSES)
    assert (vit.layout.grid, vit.patch_size, vit.readout.name) == ((7, 7), (32, 32), "CLS")
    assert vit.preprocessing.mean == vit.preprocessing.std == (0.5, 0.5, 0.5)


def test_its_answer_is_that_of_transformers_with_its_processor(vit, weights):
    model = build_from(weights)
    assert type(model) is CLIPModel
    pictures = [world.scene(seed, 2).image for seed in (1, 2)]
    texts = list(class_prompts().values())
    inputs = make_processor(model)(text=texts, images=pictures, return_tensors="pt", padding=True)
    with torch.no_grad():
        own = model(**inputs).logits_per_image
    assert (vit.trace(pictures).logits - own).abs().max() <= 1e-5 * own.abs().max()


def test_at_twice_the_side_it_is_the_model_that_was_trained(weights):
    trained = Match(TINY).make_model()
    trained.load_state_dict(read_weights(weights))
    small = torch.randn(2, 3, 112, 112)
    large = small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    with torch.no_grad():
        one = trained.eval().get_image_features(small).pooler_output
        other = build_from(weights).get_image_features(large).pooler_output
    assert (one - other).abs().max() <= 1e-5 * one.abs().max()


def test_what_transformers_saves_of_it_can_be_loaded(vit, weights, tmp_path):
    model = build_from(weights)
    model.save_pretrained(tmp_path)
    make_processor(model).save_pretrained(tmp_path)
    assert type(AutoModel.from_pretrained(tmp_path)) is CLIPModel
    again = vl.load(str(tmp_path), prompts=class_prompts())
    picture = world.scene(4).image
    expected = vit.trace(picture).logits
    assert (again.trace(picture).logits - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_prompts_are_captions_in_its_words(weights):
    told = vl.load(str(weights), prompts=["a red cat at the top left", "a key"])
    assert list(told.labels) == ["a red cat at the top left", "a key"]
    with refused(UsageError):
        vl.load(str(weights), prompts=["a blue dragon"])
    with refused(UsageError):
        vl.load(str(weights), prompts=[" and ".join(["a small red cat"] * 12)])


def _cosines(model, pictures, texts) -> np.ndarray:
    inputs = make_processor(model)(text=texts, images=pictures, return_tensors="pt", padding=True)
    with torch.no_grad():
        out = model(**inputs)
    return (out.image_embeds @ out.text_embeds.T).numpy()


def test_what_is_measured_is_counted_by_hand(vit, weights):
    found, model = measure(vit, scenes=12, first_seed=30), build_from(weights)
    assert isinstance(found, TextMeasurement)
    pool = [world.scene(seed, 1 + seed % 2) for seed in range(30, 30 + POOL)]
    texts = [caption(scene) for scene in pool]
    near = _cosines(model, [scene.image for scene in pool], texts)
    forth = [texts[near[i].argmax()] == texts[i] for i in range(POOL)]
    back = [texts[near[:, i].argmax()] == texts[i] for i in range(POOL)]
    assert found.caption_of_image[-1] == pytest.approx(np.mean(forth), abs=1e-4)
    assert found.image_of_caption[-1] == pytest.approx(np.mean(back), abs=1e-4)
    for count in (1, 2):
        scenes = [world.scene(seed, count) for seed in range(30, 42)]
        near = _cosines(model, [s.image for s in scenes], list(class_prompts().values()))
        right = [
            world.CLASSES[best] in s.names
            for best, s in zip(near.argmax(axis=1), scenes, strict=True)
        ]
        assert found.accuracy[count][-1] == pytest.approx(np.mean(right), abs=1e-4)
    scenes = [world.scene(seed) for seed in range(30, 42)]
    colors = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "brown")
    hits, things = [], [scene.description.things[0] for scene in scenes]
    for scene in scenes:
        (thing,) = scene.description.things
        choices = [f"a{'n' * (color == 'orange')} {color} {thing.name}" for color in colors]
        hits.append(colors[_cosines(model, [scene.image], choices).argmax()] == thing.color.name)
    assert found.color[-1] == pytest.approx(np.mean(hits), abs=1e-4)
    for mark, facts in (
        (found.color_unseen, [thing.color.name for thing in things]),
        (found.place_unseen, [thing.place for thing in things]),
    ):
        best = 0
        for name in {thing.name for thing in things}:
            of_class = [f for f, thing in zip(facts, things, strict=True) if thing.name == name]
            best += max(of_class.count(fact) for fact in of_class)
        assert mark == pytest.approx(best / 12, abs=1e-4)


def test_what_is_measured_is_kept_and_said(vit, weights):
    found = measure_file(weights, scenes=3)
    assert found == measure(vit, scenes=3)
    assert TextMeasurement.read(weights.with_suffix(".json")) == found
    unseen = f"commonest colour of each class is right for {found.color_unseen:.3f}"
    for part in ("Among 256 held-out scenes", "guessing: 0.004", unseen):
        assert part in " ".join(found.sentences())
    assert "68 words" in found.architecture
    assert set(found.at_the_end()) >= {"caption of an image", "place, 1 object"}
