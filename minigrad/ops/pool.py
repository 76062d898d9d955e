"""Pooling of images: the largest or the mean of each window. Both are linear once the maxima are known."""

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
from .indexing import TakeAlong, Where

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
        pooled_size(input.shape[a + 2], kernel[a], stride[a], padding[a], dilation[a], ceil_mode) for a in (0, 1)
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
    indices = empty((*input.shape[:2], *size), int64)
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


@op("F.adaptive_avg_pool2d")
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of H' x W' regions that cover the image: region i of n is [floor(i H / n), ceil((i + 1) H / n)).

    None in `output_size` keeps a size.
    """
    if input.ndim not in (3, 4):
        raise RuntimeError(f"adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got {list(input.shape)}")
    wanted = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    height, width = (size if want is None else want for want, size in zip(wanted, input.shape[-2:], strict=True))
    if min(height, width) < 0:
        raise RuntimeError(
            f"adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0, got {wanted}"
        )
    rows, columns = input.shape[-2:]
    if height and width and rows % height == 0 and columns % width == 0:
        return avg_pool2d(input, (rows // height, columns // width))
    out = input
    for axis, size, count in ((-2, rows, height), (-1, columns, width)):
        means = [
            out.narrow(axis, i * size // count, -(-(i + 1) * size // count) - i * size // count).mean(axis, True)
            for i in range(count)
        ]
        from .joining import cat

        out = cat(means, axis) if means else out.narrow(axis, 0, 0)
    return out
