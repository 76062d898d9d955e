"""The scale and the shift that normalizations end with."""

from __future__ import annotations

from typing import Any

from ..ops.creation import ones, zeros
from . import init
from .module import Module
from .parameter import Parameter


class Affine(Module):
    """A module with a `weight` of ones and a `bias` of zeros, or None in their places."""

    weight: Parameter | None
    bias: Parameter | None

    def add_affine(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        """Register both parameters, those that are not wanted as None."""
        size: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ones(shape, **size)) if weight else None)
        self.register_parameter("bias", Parameter(zeros(shape, **size)) if bias else None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
