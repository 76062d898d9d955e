"""Pooling of images and signals: the largest or the mean of each window. Both are linear once the maxima are known."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..dtypes import int64
from ..tensor import Function, Tensor, wrap
from .border import as_tensor, contiguous, empty, same_dtype
from .conv import pair, steps_taken
from .declare import op
from .indexing import TakeAlong, Where, gather
from .joining import cat
from .reduce import max as largest

Pair = tuple[int, int]
PAIRS = ((2, 2), (2, 2), (0, 0), (1, 1))  # the commonest windows: kernel, stride, padding, dilation


class MaxPool2d(Function):
    """The largest element of each window; where it was goes to `indices`, -1 for a window wholly in the padding."""

    def forward(self, x: np.ndarray, indices: np.ndarray, window: tuple[Pair, Pair, Pair, Pair]) -> np.ndarray:
        self.shape, self.indices, self.pairs = x.shape, indices, window == PAIRS
        out = empty(indices.shape, x.dtype)
        if out.size:
            kernels.pool.max_pool2d_forward(contiguous(x), out, indices, *window)
        return out

    def backward(self, g: Any) -> Any:
        return MaxUnpool.on(g, self.indices, self.shape, self.pairs)


class MaxUnpool(Function):
    """g added at the positions its maxima came from; `pairs` says that the windows were PAIRS."""

    def forward(self, g: np.ndarray, indices: np.ndarray, shape: tuple[int, ...], pairs: bool) -> np.ndarray:
        self.indices = indices
        out = empty(shape, g.dtype)
        if g.size and out.size:
            kernels.pool.max_pool2d_backward(contiguous(g), indices, out, pairs)
        else:
            out.fill(0)
        return out

    def backward(self, h: Any) -> Any:
        n, c, *size = self.indices.shape
        flat = self.indices.reshape(n, c, prod(size))
        taken = TakeAlong.on(h.reshape((*h.shape[:2], prod(h.shape[2:]))), flat, 2)
        if flat.size and flat.min() < 0:
            taken = Where.on(flat < 0, np.zeros((), taken.dtype), taken)
        return taken.reshape((n, c, *size))


class AvgPool2d(Function):
    def forward(self, x: np.ndarray, window: tuple, size: Pair) -> np.ndarray:
        self.shape, self.window = x.shape, window
        out = empty((*x.shape[:2], *size), x.dtype)
        if out.size:
            kernels.pool.avg_pool2d_forward(contiguous(x), out, *window)
        return out

    def backward(self, g: Any) -> Any:
        return AvgUnpool.on(g, self.window, self.shape)


class AvgUnpool(Function):
    """Each value of g shared out over its window."""

    def forward(self, g: np.ndarray, window: tuple, shape: tuple[int, ...]) -> np.ndarray:
        self.window, self.size = window, g.shape[2:]
        out = empty(shape, g.dtype)
        if g.size and out.size:
            kernels.pool.avg_pool2d_backward(contiguous(g), out, *window)
        else:
            out.fill(0)
        return out

    def backward(self, h: Any) -> Any:
        return AvgPool2d.on(h, self.window, self.size)


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """The number of windows along an axis; with `ceil_mode` one may hang over the end, but not begin there."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (span + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


