"""Convolutions. The product of images and filters is bilinear, so three Functions are each other's gradients:
the convolution itself, its gradient for the input (the transposed convolution) and its gradient for the filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..tensor import Function, Tensor
from .border import as_tensor, check_tensors, contiguous, empty, same_dtype
from .broadcast import sum_array
from .declare import op
from .pad import pad

LARGEST_IMAGE = 1 << 46  # bytes: no machine has them, and kernels can count them

Geometry = tuple[tuple[int, int], tuple[int, int], tuple[int, int], int]  # stride, padding, dilation, groups


class Conv2d(Function):
    """out[n, o, i, j] = bias[o] + sum over c, u, v of weight[o, c, u, v] * x[n, c, i * stride + u * dilation - padding, ...]."""

    def forward(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, geometry: Geometry) -> np.ndarray:
        self.geometry, self.shapes = geometry, (x.shape, weight.shape)
        if self.needs(1):
            self.x = x
        if self.needs(0):
            self.weight = weight
        stride, padding, dilation, _ = geometry
        size = tuple(
            output_size(x.shape[a + 2], weight.shape[a + 2], stride[a], padding[a], dilation[a]) for a in (0, 1)
        )
        out = empty((x.shape[0], weight.shape[0], *size), x.dtype)
        if out.size and weight.size:
            kernels.conv.conv2d_forward(
                contiguous(x), contiguous(weight), contiguous(bias), out, *_for_kernel(geometry, size, x)
            )
        else:  # no input channels: sums of nothing
            out[...] = 0 if bias is None else bias.reshape(-1, 1, 1)
        return out

    def backward(self, g: Any) -> Any:
        x, weight = self.shapes
        gx = Conv2dInput.on(g, self.weight, x, self.geometry) if self.needs(0) else None
        gw = Conv2dWeight.on(g, self.x, weight, self.geometry) if self.needs(1) else None
        return gx, gw, (channel_sums(g) if self.needs(2) else None)


def channel_sums(g: Any) -> Any:
    """The sums over all axes but the second, of an array or a Tensor."""
    return g.sum((0, 2, 3)) if isinstance(g, Tensor) else sum_array(g, (0, 2, 3))


class Conv2dInput(Function):
    """The gradient of a convolution for its input of `shape`: every output value spread over the patch it came from."""

    def forward(self, g: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], geometry: Geometry) -> np.ndarray:
        self.g, self.weight, self.geometry = g, weight, geometry
        out = empty(shape, g.dtype)
        if g.size and out.size:
            kernels.conv.conv2d_backward_input(
                contiguous(g), contiguous(weight), out, *_for_kernel(geometry, g.shape[2:], out)
            )
        else:
            out.fill(0)
        return out

    def backward(self, h: Any) -> Any:
        gg = Conv2d.on(h, self.weight, None, self.geometry) if self.needs(0) else None
        return gg, (Conv2dWeight.on(self.g, h, self.weight.shape, self.geometry) if self.needs(1) else None)


class Conv2dWeight(Function):
    """The gradient of a convolution for its filters of `shape`: the correlation of input patches with output gradients."""

    def forward(self, g: np.ndarray, x: np.ndarray, shape: tuple[int, ...], geometry: Geometry) -> np.ndarray:
        self.g, self.x, self.geometry = g, x, geometry
        out = empty(shape, g.dtype)
        if g.size and out.size:
            kernels.conv.conv2d_backward_weight(
                contiguous(g), contiguous(x), out, *_for_kernel(geometry, g.shape[2:], x)
            )
        else:
            out.fill(0)
        return out

    def backward(self, h: Any) -> Any:
        gg = Conv2d.on(self.x, h, None, self.geometry) if self.needs(0) else None
        return gg, (Conv2dInput.on(self.g, h, self.x.shape, self.geometry) if self.needs(1) else None)


def _for_kernel(geometry: Geometry, size: tuple[int, ...], x: np.ndarray) -> Geometry:
    """The geometry as kernels take it, who keep an image `x` with its border; MemoryError where none could."""
    stride, padding, dilation, groups = geometry
    padded = x.shape[1] * (x.shape[2] + 2 * padding[0]) * (x.shape[3] + 2 * padding[1]) * x.itemsize
    if padded > LARGEST_IMAGE:
        raise MemoryError(
            f"cannot allocate {padded} bytes for an image of shape {list(x.shape[1:])}, padded by {padding}"
        )
    return steps_taken(stride, size), padding, dilation, groups


def steps_taken(stride: tuple[int, int], size: tuple[int, ...]) -> tuple[int, int]:
    """`stride`, but 1 along an axis with one position, where it is never taken and memory must not grow with it."""
    return tuple(1 if n == 1 else step for step, n in zip(stride, size, strict=True))  # type: ignore[return-value]


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many positions a window has along an axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def each(value: Any, name: str, axes: int, smallest: int = 1) -> tuple[int, ...]:
    """An int for all axes, or one for each, none below `smallest`."""
    parts = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if len(parts) == 1:
        parts *= axes
    expected = "an int or two ints" if axes == 2 else f"an int or {axes} ints"
    if len(parts) != axes:
        raise RuntimeError(f"{name} must be {expected}, got {value!r}")
    if not all(isinstance(part, int) and not isinstance(part, bool) for part in parts):
        raise TypeError(f"{name} must be {expected}, got {value!r}")
    if min(parts) < smallest:
        raise RuntimeError(f"{name} must be {'greater than zero' if smallest else 'non-negative'}, got {value}")
    if max(parts) >= 1 << 31:
        raise RuntimeError(f"{name} must be less than 2**31, got {value}")
    return parts


def pair(value: Any, name: str, smallest: int = 1) -> tuple[int, int]:
    """An int for both axes, or two ints, none below `smallest`."""
    return each(value, name, 2, smallest)  # type: ignore[return-value]


@op("conv2d", "F.conv2d")
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The cross-correlation of images with filters.

    Shapes: input (N, C, H, W) or (C, H, W), weight (O, C / groups, KH, KW), bias (O,); result (N, O, H', W') with
    H' = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1. `padding` may be 'valid' or 'same' (with stride 1).

    In float32 a 3x3 kernel of stride 1 with 8 channels and more goes by Winograd's minimal filtering (Lavin & Gray 2016), whose
    error is a few millionths of the largest output; float64 and other shapes are sums of products.

    >>> image = minigrad.arange(9.0).reshape(1, 1, 3, 3)
    >>> F.conv2d(image, minigrad.ones(1, 1, 2, 2))
    tensor([[[[ 8., 12.],
              [20., 24.]]]])
    """
    input = as_tensor(input)
    check_tensors("conv2d", weight=weight, bias=bias)
    if weight.ndim != 4 or input.ndim not in (3, 4):
        raise RuntimeError(
            f"Expected 3D (unbatched) or 4D (batched) input and a 4D weight to conv2d, but got input of size: {list(input.shape)} and "
            f"weight of size: {list(weight.shape)}"
        )
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    steps, spread = pair(stride, "stride"), pair(dilation, "dilation")
    if isinstance(padding, str):
        reach = [s * (n - 1) for s, n in zip(spread, weight.shape[2:], strict=True)]
        input, border = _string_padding(input, padding, steps, reach)
    else:
        border = pair(padding, "padding", 0)
    _check_channels(input._value.shape, weight, bias, groups)
    _check_kernel(weight)
    for axis in (0, 1):
        reach = spread[axis] * (weight._value.shape[axis + 2] - 1) + 1
        if input._value.shape[axis + 2] + 2 * border[axis] < reach:
            raise RuntimeError(
                f"Calculated padded input size per channel: {[n + 2 * b for n, b in zip(input.shape[2:], border, strict=True)]}. Kernel "
                f"size: {[s * (n - 1) + 1 for s, n in zip(spread, weight.shape[2:], strict=True)]}. Kernel size can't be greater than "
                "actual input size"
            )
    same_dtype("conv2d", input=input, weight=weight, bias=bias)
    return Conv2d.apply(input, weight, bias, (steps, border, spread, groups))


