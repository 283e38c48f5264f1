"""The infill lens against transformers' own forward, and what it accepts."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.mae_paper import unpatchify
from tests.sentences import refused
from tests.small_models import hf_model, mae_model, pixels_for, place
from vitlens_widgets.lenses.infill.masks import order_of

pytestmark = pytest.mark.filterwarnings("ignore:No image processor was saved")


@pytest.fixture(scope="module")
def mae():
    return vl.load(mae_model())


def own_answer(model, pixels, ratio, seed=None, noise=None):
    model = copy.deepcopy(model)
    model.config.mask_ratio = ratio
    if seed is not None:
        torch.manual_seed(seed)
    with torch.no_grad():
        return model(pixels, noise=noise, output_hidden_states=True)


def close(found, expected, relative=1e-5):
    expected = torch.as_tensor(expected)
    assert (torch.as_tensor(found) - expected).abs().max() <= relative * expected.abs().max()


@pytest.mark.parametrize("seed", [0, 2, 71])
@pytest.mark.parametrize("ratio", [0.75, 0.4, 0.03, 0.97])
def test_the_final_state_is_the_models_own_answer(mae, ratio, seed):
    pixels = pixels_for((48, 48), 3)
    infilling = vl.InfillLens(mae).read(pixels, mask_ratio=ratio, seed=seed, preprocessed=True)
    own = own_answer(mae.model, pixels, ratio, seed)
    assert np.array_equal(infilling.mask, own.mask.bool().numpy())
    close(infilling.painted(3), own.logits)


def test_every_state_is_the_models_norm_and_decoder_on_its_hidden_state(mae):
    pixels = pixels_for((48, 48), 2)
    own = own_answer(mae.model, pixels, 0.75, seed=2)
    infilling = vl.InfillLens(mae).read(pixels, preprocessed=True)
    bare = vl.InfillLens(mae, norm=False).read(pixels, preprocessed=True)
    with torch.no_grad():
        for k, state in enumerate(own.hidden_states[:-1]):  # transformers 4 norms the last one
            normed = mae.model.vit.layernorm(state)
            close(infilling.painted(k), mae.model.decoder(normed, own.ids_restore).logits)
            close(bare.painted(k), mae.model.decoder(state, own.ids_restore).logits)


@pytest.mark.parametrize("size", [80, 32])
def test_another_size_is_that_of_a_model_placed_there(size):
    model = mae_model()
    there = place(mae_model(image_size=size))
    fixed = ("position_embeddings", "decoder_pos_embed")
    weights = {k: v for k, v in model.state_dict().items() if not k.endswith(fixed)}
    there.load_state_dict(weights, strict=False)
    pixels = pixels_for((size, size), 2)
    lens = vl.InfillLens(vl.load(model, image_size=size))
    infilling = lens.read(pixels, mask_ratio=0.6, seed=1, preprocessed=True)
    close(infilling.painted(3), own_answer(there, pixels, 0.6, seed=1).logits)


def test_images_that_are_no_squares_are_joined_in_rows_and_columns():
    mae = vl.load(mae_model(), image_size=(32, 56))
    infilling = vl.InfillLens(mae).read(pixels_for((32, 56), 2), preprocessed=True)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (mae.preprocessing.mean, mae.preprocessing.std)
    )
    expected = unpatchify(torch.from_numpy(infilling.painted(1)), 4, 7) * std + mean
    found = infilling.pixels(1, clip=False)
    assert found.shape == (2, 32, 56, 3)
    close(found, expected.permute(0, 2, 3, 1))


def test_pixels_are_brightness_and_pictures_their_levels():
    model = mae_model()
    with torch.no_grad():
        model.decoder.decoder_pred.weight.mul_(20)  # beyond black and white
    infilling = vl.InfillLens(vl.load(model)).read(pixels_for((48, 48)), preprocessed=True)
    free = infilling.pixels(2, clip=False)
    assert free.min() < 0
    assert free.max() > 1
    assert np.array_equal(infilling.pixels(2), free.clip(0, 1))
    assert np.array_equal(infilling.pictures(2, paste=False), (free.clip(0, 1) * 255).round())
    assert infilling.pictures(2).dtype == np.uint8


@pytest.mark.parametrize("paste", [True, False])
def test_visible_patches_are_pasted_on_demand(mae, paste):
    infilling = vl.InfillLens(mae).read(pixels_for((48, 48)), mask_ratio=0.5, preprocessed=True)
    same = infilling.pictures(1, paste=paste) == infilling.original
    assert same[~infilling.hidden].all() == paste
    assert not same[infilling.hidden].all()


def test_the_masked_picture_is_grey_where_it_is_hidden(mae):
    infilling = vl.InfillLens(mae).read(pixels_for((48, 48)), mask_ratio=0.5, preprocessed=True)
    assert (infilling.masked[infilling.hidden] == 128).all()
    visible = ~infilling.hidden
    assert np.array_equal(infilling.masked[visible], infilling.original[visible])
    cells = infilling.mask.reshape(2, 6, 6)
    assert np.array_equal(infilling.hidden, np.kron(cells, np.ones((1, 8, 8))).astype(bool))


def test_what_is_hidden_is_not_looked_at(mae):
    """Other pixels under the mask change nothing of what is painted."""
    pixels = pixels_for((48, 48), 1)
    lens = vl.InfillLens(mae)
    infilling = lens.read(pixels, preprocessed=True)
    changed = pixels + torch.from_numpy(infilling.hidden)[:, None] * torch.randn(1, 3, 48, 48)
    again = lens.read(changed, preprocessed=True)
    for state in range(4):
        assert np.array_equal(again.painted(state), infilling.painted(state))


def test_seed_and_mask_are_two_ways_to_the_same_reading(mae):
    pixels = pixels_for((48, 48), 2)
    lens = vl.InfillLens(mae)
    by_seed = lens.read(pixels, mask_ratio=0.7, seed=9, preprocessed=True)
    by_mask = lens.read(pixels, mask=by_seed.mask, preprocessed=True)
    again = lens.read(pixels, preprocessed=True).rerun(mask=by_seed.mask.reshape(2, 6, 6))
    for other in (by_mask, again):
        assert np.array_equal(other.mask, by_seed.mask)
        for state in range(4):
            assert np.array_equal(other.painted(state), by_seed.painted(state))


MASKS = st.lists(st.booleans(), min_size=36, max_size=36)


@settings(max_examples=25, deadline=None)
@given(MASKS, MASKS)
def test_any_masks_together_are_what_they_are_alone(first, second):
    """Images with other numbers of hidden patches, all and none included."""
    mae = vl.load(mae_model())
    pixels = pixels_for((48, 48), 2)
    lens = vl.InfillLens(mae)
    both = lens.read(pixels, mask=[first, second], preprocessed=True)
    for i, mask in enumerate((first, second)):
        alone = lens.read(pixels[i : i + 1], mask=mask, preprocessed=True)
        assert alone.mask.tolist() == [mask]
        for state in range(4):
            close(both.painted(state)[i], alone.painted(state)[0])


@settings(max_examples=25, deadline=None)
@given(MASKS.filter(any))
def test_any_mask_paints_what_transformers_paints(mask):
    """Its random masking hides the patches of largest noise."""
    mae, pixels = vl.load(mae_model()), pixels_for((48, 48), 1)
    infilling = vl.InfillLens(mae).read(pixels, mask=mask, preprocessed=True)
    noise = torch.tensor(mask).float()[None] + torch.linspace(0, 0.5, 36)
    ratio = (sum(mask) - 0.5) / 36 if sum(mask) < 36 else 1.0
    own = own_answer(mae.model, pixels, ratio, noise=noise)
    assert own.mask.bool().tolist() == [mask]
    close(infilling.painted(3), own.logits)


@settings(max_examples=50)
@given(st.lists(MASKS, min_size=1, max_size=3))
def test_the_order_of_patches_and_its_inverse(masks):
    mask = torch.tensor(masks)
    order, restore = order_of(mask)
    assert torch.equal(order.gather(1, restore), torch.arange(36).expand_as(order))
    in_order = mask.gather(1, order)
    assert torch.equal(in_order, in_order.sort(dim=1).values)  # visible first


@pytest.mark.parametrize(
    ("ratio", "hidden"), [(0.75, 27), (0.4, 15), (0.999, 35), (1e-9, 1), (0.5, 18)]
)
def test_a_ratio_hides_as_many_as_transformers_but_leaves_one(mae, ratio, hidden):
    mask = vl.InfillLens(mae).mask(4, ratio, seed=3)
    assert mask.sum(dim=1).tolist() == [hidden] * 4
    assert len({tuple(row.tolist()) for row in mask}) == 4


def test_the_default_ratio_is_the_models_own():
    infilling = vl.InfillLens(vl.load(mae_model(mask_ratio=0.5))).read(
        pixels_for((48, 48)), preprocessed=True
    )
    assert infilling.mask.sum(axis=1).tolist() == [18, 18]


def test_many_images_go_through_in_pieces(mae, monkeypatch):
    pixels = pixels_for((48, 48), 5)
    whole = vl.InfillLens(mae).read(pixels, preprocessed=True)
    monkeypatch.setattr("vitlens_widgets.lenses.infill.shown.TOKENS_AT_ONCE", 80)
    pieces = vl.InfillLens(mae).read(pixels, preprocessed=True)
    for state in range(4):
        close(pieces.painted(state), whole.painted(state))


def test_an_interrupted_reading_leaves_the_model_as_it_was(mae, monkeypatch):
    lens, pixels = vl.InfillLens(mae), pixels_for((48, 48))
    before = lens.read(pixels, preprocessed=True).painted(3)
    with monkeypatch.context() as patch:
        patch.setattr(type(mae.adapter), "paint", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            lens.read(pixels, preprocessed=True)
    assert np.array_equal(lens.read(pixels, preprocessed=True).painted(3), before)
    assert all(not module._forward_hooks for module in mae.model.modules())


def _interrupted(*_args, **_words):
    raise KeyboardInterrupt


def test_the_callers_pixels_may_change_later(mae):
    pixels = pixels_for((48, 48))
    infilling = vl.InfillLens(mae).read(pixels, preprocessed=True)
    pixels.zero_()
    assert not np.array_equal(infilling.rerun(seed=5).painted(0), 0 * infilling.painted(0))
    close(infilling.rerun().painted(0), infilling.painted(0))


def test_half_precision_is_read(mae):
    model = copy.deepcopy(mae.model).to(torch.bfloat16)
    infilling = vl.InfillLens(vl.load(model)).read(pixels_for((48, 48)), preprocessed=True)
    assert infilling.painted(3).dtype == np.float32
    full = vl.InfillLens(mae).read(pixels_for((48, 48)), preprocessed=True).painted(3)
    close(infilling.painted(3), full, 0.05)


def test_patches_that_show_a_thing(mae):
    pixels = np.zeros((96, 96), int)
    pixels[15, 16:33] = 3  # row 0, columns 1 and 2, of cells of 16 x 16 pixels
    assert np.argwhere(mae.layout.coverage(pixels)).tolist() == [[0, 1], [0, 2]]
    with refused(vl.UsageError):
        mae.layout.coverage(pixels[:95])


@pytest.mark.parametrize("ratio", [0, 1, -0.5, 1.5, float("nan"), "much"])
def test_a_ratio_outside_0_and_1_is_refused(mae, ratio):
    with refused(vl.UsageError):
        vl.InfillLens(mae).read(pixels_for((48, 48)), mask_ratio=ratio, preprocessed=True)


@pytest.mark.parametrize("seed", [-1, 1.5, "two", 2**63])
def test_what_is_no_seed_is_refused(mae, seed):
    with refused(vl.UsageError):
        vl.InfillLens(mae).mask(1, 0.5, seed)


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros(35, bool),
        np.zeros((3, 36), bool),
        np.full(36, 0.5),
        [[True], [True, False]],
        ["hidden"] * 36,
    ],
)
def test_masks_that_do_not_fit_are_refused(mae, mask):
    with refused(vl.UsageError):
        vl.InfillLens(mae).read(pixels_for((48, 48)), mask=mask, preprocessed=True)


def test_mask_and_ratio_together_are_refused(mae):
    with refused(vl.UsageError):
        vl.InfillLens(mae).mask(1, 0.5, mask=np.zeros(36, bool))


def test_a_classifier_is_refused():
    with refused(vl.UsageError):
        vl.InfillLens(vl.load(hf_model()))
    with refused(vl.UsageError):
        vl.InfillLens(mae_model())


def test_train_mode_is_refused():
    mae = vl.load(mae_model())
    lens = vl.InfillLens(mae)
    mae.model.train()
    with refused(vl.UsageError):
        lens.read(pixels_for((48, 48)), preprocessed=True)
    with refused(vl.UsageError):
        vl.InfillLens(mae)


def test_a_model_that_paints_otherwise_is_refused():
    class Louder(type(mae_model())):
        def forward(self, *args, **words):
            answer = super().forward(*args, **words)
            answer.logits = 2 * answer.logits
            return answer

    model = mae_model()
    model.__class__ = Louder
    with refused(vl.UnsupportedModelError):
        vl.InfillLens(vl.load(model))


def test_a_model_that_is_changed_after_the_lens_was_made_is_refused_or_read_as_it_is():
    mae = vl.load(mae_model())
    lens, pixels = vl.InfillLens(mae), pixels_for((48, 48))
    before = lens.read(pixels, preprocessed=True)
    block = mae.adapter.blocks[1]
    hook = block.register_forward_hook(
        lambda _m, _a, out: (out[0].flip(-1),) if isinstance(out, tuple) else out.flip(-1)
    )
    after = lens.read(pixels, preprocessed=True)
    assert np.abs(before.painted(2) - after.painted(2)).max() > 1e-3
    hook.remove()
    own = mae.model.forward
    mae.model.forward = lambda *args, **words: _louder(own(*args, **words))
    with refused(vl.UnsupportedModelError):
        lens.read(pixels, preprocessed=True)
    del mae.model.forward
    lens.read(pixels, preprocessed=True)
    block.train()
    with refused(vl.UsageError):
        lens.read(pixels, preprocessed=True)


def _louder(answer):
    answer.logits = 2 * answer.logits
    return answer


def test_a_model_that_mixes_up_order_and_places_is_refused():
    class Mixed(type(mae_model())):
        def forward(self, pixels, noise=None, **words):
            seen = self.vit(pixels, noise=noise)
            order = seen.ids_restore.argsort(dim=1)
            answer = super().forward(pixels, noise=noise, **words)
            answer.logits = self.decoder(seen.last_hidden_state, order).logits
            return answer

    model = mae_model()
    model.__class__ = Mixed
    with refused(vl.UnsupportedModelError):
        vl.InfillLens(vl.load(model))


@pytest.mark.parametrize("normalised", [False, True])
def test_one_of_a_batch_is_that_image_read_alone(normalised):
    lens = vl.InfillLens(vl.load(mae_model(norm_pix_loss=normalised)))
    pixels = pixels_for((48, 48), 3)
    batch = lens.read(pixels, mask_ratio=0.6, seed=5, preprocessed=True)
    one = batch.only(1)
    alone = lens.read(pixels[1:2], mask=batch.mask[1], preprocessed=True)
    assert one.n_images == 1
    assert np.array_equal(one.mask, alone.mask)
    assert np.array_equal(one.original, alone.original)
    for state in range(4):
        close(one.painted(state), alone.painted(state))
        close(one.pixels(state), alone.pixels(state))
        close(one.pixels(state), batch.pixels(state)[1:2])
    for metric in ("mse", "ssim", "perceptual"):
        for reference in ("original", "final"):
            expected = alone.score(metric, reference)
            np.testing.assert_allclose(one.score(metric, reference), expected, rtol=1e-4, atol=1e-6)
            both = batch.score(metric, reference)[:, 1:2]
            np.testing.assert_allclose(one.score(metric, reference), both, rtol=1e-4, atol=1e-6)


def test_what_is_handed_out_cannot_corrupt_it(mae):
    infilling = vl.InfillLens(mae).read(pixels_for((48, 48)), preprocessed=True)
    kept = (infilling.mask, infilling.hidden, infilling.original, infilling.score("mse"))
    for values in kept:
        with pytest.raises(ValueError, match="read-only"):
            values[:] = 0
    before = infilling.pixels(1)
    infilling.painted(1)[:] = 0
    assert np.array_equal(infilling.pixels(1), before)


def test_weights_that_have_changed_since_are_not_used():
    mae = vl.load(mae_model())
    infilling = vl.InfillLens(mae).read(pixels_for((48, 48)), preprocessed=True)
    seen = infilling.score("mse")
    with torch.no_grad():
        mae.model.vit.layernorm.weight.mul_(2)
    for one in (infilling, infilling.only(1)):
        for use in (lambda one=one: one.score("perceptual"), lambda one=one: one.rerun(seed=3)):
            with refused(vl.UsageError):
                use()
    assert np.array_equal(infilling.score("mse"), seen)


def test_a_state_out_of_range_is_refused(mae):
    infilling = vl.InfillLens(mae).read(pixels_for((48, 48)), preprocessed=True)
    for read in (infilling.painted, infilling.pixels, infilling.pictures, infilling.error):
        with refused(vl.UsageError):
            read(4)


def test_it_says_what_it_is(mae):
    lens = vl.InfillLens(mae)
    assert repr(lens) == "InfillLens(ViTMAEForPreTraining)"
    said = repr(lens.read(pixels_for((48, 48)), preprocessed=True))
    assert "4 states, 2 images, 27 of 36 patches hidden" in said
    two = lens.read(pixels_for((48, 48)), mask=[[True] * 36, [False] * 36], preprocessed=True)
    assert "0 to 36 of 36 patches hidden" in repr(two)
    assert two.state_names == ["0_pre", "1_pre", "2_pre", "final"]
