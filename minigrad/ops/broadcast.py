"""Broadcasting and its adjoint: expanding an axis and summing over it are each other's gradient."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _kernels as kernels
from .._kernels import memory
from ..tensor import Function, Tensor
from .border import KERNEL_DTYPES, as_tensor, common_shape, contiguous, empty, named
from .declare import op


def sum_array(x: np.ndarray, axes: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """The sum of a float32 or float64 array over `axes` (ascending); float32 is accumulated in double precision.

    Runs of neighbouring axes are summed one after the other, the last first, each as the middle of (outer, n, inner).
    """
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    if not memory.is_plain(x) and x.dtype not in KERNEL_DTYPES:
        return np.asarray(x.sum(axes, keepdims=keepdims, dtype=np.float32)).astype(x.dtype)
    last = len(axes)
    while last:
        first = last - 1
        while first and axes[first - 1] == axes[first] - 1:
            first -= 1
        before, after = axes[first], axes[last - 1] + 1
        sizes = x.shape
        outer, n, inner = prod(sizes[:before]), prod(sizes[before:after]), prod(sizes[after:])
        out = empty((*sizes[:before], *[1] * (after - before), *sizes[after:]), x.dtype)
        if n == 0 or out.size == 0:
            out.fill(0)
        else:
            kernels.reduce.sum(contiguous(x).reshape(outer, n, inner), out.reshape(outer, inner))
        x, last = out, first
    if keepdims:
        return x.reshape(shape) if axes else x.copy()
    if not axes:
        return x.copy()
    return x.reshape([size for axis, size in enumerate(shape) if axis not in axes])


class SumTo(Function):
    """x summed over the axes that broadcasting `shape` to x's shape would add."""

    def forward(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        self.shape = x.shape
        added = x.ndim - len(shape)
        if x.shape[added:] == shape and x.size and memory.is_plain(x):  # a bias: whole rows are summed
            out = empty(shape, x.dtype)
            kernels.reduce.sum(x.reshape(1, -1, out.size), out.reshape(1, -1))
            return out
        axes = [*range(added), *(a for a in range(added, x.ndim) if shape[a - added] == 1 and x.shape[a] != 1)]
        return sum_array(x, tuple(axes), keepdims=True).reshape(shape)

    def backward(self, g: Any) -> Any:
        return Expand.on(g, self.shape)


class Expand(Function):
    """x repeated along axes of length 1 and along new ones, as a view."""

    view = True

    def forward(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        self.shape = x.shape
        return np.broadcast_to(x, shape)

    def backward(self, g: Any) -> Any:
        return fit(g, self.shape)


def fit(gradient: Any, shape: tuple[int, ...]) -> Any:
    """The gradient (array or Tensor) of something of `shape` that took part broadcast."""
    return gradient if gradient.shape == shape else SumTo.on(gradient, shape)


def fit_both(gx: Any, gy: Any, shapes: tuple[tuple[int, ...], tuple[int, ...]] | None) -> tuple[Any, Any]:
    """The gradients of two that took part broadcast, by their `elementwise.broadcast_shapes`; None stays None."""
    if shapes is None:
        return gx, gy
    return None if gx is None else fit(gx, shapes[0]), None if gy is None else fit(gy, shapes[1])


@op("broadcast_to", ".broadcast_to")
def broadcast_to(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A read-only view of `input` with `shape`, repeated along axes of length 1."""
    return expand(input, *shape)


@op(".expand")
def expand(input: Tensor, *sizes: Any, size: Any = None) -> Tensor:
    """A read-only view of `input` with the given sizes; -1 keeps a size. New axes are added in front.

    Raises RuntimeError if a size that is not 1 would change.
    """
    input, sizes = as_tensor(input), named(sizes, size)
    shape = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    old = input.shape
    added = len(shape) - len(old)
    if added < 0:
        raise RuntimeError(f"expand: {list(shape)} has fewer dimensions than the tensor's shape {list(old)}")
    full = []
    for axis, size in enumerate(shape):
        was = old[axis - added] if axis >= added else None
        if size == -1 and was is None:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {axis}"
            )
        if size != -1 and was is not None and was not in (1, size):
            raise RuntimeError(
                f"The expanded size of the tensor ({size}) must match the existing size ({was}) at non-singleton dimension "
                f"{axis}.  Target sizes: {list(shape)}.  Tensor sizes: {list(old)}"
            )
        full.append(was if size == -1 else size)
    return Expand.apply(input, tuple(full))


@op(".expand_as")
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """A view of `input` with the shape of `other`."""
    return expand(input, other.shape)


@op("broadcast_tensors")
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Views of all `tensors` with their common shape."""
    shape = common_shape("broadcast_tensors", *(t.shape for t in tensors))
    return tuple(expand(t, shape) for t in tensors)
