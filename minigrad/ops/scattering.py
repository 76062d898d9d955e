"""Scattering: values written, added, multiplied or compared to where an index says."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Function, Tensor, wrap
from .border import axis_of, empty, values
from .declare import op
from .indexing import Index, IndexAdd, SetIndex, checked_indices, grid


class Scatter(Function):
    """A copy of x in which the elements at `indices` along an axis are those of `source`, or have it added."""

    def forward(self, x: np.ndarray, source: Any, indices: np.ndarray, axis: int, adding: bool) -> np.ndarray:
        self.indices, self.axis, self.adding = indices, axis, adding
        self.source_shape = np.shape(source)
        out = empty(x.shape, x.dtype)
        np.copyto(out, x)
        place = grid(indices, axis)
        part = source[tuple(slice(0, n) for n in indices.shape)] if np.ndim(source) else source
        if adding:
            out += IndexAdd.on(np.broadcast_to(part, indices.shape), x.shape, place)
        else:
            out[place] = part
        return out

    def backward(self, g: Any) -> Any:
        place = grid(self.indices, self.axis)
        gx = g if self.adding else SetIndex.on(g, 0.0, place)
        if not self.needs(1):
            return gx
        gs = Index.on(g, place)
        if gs.shape != self.source_shape:
            gs = IndexAdd.on(gs, self.source_shape, tuple(slice(0, n) for n in gs.shape))
        return gx, gs


class ScatterExtreme(Function):
    """The largest (or smallest) of x and the elements of `source` that `indices` send there; equal ones share the gradient."""

    def forward(
        self, x: np.ndarray, source: np.ndarray, indices: np.ndarray, axis: int, largest: bool, include_self: bool
    ) -> np.ndarray:
        self.place, self.shape = grid(indices, axis), source.shape
        part = cropped(source, indices)
        out = empty(x.shape, x.dtype)
        np.copyto(out, x)
        if not include_self:
            out[self.place] = lowest(x.dtype) if largest else highest(x.dtype)
        (np.maximum if largest else np.minimum).at(out, self.place, part)
        own = (x == out).astype(x.dtype)
        if not include_self:
            own[self.place] = 0
        hits = (part == out[self.place]).astype(x.dtype)
        count = own.copy()
        np.add.at(count, self.place, hits)
        if x.dtype.kind == "f":
            self.own, self.hits = own / np.maximum(count, 1), hits / np.maximum(count, 1)[self.place]
        return out

    def backward(self, g: Any) -> Any:
        gs = padded(Index.on(g, self.place) * self.hits, self.shape) if self.needs(1) else None
        return (g * self.own if self.needs(0) else None), gs


class ScatterProduct(Function):
    """The product of x (1 where it does not count) and the elements of `source` that `indices` send there."""

    def forward(
        self, x: np.ndarray, source: np.ndarray, indices: np.ndarray, axis: int, include_self: bool
    ) -> np.ndarray:
        self.x, self.source, self.indices, self.axis, self.include_self = x, source, indices, axis, include_self
        self.out = empty(x.shape, x.dtype)
        np.copyto(self.out, x)
        if not include_self:
            self.out[grid(indices, axis)] = 1
        np.multiply.at(self.out, grid(indices, axis), cropped(source, indices))
        return self.out

    def backward(self, g: Any) -> Any:
        place = grid(self.indices, self.axis)
        x, part = self.x, self.source[tuple(slice(0, n) for n in self.indices.shape)]
        if isinstance(g, Tensor):
            if not (np.all(values(x)) and np.all(values(part))):
                raise RuntimeError("scatter_reduce: 'prod' has no second derivative here where an element is 0")
            gx, gs = g * self.out / x, Index.on(g * self.out, place) / part
        else:
            own = x if self.include_self else SetIndex.on(x, 1.0, place)
            zeros = (own == 0) + IndexAdd.on((part == 0).astype(np.int64), x.shape, place)
            rest = np.where(own == 0, 1, own)  # the product of all that are not 0
            np.multiply.at(rest, place, np.where(part == 0, 1, part))
            gx = g * others(own, self.out, rest, zeros)
            gs = g[place] * others(part, self.out[place], rest[place], zeros[place])
        if not self.include_self:
            gx = SetIndex.on(gx, 0.0, place)
        return gx, padded(gs, self.source.shape)


def others(x: np.ndarray, out: np.ndarray, rest: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """The product of what is multiplied with each element of x: `out` over x, or `rest` where x is the only 0."""
    return np.where(x != 0, out / np.where(x == 0, 1, x), np.where(zeros == 1, rest, 0))


def cropped(source: Any, indices: np.ndarray) -> Any:
    """The part of `source` for which there are indices."""
    return source[tuple(slice(0, n) for n in indices.shape)] if np.ndim(source) else source


def padded(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of a `source` of which only the first elements were used."""
    return g if g.shape == shape else IndexAdd.on(g, shape, tuple(slice(0, n) for n in g.shape))


