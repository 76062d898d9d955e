"""Normalization of rows: by mean and variance (Ba, Kiros, Hinton 2016), or by the root mean square."""

from __future__ import annotations

from typing import Any

from ..ops.creation import ones
from ..ops.norm import layer_norm, rms_norm
from ..tensor import Tensor
from . import init
from .affine import Affine
from .module import Module
from .parameter import Parameter


def as_row(normalized_shape: Any) -> tuple[int, ...]:
    """The shape of a row: an int is the length of its one axis."""
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


class LayerNorm(Affine):
    """Each row normalized to mean 0 and variance 1, times `weight`, plus `bias`; a row is what the last axes hold.

    `normalized_shape` are the lengths of these axes (an int: of the last one), and the shape of weight and bias, which begin as
    ones and zeros. Without `elementwise_affine` there is neither, without `bias` no bias. It does the same in eval mode.

    >>> layer = nn.LayerNorm(4)
    >>> layer(minigrad.tensor([[1.0, 2.0, 3.0, 4.0]])).shape
    (1, 4)
    >>> list(nn.LayerNorm((3, 4), bias=False).state_dict())
    ['weight']
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        row = as_row(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = row, eps, elementwise_affine
        self.add_affine(row, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = f"elementwise_affine={self.elementwise_affine}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}, bias={self.bias is not None}"


class RMSNorm(Module):
    """Each row divided by its root mean square, times `weight` (Zhang & Sennrich 2019); rows as in `LayerNorm`.

    The weight begins as ones; without `elementwise_affine` there is none. `eps` is the dtype's machine epsilon unless given.
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        row = as_row(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = row, eps, elementwise_affine
        self.register_parameter(
            "weight", Parameter(ones(row, device=device, dtype=dtype)) if elementwise_affine else None
        )

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