def _window(
    name: str, input: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    if input.ndim != 4:
        raise RuntimeError(f"{name}: Expected 3D or 4D input (unbatched or batched), but got size {list(input.shape)}")
    for k, p in zip(kernel, padding, strict=True):
        if 2 * p > k:
            raise RuntimeError(f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k}")
    same_dtype(name, input=input)
    size = tuple(
        pooled_size(input._value.shape[a + 2], kernel[a], stride[a], padding[a], dilation[a], ceil_mode) for a in (0, 1)
    )
    if min(size) < 1:
        raise RuntimeError(
            f"Given input size: {list(input.shape[1:])}. Calculated output size: {[input.shape[1], *size]}. Output size is too small for "
            f"{name} with kernel {list(kernel)}"
        )
    return size  # type: ignore[return-value]


@op("F.max_pool2d", "max_pool2d")
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'). `stride` is `kernel_size` unless given.

    NaN wins. The gradient goes to the first of equal maxima. `return_indices` adds their flat positions in H * W (int64).
    A window wholly in the padding, as dilation and ceil_mode make them, gives -inf and the position -1.
    """
    input = as_tensor(input)
    if input.ndim == 3:
        out = max_pool2d(input.unsqueeze(0), kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return tuple(part.squeeze(0) for part in out) if return_indices else out.squeeze(0)
    kernel, spread = pair(kernel_size, "kernel_size"), pair(dilation, "dilation")
    steps = kernel if stride is None or stride == [] else pair(stride, "stride")
    border = pair(padding, "padding", 0)
    size = _window("max_pool2d", input, kernel, steps, border, spread, ceil_mode)
    indices = empty((*input._value.shape[:2], *size), int64)
    out = MaxPool2d.apply(input, indices, (kernel, steps_taken(steps, size), border, spread))
    return (out, wrap(indices.copy())) if return_indices else out  # a copy: backward trusts its own


@op("F.avg_pool2d")
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'). `stride` is `kernel_size` unless given.

    Padding counts as zeros unless `count_include_pad=False`; `divisor_override` replaces the number of elements.
    """
    input = as_tensor(input)
    if input.ndim == 3:
        return avg_pool2d(
            input.unsqueeze(0), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        ).squeeze(0)
    kernel, border = pair(kernel_size, "kernel_size"), pair(padding, "padding", 0)
    steps = kernel if stride is None or stride == [] else pair(stride, "stride")
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    size = _window("avg_pool2d", input, kernel, steps, border, (1, 1), ceil_mode)
    return AvgPool2d.apply(
        input, (kernel, steps_taken(steps, size), border, count_include_pad, divisor_override or 0), size
    )


@op("max_pool1d", "F.max_pool1d")
def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool2d` on one axis: (N, C, L) or (C, L) to (N, C, L')."""
    _check_signal("max_pool1d", input)
    kernel, spread = (1, _one(kernel_size, "kernel_size")), (1, _one(dilation, "dilation"))
    steps = kernel if stride is None or stride == [] else (1, _one(stride, "stride"))
    border = (0, _one(padding, "padding"))
    out = max_pool2d(input.unsqueeze(-2), kernel, steps, border, spread, ceil_mode, return_indices)
    return tuple(part.squeeze(-2) for part in out) if return_indices else out.squeeze(-2)


@op("avg_pool1d", "F.avg_pool1d")
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool2d` on one axis: (N, C, L) or (C, L) to (N, C, L')."""
    _check_signal("avg_pool1d", input)
    kernel = (1, _one(kernel_size, "kernel_size"))
    steps = kernel if stride is None or stride == [] else (1, _one(stride, "stride"))
    border = (0, _one(padding, "padding"))
    return avg_pool2d(input.unsqueeze(-2), kernel, steps, border, ceil_mode, count_include_pad).squeeze(-2)


def _check_signal(name: str, input: Tensor) -> None:
    if as_tensor(input).ndim not in (2, 3):
        raise RuntimeError(
            f"{name}: Expected 2D or 3D input (unbatched or batched), but got size {list(as_tensor(input).shape)}"
        )


def _one(value: Any, name: str) -> Any:
    """An int, or the one in a tuple or list."""
    if not isinstance(value, tuple | list):
        return value
    if len(value) != 1:
        raise RuntimeError(f"{name} must be an int or one int, got {value!r}")
    return value[0]


def _regions(size: int, count: int) -> list[tuple[int, int]]:
    """The start and length of `count` regions that cover `size`: region i is [floor(i size / count), ceil((i + 1) size / count))."""
    starts = [i * size // count for i in range(count)]
    return [(start, -(-(i + 1) * size // count) - start) for i, start in enumerate(starts)]


def _adaptive_size(name: str, input: Tensor, output_size: Any, axes: int) -> tuple[int, ...]:
    """`output_size` for each of the last `axes` axes, None replaced by the size there is."""
    if as_tensor(input).ndim not in (axes + 1, axes + 2):
        raise RuntimeError(f"{name}(): Expected {axes + 1}D or {axes + 2}D tensor, but got {list(input.shape)}")
    wanted = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * axes
    if len(wanted) != axes:
        raise RuntimeError(f"{name}: output_size must be {axes} ints, got {output_size!r}")
    sizes = tuple(size if want is None else want for want, size in zip(wanted, input.shape[-axes:], strict=True))
    if min(sizes) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0, got {wanted}")
    return sizes


@op("F.adaptive_avg_pool2d")
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of H' x W' regions that cover the image: region i of n is [floor(i H / n), ceil((i + 1) H / n)).

    None in `output_size` keeps a size.
    """
    height, width = _adaptive_size("adaptive_avg_pool2d", input, output_size, 2)
    rows, columns = input.shape[-2:]
    if height and width and rows % height == 0 and columns % width == 0 and rows and columns:
        return avg_pool2d(input, (rows // height, columns // width))
    out = input
    for axis, size, count in ((-2, rows, height), (-1, columns, width)):
        means = [out.narrow(axis, *region).mean(axis, True) for region in _regions(size, count)]
        out = cat(means, axis) if means else out.narrow(axis, 0, 0)
    return out


@op("adaptive_avg_pool1d", "F.adaptive_avg_pool1d")
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The means of L' regions that cover a signal: (N, C, L) or (C, L) to (N, C, L'); see `adaptive_avg_pool2d`."""
    (size,) = _adaptive_size("adaptive_avg_pool1d", input, output_size, 1)
    return adaptive_avg_pool2d(input.unsqueeze(-2), (1, size)).squeeze(-2)


@op("F.adaptive_max_pool2d")
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest values of H' x W' regions that cover the image; regions and `output_size` as in `adaptive_avg_pool2d`.

    `return_indices` adds their flat positions in H * W (int64).
    """
    height, width = _adaptive_size("adaptive_max_pool2d", input, output_size, 2)
    rows, columns = input.shape[-2:]
    if not (rows and columns):
        raise RuntimeError(
            f"adaptive_max_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {list(input.shape)}"
        )
    if height and width and rows % height == 0 and columns % width == 0:
        return max_pool2d(input, (rows // height, columns // width), return_indices=return_indices)
    same_dtype("adaptive_max_pool2d", input=input)
    # First over columns, then over rows: the first of equal maxima stays the first
    found = [(start, largest(input.narrow(-1, start, n), -1, True)) for start, n in _regions(columns, width)]
    if not (found and height):
        out = input.narrow(-1, 0, width if found else 0).narrow(-2, 0, 0 if found else height)
        return (out, out.detach().to(int64)) if return_indices else out
    out = cat([part.values for _, part in found], -1)
    places = cat([part.indices + start for start, part in found], -1)
    found = [(start, largest(out.narrow(-2, start, n), -2, True)) for start, n in _regions(rows, height)]
    out = cat([part.values for _, part in found], -2)
    if not return_indices:
        return out
    row = cat([part.indices + start for start, part in found], -2)
    return out, row * columns + gather(places, -2, row)


@op("adaptive_max_pool1d", "F.adaptive_max_pool1d")
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest values of L' regions that cover a signal: (N, C, L) or (C, L) to (N, C, L')."""
    (size,) = _adaptive_size("adaptive_max_pool1d", input, output_size, 1)
    out = adaptive_max_pool2d(input.unsqueeze(-2), (1, size), return_indices)
    return tuple(part.squeeze(-2) for part in out) if return_indices else out.squeeze(-2)
