"""Reductions over axes: sum, mean, prod, extrema, norms, variances, logsumexp, cumulative sums."""

from __future__ import annotations

import math
from math import prod as product
from typing import Any, NamedTuple

import numpy as np

from .._kernels import aligned
from .._kernels import loss as rows
from .._kernels import reduce as kernel
from ..dtypes import as_dtype, float32, int64
from ..tensor import Function, Fused, Tensor, wrap
from .border import (
    KERNEL_DTYPES,
    as_tensor,
    axes_of,
    axis_of,
    cast,
    contiguous,
    empty,
    empty_like,
    floating,
    unary,
    values,
)
from .broadcast import Expand, sum_array
from .declare import op
from .elementwise import Exp, zero_slope
from .indexing import IndexAdd, Where, grid


def kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with length 1 along `axes`."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def run_of(x: np.ndarray, axes: tuple[int, ...]) -> tuple[int, int] | None:
    """The first of `axes` (ascending) and the one after the last, if they are neighbours and x has elements a kernel knows."""
    if x.dtype not in KERNEL_DTYPES or 0 in x.shape:
        return None
    if not axes:
        return 0, 0
    first, last = axes[0], axes[-1] + 1
    return (first, last) if last - first == len(axes) else None


def without(shape: tuple[int, ...], run: tuple[int, int], keepdim: bool) -> tuple[int, ...]:
    """`shape` without a run of axes, or with length 1 along them."""
    first, last = run
    return shape[:first] + ((1,) * (last - first) if keepdim else ()) + shape[last:]