def lowest(dtype: np.dtype) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


@op("scatter", ".scatter")
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: float | None = None, reduce: str | None = None
) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] = src[i][j] for dim 0, and so on; `src` is a Tensor or a number, or `value` is one.

    Where an index occurs twice, one of the values is kept, and the gradient is right only for distinct indices. With
    reduce='add' they are added to the element there, with 'multiply' multiplied.
    """
    if (src is None) == (value is None):
        raise TypeError("scatter() takes either src or value")
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, not {reduce!r}")
    src = value if src is None else src
    axis = axis_of(dim, input.ndim)
    source = src if isinstance(src, Tensor) else float(src) if input.dtype.kind == "f" else src
    indices = checked_indices("scatter", index, input, axis)
    _check_source("scatter", input, indices, source)
    if reduce == "multiply":
        factors = source if isinstance(source, Tensor) else wrap(np.full(indices.shape, source, input.dtype))
        return ScatterProduct.apply(input, factors, indices, axis, True)
    return Scatter.apply(input, source, indices, axis, reduce == "add")


@op("scatter_add", ".scatter_add")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] += src[i][j] for dim 0, and so on."""
    axis = axis_of(dim, input.ndim)
    indices = checked_indices("scatter_add", index, input, axis)
    _check_source("scatter_add", input, indices, src)
    return Scatter.apply(input, src, indices, axis, True)


def _check_source(name: str, input: Tensor, indices: np.ndarray, source: Any) -> None:
    if not isinstance(source, Tensor):
        return
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, but got {input.dtype} and {source.dtype}"
        )
    if source.ndim != indices.ndim or any(n > m for n, m in zip(indices.shape, source.shape, strict=True)):
        raise RuntimeError(
            f"{name}(): index of shape {list(indices.shape)} has to be no larger than src {list(source.shape)}"
        )


@op("scatter_reduce", ".scatter_reduce")
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """The 'sum', 'prod', 'mean', 'amax' or 'amin' of the elements of `src` that `index` sends to a place, as in `scatter`.

    The element of `input` there counts too, unless `include_self` is False; where nothing is sent it stays. Equal extremes share
    the gradient.

    >>> minigrad.zeros(3).scatter_reduce(0, minigrad.tensor([0, 0, 2]), minigrad.tensor([1.0, 3.0, 5.0]), "mean", include_self=False)
    tensor([2., 0., 5.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis = axis_of(dim, input.ndim)
    indices = checked_indices("scatter_reduce", index, input, axis)
    _check_source("scatter_reduce", input, indices, src)
    if reduce == "prod":
        return ScatterProduct.apply(input, src, indices, axis, include_self)
    if reduce in ("amax", "amin"):
        return ScatterExtreme.apply(input, src, indices, axis, reduce == "amax", include_self)
    base = input if include_self else SetIndex.apply(input, 0.0, grid(indices, axis))
    total = Scatter.apply(base, src, indices, axis, True)
    if reduce == "sum":
        return total
    count = np.full(input.shape, int(include_self), np.int64)
    np.add.at(count, grid(indices, axis), 1)
    divisor = wrap(np.maximum(count, 1).astype(input.dtype))
    return total / divisor if input.is_floating_point() else total.div(divisor, rounding_mode="floor")
