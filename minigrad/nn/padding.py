"""Layers that pad: with zeros, with a number, with a mirror image, with the edge, or with the other end.

`padding` is one number for all borders, or (left, right), (left, right, top, bottom), (..., front, back). Negative widths crop
where the filling is constant.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..ops.pad import pad
from ..tensor import Tensor
from .module import Module


class _Pad(Module):
    axes: ClassVar[int]
    mode: ClassVar[str] = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, tuple | list) else (padding,) * (2 * self.axes)
        if len(self.padding) != 2 * self.axes:
            raise ValueError(f"padding must be an int or {2 * self.axes} of them, got {padding}")

    def forward(self, input: Tensor) -> Tensor:
        if self.mode == "circular" and input.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(f"expected {self.axes + 1}D or {self.axes + 2}D input (got {input.ndim}D input)")
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """The last axis padded with `value`."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """The last two axes padded with `value`.

    >>> nn.ConstantPad2d((1, 0, 0, 0), 7.0)(minigrad.zeros(1, 2, 1))
    tensor([[[7., 0.],
             [7., 0.]]])
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """The last three axes padded with `value`."""

    axes = 3


class ZeroPad1d(_Pad):
    """The last axis padded with zeros."""

    axes = 1


class ZeroPad2d(_Pad):
    """The last two axes padded with zeros."""

    axes = 2


class ZeroPad3d(_Pad):
    """The last three axes padded with zeros."""

    axes = 3


class ReflectionPad1d(_Pad):
    """The last axis padded with its mirror image, the edge itself left out."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two axes padded with their mirror image, the edge itself left out."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three axes padded with their mirror image, the edge itself left out."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The last axis padded with its edges."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The last two axes padded with their edges."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The last three axes padded with their edges."""

    axes, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last axis padded with its other end."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two axes padded with their other ends."""

    axes, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three axes padded with their other ends."""

    axes, mode = 3, "circular"
