"""Sorting and ranking along an axis."""

from __future__ import annotations

import numpy as np

from ..dtypes import int64
from ..tensor import Tensor, wrap
from .border import as_tensor, axis_of
from .declare import op
from .indexing import TakeAlong
from .reduce import ValuesIndices


def _order(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # Reversed twice, so that equal elements keep their order
    flipped = np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    return x.shape[axis] - 1 - flipped


@op("sort", ".sort")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> ValuesIndices:
    """`(values, indices)` in order along `dim`; equal elements keep their order (always stable), NaN counts as largest."""
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    axis = axis_of(dim, input.ndim)
    order = wrap(_order(as_tensor(input)._value, axis, descending))
    return ValuesIndices(TakeAlong.apply(input, order, axis), order)


@op("argsort", ".argsort")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that sort `input` along `dim`."""
    return sort(input, dim, descending).indices


@op("topk", ".topk")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """`(values, indices)` of the k largest (or smallest) elements along `dim`, in order."""
    axis = axis_of(dim, input.ndim)
    if not 0 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError(
            f"selected index k out of range: k = {k} along a dimension of size {input.shape[axis] if input.ndim else 1}"
        )
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    order = wrap(_order(input._value, axis, largest)[(slice(None),) * axis + (slice(0, k),)].copy())
    return ValuesIndices(TakeAlong.apply(input, order, axis), order)