def repeated(g: Any, kept: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """`g`, which has `kept`'s elements, repeated along the axes where kept is 1 and `shape` is not; as a view."""
    if isinstance(g, Tensor):
        return Expand.on(g.reshape(kept), shape)
    g = contiguous(g).reshape(kept)
    strides = [0 if size == 1 else step for size, step in zip(kept, g.strides, strict=True)]
    view: np.ndarray = np.ndarray(shape, g.dtype, g, 0, strides)
    view.flags.writeable = False
    return view


class Sum(Function):
    def forward(self, x: np.ndarray, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
        self.shape, self.axes = x.shape, axes
        run = run_of(x, axes)
        if run is None:
            return sum_array(x, axes, keepdim)
        out = empty(without(x.shape, run, keepdim), x.dtype)
        kernel.sum_over(contiguous(x), out, *run, 1.0)
        return out

    def backward(self, g: Any) -> Any:
        return repeated(g, kept(self.shape, self.axes), self.shape)


class Mean(Function):
    def forward(self, x: np.ndarray, run: tuple[int, int], keepdim: bool, count: int) -> np.ndarray:
        self.shape, self.run, self.count = x.shape, run, count
        out = empty(without(x.shape, run, keepdim), x.dtype)
        kernel.sum_over(contiguous(x), out, *run, count)
        return out

    def backward(self, g: Any) -> Any:
        return repeated(g / self.count, without(self.shape, self.run, True), self.shape)


@op("sum", ".sum")
def sum(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """The sum over `dim` (an int, several, or all). Integers and bools sum to int64.

    float32 is accumulated in double precision, so the error does not grow with the length.

    >>> x = minigrad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.sum(), x.sum(0), x.sum(1, keepdim=True).shape
    (tensor(10.), tensor([4., 6.]), (2, 1))
    """
    input = as_tensor(input)
    if dtype is not None:
        input = cast(input, as_dtype(dtype))
    axes = axes_of(axis if dim is None else dim, input.ndim)
    if input._value.dtype.kind != "f":
        kind = int64 if dtype is None else as_dtype(dtype)
        return wrap(np.asarray(input._value.sum(axes, dtype=kind, keepdims=keepdim or keepdims)))
    return Sum.apply(input, axes, keepdim or keepdims)


@op("mean", ".mean")
def mean(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """The mean over `dim` (an int, several, or all); NaN for no elements. Integers have to be converted first."""
    input = as_tensor(input)
    if dtype is None and input._value.dtype.kind != "f":
        raise RuntimeError(
            f"mean(): could not infer output dtype. Input dtype must be a floating point dtype. Got: {input.dtype}; convert with "
            ".float()"
        )
    x = input._value
    axes = axes_of(axis if dim is None else dim, x.ndim)
    run = run_of(x, axes) if dtype is None else None
    if run is not None:
        return Mean.apply(input, run, keepdim or keepdims, product(x.shape[run[0] : run[1]]))
    count = product(x.shape[axis] for axis in axes)
    total = sum(input, axes if axes else None, keepdim or keepdims, dtype=dtype) if axes or not input.ndim else input
    return total / count if count else total * math.nan


@op("nansum", ".nansum")
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum over `dim` with NaN taken as 0."""
    return sum(Where.apply(np.isnan(input._value), wrap(np.zeros((), input.dtype)), input), dim, keepdim)


class Prod(Function):
    def forward(self, x: np.ndarray, axis: int, keepdim: bool) -> np.ndarray:
        self.x, self.axis, self.kept = x, axis, kept(x.shape, (axis,))
        run = run_of(x, (axis,))
        if run is None:
            return np.asarray(x.prod(axis, keepdims=keepdim))
        self.out = empty(without(x.shape, run, keepdim), x.dtype)
        kernel.product(contiguous(x), self.out, *run)
        return self.out

    def backward(self, g: Any) -> Any:
        if run_of(values(self.x), ()) and not isinstance(g, Tensor) and np.all(self.x):
            return (g * self.out).reshape(self.kept) / self.x
        # The product of all others: from the left, times from the right; exact where elements are 0.
        left = shifted_cumprod(self.x, self.axis)
        right = flipped(shifted_cumprod(flipped(self.x, self.axis), self.axis), self.axis)
        return g.reshape(self.kept) * left * right


def flipped(x: Any, axis: int) -> Any:
    return x.flip(axis) if isinstance(x, Tensor) else np.flip(x, axis)


def shifted_cumprod(x: Any, axis: int) -> Any:
    """The product of the elements before each, along `axis`."""
    if x.shape[axis] == 0:
        return x
    if not isinstance(x, Tensor):
        before = np.roll(x, 1, axis)
        before[(slice(None),) * axis + (slice(0, 1),)] = 1
        return before.cumprod(axis)
    from .joining import cat

    parts = [x.narrow(axis, 0, 1) * 0 + 1]
    for i in range(x.shape[axis] - 1):
        parts.append(parts[-1] * x.narrow(axis, i, 1))
    return cat(parts, axis)


@op("prod", ".prod")
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over axis `dim`, or of all elements."""
    input = as_tensor(input)
    if dtype is not None:
        input = cast(input, as_dtype(dtype))
    elif input._value.dtype.kind != "f":
        input = cast(input, int64)
    if dim is None:
        return Prod.apply(input.reshape(-1), 0, False)
    if input.ndim == 0:
        return input.clone()
    return Prod.apply(input, axis_of(dim, input.ndim), keepdim)


class Extremum(Function):
    """The largest or smallest over axes; elements that tie share the gradient equally, as PyTorch's amax does.

    Where the result is NaN the NaNs share it, or with `spoils` the whole gradient is NaN, as amax's is in PyTorch.
    """

    def forward(
        self, x: np.ndarray, axes: tuple[int, ...], keepdim: bool, largest: bool, spoils: bool = False
    ) -> np.ndarray:
        self.x, self.axes, self.spoils, self.run = x, axes, spoils, run_of(x, axes)
        if self.run is None:
            out = aligned(np.asarray((np.max if largest else np.min)(x, axes, keepdims=True)))
            out = out if keepdim else out.reshape([n for axis, n in enumerate(x.shape) if axis not in axes])
        else:
            out = empty(without(x.shape, self.run, keepdim), x.dtype)
            kernel.extremum(contiguous(x), out, *self.run, largest)
        self.out = out
        return out

    def backward(self, g: Any) -> Any:
        x, shape = values(self.x), kept(self.x.shape, self.axes)
        out = values(self.out).reshape(shape)
        if not isinstance(g, Tensor) and self.run is not None:
            dx = empty_like(x)
            kernel.extremum_backward(contiguous(g), contiguous(x), out, dx, *self.run, self.spoils)
            return dx
        ties = ((x == out) | ((x != x) & (out != out))).astype(x.dtype)
        share = ties / ties.sum(self.axes, keepdims=True)
        if self.spoils:
            share = np.where(out != out, out, share)
        return g.reshape(shape) * share


def _check_not_empty(name: str, input: Tensor, axes: tuple[int, ...]) -> None:
    if 0 in [input.shape[axis] for axis in axes]:
        raise IndexError(
            f"{name}(): Expected reduction dim to have non-zero size, but the shape is {list(input.shape)}"
        )


@op("amax", ".amax")
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim` (an int, several, or all). Ties share the gradient equally."""
    input = as_tensor(input)
    axes = axes_of(dim, input.ndim)
    _check_not_empty("amax", input, axes)
    return Extremum.apply(input, axes, keepdim, True, True)


@op("amin", ".amin")
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim` (an int, several, or all). Ties share the gradient equally."""
    input = as_tensor(input)
    axes = axes_of(dim, input.ndim)
    _check_not_empty("amin", input, axes)
    return Extremum.apply(input, axes, keepdim, False, True)


class ValuesIndices(NamedTuple):
    """What `max`, `min`, `sort` and `topk` along an axis return."""

    values: Tensor
    indices: Tensor


class Selected(Function):
    """The largest or smallest elements along an axis, whose places there are known; they get the gradient."""

    def forward(
        self, x: np.ndarray, places: np.ndarray, axis: int, run: tuple[int, int] | None, largest: bool
    ) -> np.ndarray:
        self.shape, self.places, self.axis = x.shape, places, axis
        if run is None:
            kept_places = places.reshape(kept(x.shape, (axis,)))
            return np.asarray(x[grid(kept_places, axis)]).reshape(places.shape)
        out = empty(places.shape, x.dtype)
        kernel.extremum(contiguous(x), out, *run, largest)
        return out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            shape = kept(self.shape, (self.axis,))
            return IndexAdd.on(g.reshape(shape), self.shape, grid(values(self.places).reshape(shape), self.axis))
        dx = empty(self.shape, g.dtype)
        kernel.extremum_places_backward(contiguous(g), self.places, dx, self.axis)
        return dx


def _select(input: Tensor, dim: int, keepdim: bool, function: Any, name: str) -> ValuesIndices:
    axis = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    _check_not_empty(name, input, (axis,))
    x = input._value
    places = _places(function, x, axis)
    indices = wrap(places if keepdim else places.reshape(without(x.shape, (axis, axis + 1), False)))
    return ValuesIndices(Selected.apply(input, indices, axis, run_of(x, (axis,)), function is np.argmax), indices)


@op("max", ".max")
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; over an axis `dim`, `(values, indices)` of the first largest; of two Tensors, `maximum`.

    >>> values, indices = minigrad.tensor([[1.0, 5.0], [7.0, 3.0]]).max(1)
    >>> values, indices
    (tensor([5., 7.]), tensor([1, 0]))
    """
    input = as_tensor(input)
    if dim is None:
        _check_not_empty("max", input, tuple(range(input.ndim)))
        return Extremum.apply(input, tuple(range(input.ndim)), False, True)
    if isinstance(dim, Tensor):
        from .arithmetic import maximum

        return maximum(input, dim)
    return _select(input, dim, keepdim, np.argmax, "max")


@op("min", ".min")
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; over an axis `dim`, `(values, indices)` of the first smallest; of two Tensors, `minimum`."""
    input = as_tensor(input)
    if dim is None:
        _check_not_empty("min", input, tuple(range(input.ndim)))
        return Extremum.apply(input, tuple(range(input.ndim)), False, False)
    if isinstance(dim, Tensor):
        from .arithmetic import minimum

        return minimum(input, dim)
    return _select(input, dim, keepdim, np.argmin, "min")


@op("argmax", ".argmax")
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first largest element along `dim`, or in the flattened Tensor."""
    return _arg(np.argmax, input, dim, keepdim)


@op("argmin", ".argmin")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first smallest element along `dim`, or in the flattened Tensor."""
    return _arg(np.argmin, input, dim, keepdim)


def _arg(function: Any, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    x = as_tensor(input)._value
    if x.size == 0 and (dim is None or x.shape[axis_of(dim, x.ndim)] == 0):
        raise IndexError(f"{function.__name__}(): Expected reduction dim to be specified for an input of no elements")
    if dim is None or x.ndim == 0:
        return wrap(np.asarray(function(x, keepdims=keepdim)))
    axis = axis_of(dim, x.ndim)
    found = _places(function, x, axis)
    return wrap(found if keepdim else found.reshape(without(x.shape, (axis, axis + 1), False)))


def _places(function: Any, x: np.ndarray, axis: int) -> np.ndarray:
    """np.argmax or np.argmin along an axis, kept; by a kernel where that is not the last one."""
    if run_of(x, (axis,)) is None or x.shape[axis] >= 2**31 or product(x.shape[axis + 1 :]) == 1:
        return aligned(np.asarray(function(x, axis, keepdims=True)))
    out = empty(without(x.shape, (axis, axis + 1), True), int64)
    kernel.extremum_places(contiguous(x), out, axis, function is np.argmax)
    return out


@op("all", ".all")
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements (over `dim`) are nonzero."""
    x = as_tensor(input)._value
    return wrap(np.asarray(np.all(x, axes_of(dim, x.ndim), keepdims=keepdim)))


@op("any", ".any")
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether an element (over `dim`) is nonzero."""
    x = as_tensor(input)._value
    return wrap(np.asarray(np.any(x, axes_of(dim, x.ndim), keepdims=keepdim)))


@op("count_nonzero", ".count_nonzero")
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements (over `dim`) are nonzero, int64."""
    x = as_tensor(input)._value
    return wrap(np.asarray(np.count_nonzero(x, axes_of(dim, x.ndim)), int64))


class Var(Fused):
    """The variance, or its square root, over neighbouring axes."""

    def forward(self, x: np.ndarray, run: tuple[int, int], keepdim: bool, degrees: float, root: bool) -> np.ndarray:
        self.x, self.run, self.keepdim, self.degrees, self.root = x, run, keepdim, degrees, root
        x = contiguous(x)
        self.mean = empty(without(x.shape, run, False), x.dtype)
        kernel.sum_over(x, self.mean, *run, product(x.shape[run[0] : run[1]]))
        self.out = empty(without(x.shape, run, keepdim), x.dtype)
        kernel.squares(x, self.mean, self.out, *run, degrees, root)
        return self.out

    def backward(self, g: np.ndarray) -> np.ndarray:
        if self.root:  # 0 where the deviation is 0, as in PyTorch
            scale = g / np.where(self.out == 0, np.inf, self.out * self.degrees).astype(g.dtype)
        else:
            scale = g * (2 / self.degrees)
        dx = empty_like(self.x)
        kernel.deviations(contiguous(self.x), self.mean, contiguous(scale), dx, *self.run)
        return dx

    @staticmethod
    def definition(x: Tensor, run: tuple[int, int], keepdim: bool, degrees: float, root: bool) -> Tensor:
        axes = tuple(range(*run))
        centered = x - mean(x, axes, True) if axes else x - x
        total = sum(centered * centered, axes, keepdim) / degrees
        return total.sqrt() if root else total


def _var(input: Tensor, dim: Any, unbiased: bool, keepdim: bool, correction: float | None, root: bool) -> Tensor:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    input = as_tensor(input)
    if input._value.dtype.kind != "f":
        raise RuntimeError(
            f"std and var only support floating point and complex dtypes, not {input.dtype}; convert with .float()"
        )
    axes = axes_of(dim, input.ndim)
    count = product(input.shape[axis] for axis in axes)
    degrees = count - (correction if correction is not None else int(unbiased))
    run = run_of(input._value, axes)
    if run is not None and degrees > 0:
        return Var.apply(input, run, keepdim, float(degrees), root)
    centered = input - mean(input, axes if axes else None, True)
    total = sum(centered * centered, axes if axes else None, keepdim)
    total = total / degrees if degrees > 0 else total * math.nan
    return total.sqrt() if root else total


@op("var", ".var")
def var(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The variance over `dim`, from the mean in two passes; divided by n - correction (1 unless `unbiased=False`)."""
    return _var(input, dim, unbiased, keepdim, correction, False)


@op("std", ".std")
def std(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The standard deviation over `dim`; see `var`. Its gradient is 0 where all elements are equal."""
    return _var(input, dim, unbiased, keepdim, correction, True)


@op("var_mean")
def var_mean(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """`var` and `mean`."""
    return var(input, dim, unbiased, keepdim), mean(input, dim, keepdim)


@op("std_mean")
def std_mean(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """`std` and `mean`."""
    return std(input, dim, unbiased, keepdim), mean(input, dim, keepdim)


class LogSumExp(Function):
    def forward(self, x: np.ndarray, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
        self.run = run_of(x, axes)
        if self.run is not None:
            self.x, self.kept = x, without(x.shape, self.run, True)
            self.out = empty(without(x.shape, self.run, keepdim), x.dtype)
            rows.logsumexp_forward(contiguous(x), self.out, *self.run)
            return self.out
        largest = np.max(x, axes, keepdims=True) if x.size else np.zeros(kept(x.shape, axes), x.dtype)
        largest = np.where(np.isfinite(largest), largest, 0).astype(x.dtype)
        out = aligned(np.log(sum_array(unary(np.exp, x - largest), axes, True)) + largest)
        self.kept, self.x = out.shape, x
        self.out = out if keepdim else out.reshape([n for axis, n in enumerate(x.shape) if axis not in axes])
        return self.out

    def backward(self, g: Any) -> Any:
        if self.run is not None and not isinstance(g, Tensor):
            dx = empty_like(self.x)
            rows.logsumexp_backward(contiguous(g), contiguous(self.x), self.out, dx, *self.run)
            return dx
        return g.reshape(self.kept) * Exp.on(self.x - self.out.reshape(self.kept))


@op("logsumexp", ".logsumexp")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, without overflow."""
    input = floating(input)
    return LogSumExp.apply(input, axes_of(dim, input.ndim), keepdim)


class Norm(Function):
    """The p-norm over axes; its gradient at 0 is 0, as PyTorch's subgradient."""

    def forward(self, x: np.ndarray, p: float, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
        self.x, self.p, self.kept, self.axes = x, p, kept(x.shape, axes), axes
        run = self.run = run_of(x, axes) if p == 2 else None
        if run is not None:
            self.out = empty(without(x.shape, run, keepdim), x.dtype)
            kernel.squares(contiguous(x), None, self.out, *run, 1.0, True)
            return self.out
        size = np.abs(x)
        if p == math.inf or p == -math.inf:
            out = np.asarray((np.max if p > 0 else np.min)(size, axes, keepdims=True))
        elif p == 0:
            out = np.count_nonzero(x, axes, keepdims=True).astype(x.dtype)
        elif p == 2:
            out = np.sqrt(sum_array(x * x, axes, True))
        else:
            out = sum_array(size**p, axes, True) ** x.dtype.type(1 / p)
        out = aligned(np.asarray(out))
        self.out = out if keepdim else out.reshape([n for a, n in enumerate(x.shape) if a not in axes])
        return self.out

    def backward(self, g: Any) -> Any:
        if self.run is not None and not isinstance(g, Tensor):
            dx = empty_like(self.x)
            scale = np.asarray(g / np.where(self.out == 0, np.inf, self.out).astype(g.dtype))
            kernel.deviations(contiguous(self.x), None, contiguous(scale), dx, *self.run)
            return dx
        x, g, out = self.x, g.reshape(self.kept), self.out.reshape(self.kept)
        if self.p == 0:
            return zero_slope(x)
        if math.isinf(self.p):
            ties = (np.abs(values(x)) == values(out)).astype(values(x).dtype)
            return g * np.sign(values(x)) * (ties / ties.sum(self.axes, keepdims=True))
        zero = values(out) == 0
        safe = Where.on(zero, out * 0 + 1, out)
        if self.p == 2:
            return g * Where.on(zero, x * 0, x / safe)
        from .arithmetic import PowNumber
        from .elementwise import Abs, Sign

        ratio = Where.on(values(x) == 0, x * 0 + 1, Abs.on(x) / safe)
        return Where.on(values(x) == 0, x * 0, g * Sign.on(x) * PowNumber.on(ratio, self.p - 1))


@op("norm", ".norm")
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over `dim`, or of all elements; p may be inf, -inf, 0 or 'fro' (2)."""
    input = as_tensor(input) if dtype is None else cast(as_tensor(input), as_dtype(dtype))
    if input._value.dtype.kind != "f":
        raise RuntimeError(
            f"norm: Expected a floating point or complex tensor as input. Got {input.dtype}; convert with .float(), or give dtype="
        )
    return Norm.apply(input, 2.0 if p in ("fro", None) else float(p), axes_of(dim, input.ndim), keepdim)


class CumSum(Function):
    def forward(self, x: np.ndarray, axis: int) -> np.ndarray:
        self.axis = axis
        wide = np.float64 if x.dtype == float32 else x.dtype
        return x.cumsum(axis, dtype=wide).astype(x.dtype, copy=False)

    def backward(self, g: Any) -> Any:
        return flipped(CumSum.on(flipped(g, self.axis), self.axis), self.axis)


@op("cumsum", ".cumsum")
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`; integers and bools sum to int64."""
    input = as_tensor(input)
    if dtype is not None:
        input = cast(input, as_dtype(dtype))
    elif input._value.dtype.kind != "f":
        input = cast(input, int64)
    if input.ndim == 0:
        return input.clone()
    return CumSum.apply(input, axis_of(dim, input.ndim))
