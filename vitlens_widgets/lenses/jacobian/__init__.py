"""The Jacobian lens: each state through what, on average, becomes of it until it is read."""

from vitlens_widgets.lenses.jacobian.lens import JacobianLens

__all__ = ["JacobianLens"]
