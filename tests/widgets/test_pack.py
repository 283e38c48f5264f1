"""Arrays as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from vitlens_widgets.widgets.shared import pack


def test_numbers_survive_exactly_as_little_endian_float32():
    values = np.array([[1.5, -2.25, np.nan], [np.inf, -np.inf, 1e-30]], dtype=">f4")
    back = np.frombuffer(pack.float32(values), "<f4").reshape(2, 3)
    np.testing.assert_array_equal(back, values)


def test_a_transposed_array_is_packed_in_its_own_order():
    values = np.arange(6, dtype=np.int64).reshape(2, 3).T
    assert np.frombuffer(pack.int32(values), "<i4").tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(("count", "size"), [(2, 2), (32768, 2), (32769, 4), (21843, 2)])
def test_ids_take_two_bytes_as_long_as_the_largest_fits(count, size):
    packed = pack.ids([0, count - 1], count)
    assert pack.id_bytes(count) == size
    assert np.frombuffer(packed, f"<i{size}").tolist() == [0, count - 1]


def test_pixels_take_one_byte():
    assert pack.uint8(np.array([[0, 255], [7, 128]], dtype=np.uint8)) == bytes([0, 255, 7, 128])