def _check_kernel(weight: Tensor) -> None:
    if min(weight._value.shape[2:]) < 1:
        raise RuntimeError(f"kernel size should be greater than zero, but got a weight of size {list(weight.shape)}")


def _check_channels(shape: tuple[int, ...], weight: Tensor, bias: Tensor | None, groups: int) -> None:
    """Raise unless an input of `shape` (N, C, ...), weight (O, C / groups, ...) and bias (O,) fit."""
    if groups < 1:
        raise RuntimeError(f"groups must be a positive integer, got {groups}")
    channels, filters = shape[1], weight._value.shape[0]
    if channels != weight._value.shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(shape)} to have "
            f"{weight.shape[1] * groups} channels, but got {channels} channels instead"
        )
    if filters % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got {filters}"
        )
    if bias is not None and bias._value.shape != (filters,):
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {filters} elements, but got bias of size "
            f"{list(bias.shape)} instead"
        )


def _string_padding(
    input: Tensor, padding: str, steps: tuple[int, ...], reach: list[int]
) -> tuple[Tensor, tuple[int, ...]]:
    """The input, and how wide its border of zeros is to be. `reach`: from a kernel's first element to its last, along each axis."""
    none = (0,) * len(reach)
    if padding == "valid":
        return input, none
    if padding != "same":
        raise RuntimeError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
    if any(step != 1 for step in steps):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    if all(total % 2 == 0 for total in reach):
        return input, tuple(total // 2 for total in reach)
    return pad(input, [width for total in reversed(reach) for width in (total // 2, total - total // 2)]), none


@op("conv1d", "F.conv1d")
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` on one axis: input (N, C, L) or (C, L), weight (O, C / groups, K)."""
    input = as_tensor(input)
    check_tensors("conv1d", weight=weight, bias=bias)
    if weight.ndim != 3 or input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D (unbatched) or 3D (batched) input and a 3D weight to conv1d, but got input of size: {list(input.shape)} and "
            f"weight of size: {list(weight.shape)}"
        )
    batch = input.shape if input.ndim == 3 else (1, *input.shape)
    _check_channels(batch, weight, bias, groups)
    one = [value[0] if isinstance(value, tuple | list) else value for value in (stride, padding, dilation)]
    border = one[1] if isinstance(one[1], str) else (0, one[1])
    out = conv2d(input.unsqueeze(-2), weight.unsqueeze(2), bias, (1, one[0]), border, (1, one[2]), groups)
    return out.squeeze(-2)


@op("conv3d", "F.conv3d")
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` on three axes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW).

    Composed: the KD frames that an output frame sees become KD * C channels of one image, so the input is copied KD times.
    """
    input = as_tensor(input)
    check_tensors("conv3d", weight=weight, bias=bias)
    if weight.ndim != 5 or input.ndim not in (4, 5):
        raise RuntimeError(
            f"Expected 4D (unbatched) or 5D (batched) input and a 5D weight to conv3d, but got input of size: {list(input.shape)} and "
            f"weight of size: {list(weight.shape)}"
        )
    if input.ndim == 4:
        return conv3d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    steps, spread = each(stride, "stride", 3), each(dilation, "dilation", 3)
    _check_channels(input.shape, weight, bias, groups)
    _check_kernel(weight)
    reach = [s * (n - 1) for s, n in zip(spread, weight.shape[2:], strict=True)]
    if isinstance(padding, str):
        input, border = _string_padding(input, padding, steps, reach)
    else:
        border = each(padding, "padding", 3, 0)
    size = [n + 2 * b for n, b in zip(input.shape[2:], border, strict=True)]
    if any(n <= r for n, r in zip(size, reach, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: {size}. Kernel size: {[r + 1 for r in reach]}. Kernel size can't be greater than "
            "actual input size"
        )
    same_dtype("conv3d", input=input, weight=weight, bias=bias)
    filters, channels, depth = weight.shape[:3]
    if border[0]:
        input = pad(input, (0, 0, 0, 0, border[0], border[0]))
    frames = input.unfold(2, reach[0] + 1, steps[0])[..., :: spread[0]]  # (N, C, D', H, W, KD)
    count, _, frames_out, height, width, _ = frames.shape
    images = frames.permute(0, 2, 1, 5, 3, 4).reshape(count * frames_out, -1, height, width)
    flat = weight.reshape(filters, channels * depth, *weight.shape[3:])
    out = conv2d(images, flat, bias, steps[1:], border[1:], spread[1:], groups)
    return out.reshape(count, frames_out, filters, *out.shape[2:]).transpose(1, 2)


@op("conv_transpose1d", "F.conv_transpose1d")
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """`conv_transpose2d` on one axis: input (N, C, L) or (C, L), weight (C, O / groups, K)."""
    input = as_tensor(input)
    check_tensors("conv_transpose1d", weight=weight, bias=bias)
    if weight.ndim != 3 or input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D (unbatched) or 3D (batched) input and a 3D weight to conv_transpose1d, but got input of size: "
            f"{list(input.shape)} and weight of size: {list(weight.shape)}"
        )
    (step,), (spread,) = each(stride, "stride", 1), each(dilation, "dilation", 1)
    (border,), (extra,) = each(padding, "padding", 1, 0), each(output_padding, "output_padding", 1, 0)
    out = conv_transpose2d(
        input.unsqueeze(-2), weight.unsqueeze(2), bias, (1, step), (0, border), (0, extra), groups, (1, spread)
    )
    return out.squeeze(-2)


@op("conv_transpose2d", "F.conv_transpose2d")
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of `conv2d` as a linear map: input (N, C, H, W), weight (C, O / groups, KH, KW); result (N, O, H', W') with
    H' = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1."""
    input = as_tensor(input)
    if input.ndim == 3:
        return conv_transpose2d(
            input.unsqueeze(0), weight, bias, stride, padding, output_padding, groups, dilation
        ).squeeze(0)
    check_tensors("conv_transpose2d", weight=weight, bias=bias)
    if groups < 1:
        raise RuntimeError(f"groups must be a positive integer, got {groups}")
    if weight.ndim != 4 or input.ndim != 4 or input.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise RuntimeError(
            f"conv_transpose2d: input of size {list(input.shape)} and weight of size {list(weight.shape)} with groups={groups} do not fit: "
            "the weight's first size must be the input's channels, a multiple of groups"
        )
    _check_kernel(weight)
    steps, border, spread = pair(stride, "stride"), pair(padding, "padding", 0), pair(dilation, "dilation")
    extra = pair(output_padding, "output_padding", 0)
    if any(extra[a] >= max(steps[a], spread[a]) for a in (0, 1)):
        raise RuntimeError("output padding must be smaller than either stride or dilation")
    same_dtype("conv_transpose2d", input=input, weight=weight, bias=bias)
    size = [
        (input.shape[a + 2] - 1) * steps[a] - 2 * border[a] + spread[a] * (weight.shape[a + 2] - 1) + extra[a] + 1
        for a in (0, 1)
    ]
    shape = (input.shape[0], weight.shape[1] * groups, *size)
    if min(size) < 1:
        raise RuntimeError(
            f"Given input size per channel: {list(input.shape[2:])}. Calculated output size per channel: {size}. Output size is too small"
        )
    if bias is not None and bias.shape != shape[1:2]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {shape[1]} elements, but got "
            f"bias of size {list(bias.shape)} instead"
        )
    out = Conv2dInput.apply(input, weight, shape, (steps, border, spread, groups))
    return out if bias is None else out + bias.reshape(1, -1, 1, 1)
