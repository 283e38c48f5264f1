"""Shared by all tests."""

from __future__ import annotations

import torch

# the tests' models are tiny: a second thread would only be waited for
torch.set_num_threads(1)
