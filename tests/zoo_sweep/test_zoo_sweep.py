"""The whole sweep, model by model: `pytest -m sweep`."""

from __future__ import annotations

import pytest

from tests.zoo_sweep.__main__ import PROMISED
from tests.zoo_sweep.rows import all_rows

pytestmark = [
    pytest.mark.sweep,
    pytest.mark.filterwarnings("ignore:No image processor was saved"),
    pytest.mark.filterwarnings("ignore:A module of torchvision does not say"),
]

REFUSED = {
    "vit_dlittle_patch16_reg1_gap_256": "subtracts one softmax from another",
    "vit_dpwee_patch16_reg1_gap_256": "subtracts one softmax from another",
    "vit_dwee_patch16_reg1_gap_256": "subtracts one softmax from another",
    "SwinForImageClassification": "attends within windows",
}


def pytest_generate_tests(metafunc):
    rows = dict(all_rows())
    metafunc.parametrize("row", rows.values(), ids=rows)


def test_every_architecture_is_read_as_its_library_computes_it_or_refused(row):
    measured = row()
    if measured.name in REFUSED:
        assert REFUSED[measured.name] in measured.refused
    else:
        assert not measured.refused
        assert measured.worst <= PROMISED
