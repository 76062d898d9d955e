"""Order statistics, counts, running extrema and products, differences, and distances between vectors."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from .._kernels import aligned
from ..dtypes import as_dtype, int64
from ..tensor import Fused, Tensor, wrap
from .border import as_tensor, axis_of, cast, floating
from .declare import op
from .indexing import TakeAlong, index_select
from .joining import cat
from .reduce import ValuesIndices, amax, amin, mean, nansum, norm, shifted_cumprod
from .reduce import max as largest
from .shape import diagonal
from .sorting import _order


def _kth(input: Tensor, k: Any, dim: int, keepdim: bool, spoiled: bool = True) -> ValuesIndices:
    """The elements of rank `k` (from 0; a number, or an array for each row) along `dim`; NaN, with its place, where there is one."""
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    axis = axis_of(dim, input.ndim)
    x = input._value
    shape = tuple(1 if a == axis else n for a, n in enumerate(x.shape))
    places = np.take_along_axis(_order(x, axis, False), np.broadcast_to(k, shape), axis)
    if spoiled:
        missing = np.isnan(x)
        places = np.where(
            missing.any(axis, keepdims=True), missing.argmax(axis)[(slice(None),) * axis + (None,)], places
        )
    indices = wrap(aligned(places))
    values = TakeAlong.apply(input, indices, axis)
    return ValuesIndices(values, indices) if keepdim else ValuesIndices(values.squeeze(axis), indices.squeeze(axis))


def _check_not_empty(name: str, input: Tensor, dim: int) -> None:
    if input.ndim and input.shape[axis_of(dim, input.ndim)] == 0:
        raise IndexError(
            f"{name}(): Expected reduction dim {dim} to have non-zero size, but the shape is {list(input.shape)}"
        )


def _of_all(input: Tensor, found: Tensor) -> Tensor:
    """The element `found`, with a gradient that all equal ones share, as PyTorch's without `dim`."""
    value = found._value
    return largest(input[wrap((input._value == value) | ((input._value != input._value) & (value != value)))])


@op("kthvalue", ".kthvalue")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """`(values, indices)` of the k-th smallest elements along `dim`, k from 1; NaN counts as largest."""
    input = as_tensor(input)
    size = input.shape[axis_of(dim, input.ndim)] if input.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: {k} of {size}")
    return _kth(input, k - 1, dim, keepdim, False)


