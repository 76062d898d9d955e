"""Convolutional layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..ops.conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d
from ..ops.creation import empty
from ..ops.pad import pad
from ..tensor import Tensor
from .linear import default_init_
from .module import Module
from .parameter import Parameter

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What convolutions over any number of axes share: their options, filters and biases."""

    axes: ClassVar[int]
    transposed: ClassVar[bool] = False
    bias: Parameter | None
    output_padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, got {in_channels} and {groups}")
        if out_channels % groups:
            raise ValueError(f"out_channels must be divisible by groups, got {out_channels} and {groups}")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
            if padding == "same" and any(step != 1 for step in self._each(stride, "stride")):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {_PADDING_MODES}, but got padding_mode={padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = self._each(kernel_size, "kernel_size")
        self.stride = self._each(stride, "stride")
        self.padding = padding if isinstance(padding, str) else self._each(padding, "padding")
        self.dilation = self._each(dilation, "dilation")
        self.output_padding = (0,) * self.axes
        self.padding_mode = padding_mode
        self._make_parameters(bias, device, dtype)

    def _make_parameters(self, bias: bool, device: Any, dtype: Any) -> None:
        outer, inner = self.out_channels, self.in_channels
        if self.transposed:
            outer, inner = inner, outer
        size: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty((outer, inner // self.groups, *self.kernel_size), **size))
        self.register_parameter("bias", Parameter(empty((self.out_channels,), **size)) if bias else None)
        self.reset_parameters()

    def _each(self, value: Any, name: str) -> tuple[int, ...]:
        """One int for all axes, or one for each."""
        if not isinstance(value, tuple | list):
            return (value,) * self.axes
        if len(value) != self.axes:
            raise ValueError(f"{name} must be an int or {self.axes} of them, got {value}")
        return tuple(value)

    def reset_parameters(self) -> None:
        """Draw the weight and the bias anew: uniform within 1 / sqrt(fan_in), as in PyTorch."""
        default_init_(self.weight, self.bias)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input with the borders that the padding mode asks for, and what padding is left for the convolution."""
        if self.padding_mode == "zeros":
            return input, self.padding
        widths = []
        for axis in range(self.axes - 1, -1, -1):
            if self.padding == "same":
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [0, 0] if self.padding == "valid" else [int(self.padding[axis])] * 2
        return pad(input, widths, self.padding_mode), 0

    def extra_repr(self) -> str:
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        for name, usual in (
            ("padding", (0,) * self.axes),
            ("dilation", (1,) * self.axes),
            ("output_padding", (0,) * self.axes),
            ("groups", 1),
        ):
            if getattr(self, name) != usual:
                shown.append(f"{name}={getattr(self, name)}")
        if self.bias is None:
            shown.append("bias=False")
        if self.padding_mode != "zeros":
            shown.append(f"padding_mode={self.padding_mode}")
        return ", ".join(shown)


class Conv1d(_Conv):
    """A convolution along one axis: (N, C, L) to (N, out_channels, L'); weight (out_channels, in_channels / groups, K)."""

    axes = 1

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return conv1d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """A convolution of images: (N, C, H, W) to (N, out_channels, H', W'); weight (out_channels, in_channels / groups, KH, KW).

    `padding` is a number (or two), 'valid' or 'same'; `padding_mode` fills it: 'zeros', 'reflect', 'replicate' or 'circular'.

    >>> layer = nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=1)
    >>> layer(minigrad.zeros(5, 3, 32, 32)).shape
    (5, 8, 16, 16)
    """

    axes = 2

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return conv2d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """A convolution of volumes: (N, C, D, H, W) to (N, out_channels, D', H', W'); weight (O, C / groups, KD, KH, KW)."""

    axes = 3

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return conv3d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTranspose(_Conv):
    """What transposed convolutions over any number of axes share."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        if isinstance(padding, str):
            raise TypeError(f"{type(self).__name__} takes its padding as ints, not {padding!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, "zeros", device, dtype
        )
        self.output_padding = self._each(output_padding, "output_padding")

    def _extra(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The output padding: that of the layer, or the one that makes outputs of `output_size`."""
        if output_size is None:
            return self.output_padding
        wanted = tuple(output_size)[-self.axes :]
        smallest = [
            (size - 1) * self.stride[a] - 2 * int(self.padding[a]) + self.dilation[a] * (self.kernel_size[a] - 1) + 1
            for a, size in enumerate(input.shape[-self.axes :])
        ]
        largest = [size + step - 1 for size, step in zip(smallest, self.stride, strict=True)]
        if len(wanted) != self.axes or not all(map(_between, smallest, wanted, largest)):
            raise ValueError(
                f"requested an output size of {list(output_size)}, but valid sizes range from {smallest} to {largest} (for an input of "
                f"{list(input.shape[-self.axes :])})"
            )
        return tuple(size - low for size, low in zip(wanted, smallest, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """`ConvTranspose2d` along one axis: (N, C, L) to (N, out_channels, L'); weight (in_channels, out_channels / groups, K)."""

    axes = 1

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self._extra(input, output_size)
        return conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """The transpose of a convolution, which enlarges images: (N, C, H, W) to (N, out_channels, H', W').

    Weight (in_channels, out_channels / groups, KH, KW). Several sizes H' would be reduced to H by the convolution:
    `output_padding`, or `output_size` in the call, says which is meant.
    """

    axes = 2

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self._extra(input, output_size)
        return conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


def _between(low: int, size: int, high: int) -> bool:
    return low <= size <= high
