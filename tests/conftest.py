"""Shared by all tests."""

from __future__ import annotations

import torch

# the suite runs small models; more threads than cores would only wait for each other
torch.set_num_threads(2)