@op("median", ".median")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of all elements, or `(values, indices)` along `dim`: of an even number the lower one of the middle two.

    NaN where there is a NaN. The gradient goes to the element chosen; equal ones share it where `dim` is not given.
    """
    input = as_tensor(input)
    if dim is None:
        if input.numel() == 0:
            return wrap(np.full((), np.nan, input.dtype))
        return _of_all(input, _kth(input.reshape(-1), (input.numel() - 1) // 2, 0, False).values)
    _check_not_empty("median", input, dim)
    return _kth(input, (input.shape[axis_of(dim, input.ndim)] - 1) // 2 if input.ndim else 0, dim, keepdim)


@op("nanmedian", ".nanmedian")
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not NaN; NaN where all are."""
    input = as_tensor(input)
    if dim is None:
        return _of_all(input, nanmedian(input.reshape(-1), 0).values) if input.numel() else median(input)
    _check_not_empty("nanmedian", input, dim)
    if input.ndim == 0:
        return _kth(input, 0, dim, keepdim)
    there = (~np.isnan(input._value)).sum(axis_of(dim, input.ndim), keepdims=True)
    return _kth(input, np.maximum(there - 1, 0) // 2, dim, keepdim, False)


@op("quantile", ".quantile")
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The q-th quantiles along `dim` (or of all elements), q in [0, 1] a number or a vector, which becomes the first axis.

    `interpolation` between neighbours: 'linear', 'lower', 'higher', 'midpoint' or 'nearest'. NaN where there is a NaN.
    """
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    input = as_tensor(input)
    if not input.is_floating_point():
        raise RuntimeError(f"quantile() input tensor must be either float or double dtype, got {input.dtype}")
    wanted = np.asarray(getattr(q, "_value", q), np.float64)
    if wanted.ndim > 1 or ((wanted < 0) | (wanted > 1)).any():
        raise RuntimeError(f"quantile() q must be a number or a vector with values in the range [0, 1], got {q}")
    if input.numel() == 0:
        raise RuntimeError("quantile() input tensor must be non-empty")
    flat = dim is None or input.ndim == 0
    rows = input.reshape(-1) if flat else input.movedim(axis_of(dim, input.ndim), -1)
    size = rows.shape[-1]
    ranks = wanted.reshape(-1) * (size - 1)
    low = np.floor(ranks)
    share = ranks - low
    if interpolation != "linear":
        choose: Any = {"lower": np.zeros_like, "higher": np.ceil, "midpoint": lambda t: np.where(t > 0, 0.5, 0.0)}
        share = (np.round(ranks) - low) if interpolation == "nearest" else choose[interpolation](share)
    order = np.argsort(rows._value, -1, kind="stable")
    ordered = TakeAlong.apply(rows, wrap(order), rows.ndim - 1)
    first = index_select(ordered, -1, low.astype(int64))
    second = index_select(ordered, -1, np.minimum(low + 1, size - 1).astype(int64))
    out = first + (second - first) * wrap(share.astype(input.dtype))
    missing = np.isnan(rows._value).any(-1, keepdims=True)
    if missing.any():
        out = out + wrap(np.where(missing, np.nan, 0).astype(input.dtype))
    out = out.movedim(-1, 0)
    if keepdim:
        out = out.reshape(out.shape[0], *[1] * input.ndim) if flat else out.unsqueeze(axis_of(dim, input.ndim) + 1)
    return out.squeeze(0) if wanted.ndim == 0 else out


@op("nanmean", ".nanmean")
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The mean of the elements (over `dim`) that are not NaN."""
    x = as_tensor(input)
    if not x.is_floating_point():
        raise RuntimeError(f"nanmean(): expected input to have floating point dtype but got {x.dtype}")
    there = wrap((~np.isnan(x._value)).astype(x.dtype))
    return nansum(x, dim, keepdim) / there.sum(dim, keepdim)


@op("aminmax", ".aminmax")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """`amin` and `amax`."""
    axis: Any = () if dim is None else dim
    return amin(input, axis, keepdim), amax(input, axis, keepdim)


class CumProd(Fused):
    def forward(self, x: np.ndarray, axis: int) -> np.ndarray:
        self.x, self.axis = x, axis
        return x.cumprod(axis).astype(x.dtype, copy=False)

    def backward(self, g: np.ndarray) -> np.ndarray:
        # dx[i] = (x[0] ... x[i-1]) r[i], where r[i] = g[i] + x[i+1] r[i+1]: exact where elements are 0
        rest = np.moveaxis(g.copy(), self.axis, 0)
        x = np.moveaxis(self.x, self.axis, 0)
        for i in range(len(rest) - 2, -1, -1):
            rest[i] += x[i + 1] * rest[i + 1]
        return np.moveaxis(rest, 0, self.axis) * shifted_cumprod(self.x, self.axis)

    @staticmethod
    def definition(x: Tensor, axis: int) -> Tensor:
        if x.shape[axis] == 0:
            return x
        return cat([before * x.narrow(axis, i, 1) for i, before in enumerate(_products(x, axis))], axis)


def _products(x: Tensor, axis: int) -> list[Tensor]:
    before = [x.narrow(axis, 0, 1) * 0 + 1]
    for i in range(x.shape[axis] - 1):
        before.append(before[-1] * x.narrow(axis, i, 1))
    return before


@op("cumprod", ".cumprod")
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running products along `dim`; integers and bools give int64."""
    input = as_tensor(input)
    kind = as_dtype(dtype) if dtype is not None else input.dtype if input.is_floating_point() else int64
    axis = axis_of(dim, input.ndim)
    return cast(input, kind).clone() if input.ndim == 0 else CumProd.apply(cast(input, kind), axis)


def _running(input: Tensor, dim: int, extreme: np.ufunc) -> ValuesIndices:
    input = as_tensor(input)
    axis = axis_of(dim, input.ndim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    x = input._value
    values = extreme.accumulate(x, axis)
    here = np.arange(x.shape[axis]).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    found = np.where((x == values) | (x != x), here, 0)  # the last place of equal ones, as in PyTorch
    indices = wrap(aligned(np.maximum.accumulate(found, axis)))
    return ValuesIndices(TakeAlong.apply(input, indices, axis), indices)


@op("cummax", ".cummax")
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """`(values, indices)` of the largest element so far along `dim`, the last of equal ones."""
    return _running(input, dim, np.maximum)


@op("cummin", ".cummin")
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """`(values, indices)` of the smallest element so far along `dim`, the last of equal ones."""
    return _running(input, dim, np.minimum)


@op("diff", ".diff")
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The n-th differences of neighbours along `dim`, after joining `prepend` and `append` to it."""
    input = as_tensor(input)
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = axis_of(dim, input.ndim)
    parts = [part for part in (prepend, input, append) if part is not None]
    x = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(builtins.min(n, x.shape[axis])):
        count = x.shape[axis] - 1
        after, before = x.narrow(axis, 1, count), x.narrow(axis, 0, count)
        x = after ^ before if x._value.dtype.kind == "b" else after - before
    return x


@op("unique", ".unique")
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), always sorted; also where each element went, and how many there are."""
    x = as_tensor(input)._value
    axis = None if dim is None else axis_of(dim, x.ndim)
    found, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=axis)
    return _chosen(found, inverse.reshape(x.shape if axis is None else -1), counts, return_inverse, return_counts)


@op("unique_consecutive", ".unique_consecutive")
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (or slices along `dim`) without those equal to the one before; also as in `unique`."""
    x = as_tensor(input)._value
    axis = 0 if dim is None else axis_of(dim, x.ndim)
    rows = x.reshape(-1) if dim is None else np.moveaxis(x, axis, 0)
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).reshape(len(rows) - 1 if len(rows) else 0, -1).any(1)
    starts = np.flatnonzero(new)
    found = np.moveaxis(rows[starts], 0, axis)
    counts = np.diff(np.append(starts, len(rows)))
    inverse = (np.cumsum(new) - 1).reshape(x.shape if dim is None else -1)
    return _chosen(found, inverse, counts, return_inverse, return_counts)


def _chosen(found: np.ndarray, inverse: np.ndarray, counts: np.ndarray, with_inverse: bool, with_counts: bool) -> Any:
    parts = [found, *([inverse] if with_inverse else []), *([counts] if with_counts else [])]
    tensors = tuple(wrap(part.copy()) for part in parts)
    return tensors if len(tensors) > 1 else tensors[0]


@op("bincount", ".bincount")
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs in a vector of integers, or the sums of their `weights`; at least `minlength` of them."""
    x = as_tensor(input)._value
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x.size and x.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, got shape {list(x.shape)} of {x.dtype}"
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if weights is None:
        return wrap(np.bincount(x, minlength=minlength))
    if weights.shape != x.shape:
        raise RuntimeError(f"weights should be 1-d and have the same length as input, got {list(weights.shape)}")
    sums = np.bincount(x, weights._value, minlength)
    return wrap(sums.astype(weights.dtype if weights.is_floating_point() else np.float64, copy=False))


@op("histc", ".histc")
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of `bins` equal parts of [min, max]; of the data's own range where both are 0."""
    x = as_tensor(input)._value
    if bins <= 0:
        raise RuntimeError(f"histc: bins must be > 0, got {bins}")
    if max < min:
        raise RuntimeError(f"histc: max must be larger than min, got {min} and {max}")
    low, high = (float(x.min()), float(x.max())) if min == max and x.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    counts, _ = np.histogram(x[(x >= low) & (x <= high)], bins, (low, high))
    return wrap(counts.astype(x.dtype))


@op("dist", ".dist")
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    difference = as_tensor(input) - other
    if not difference.is_floating_point():
        raise RuntimeError(f"dist(): input dtype should be floating point, got {difference.dtype}")
    return norm(difference, p)


@op("cdist")
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norms of the differences of all rows of x1 (..., P, M) and x2 (..., R, M): (..., P, R).

    Composed of differences, so it takes P * R * M numbers; `compute_mode` has no effect.
    """
    for x in (x1, x2):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, got {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    return norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)


@op("cov", ".cov")
def cov(input: Tensor, *, correction: int = 1) -> Tensor:
    """The covariances of variables, which are the rows of (variables, observations); `fweights` and `aweights` are absent."""
    x = floating(input)
    if x.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {x.ndim} dimensions"
        )
    rows = x if x.ndim == 2 else x.reshape(1, -1)
    centered = rows - mean(rows, 1, True)
    out = (centered @ centered.t()) / builtins.max(rows.shape[1] - correction, 0)
    return out if x.ndim == 2 else out.reshape(())


@op("corrcoef", ".corrcoef")
def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlations of variables, which are the rows of (variables, observations)."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    scale = diagonal(c).sqrt()
    return (c / scale.unsqueeze(1) / scale).clamp(-1, 1)
