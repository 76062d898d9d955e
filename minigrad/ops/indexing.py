"""Indexing, selection by masks and indices, and the in-place `x[index] = v`."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import numpy as np

from .. import _kernels as kernels
from .._kernels import aligned
from ..dtypes import int64, uint8
from ..tensor import Function, Tensor, wrap
from .border import KERNEL_DTYPES, as_tensor, axis_of, cast, common_shape, contiguous, empty, operands
from .broadcast import fit
from .declare import op
from .elementwise import zero_slope


def plain_index(index: Any, ndim: int) -> Any:
    """An index of `ndim` axes with Tensors replaced by arrays, and 0-d integers by ints; lists become arrays, as in PyTorch.

    An Ellipsis that stands for no axis is left out beside arrays: to NumPy it would still lie between them.
    """
    if not isinstance(index, tuple):
        return _plain_part(index)
    parts = tuple(_plain_part(part) for part in index)
    return parts if is_basic(parts) or _axes_named(parts) < ndim else tuple(p for p in parts if p is not Ellipsis)


def _axes_named(parts: tuple) -> int:
    """How many axes the parts of an index take, apart from an Ellipsis."""
    taken = (part for part in parts if part is not None and part is not Ellipsis and not isinstance(part, bool))
    return sum(part.ndim if isinstance(part, np.ndarray) and part.dtype.kind == "b" else 1 for part in taken)


def _plain_part(index: Any) -> Any:
    if isinstance(index, list):
        return np.asarray([int(i) if isinstance(i, Tensor) else i for i in index]) if index else np.zeros(0, int64)
    array = index._value if isinstance(index, Tensor) else index
    if not isinstance(array, np.ndarray):
        return index
    if array.dtype.kind == "f":
        raise IndexError(f"tensors used as indices must be integers or bools, not {array.dtype}")
    if array.dtype == uint8:  # numbers to NumPy, a mask to PyTorch
        raise IndexError("tensors used as indices must not be uint8: convert a mask with .bool(), numbers with .long()")
    return int(array) if array.ndim == 0 and array.dtype.kind in "iu" else array


def is_basic(index: Any) -> bool:
    """Whether NumPy answers with a view: ints, slices, None and Ellipsis alone."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(part, np.ndarray | bool) for part in parts)


def ints_and_arrays(index: Any) -> tuple[tuple, tuple] | None:
    """An index that mixes ints with arrays as two, to be applied one after the other; None for any other index.

    PyTorch selects by ints first; NumPy would take them for arrays too, and then order the axes of the result otherwise.
    """
    if not isinstance(index, tuple) or is_basic(index) or not any(type(part) is int for part in index):
        return None
    first: list[Any] = []
    for part in index:
        if type(part) is int or part is Ellipsis:
            first.append(part)
        elif isinstance(part, np.ndarray) and part.dtype.kind == "b":
            first.extend([slice(None)] * part.ndim)
        elif part is not None and not isinstance(part, bool):
            first.append(slice(None))
    return tuple(first), tuple(part for part in index if type(part) is not int)


def one_by_one(index: Any, shape: tuple[int, ...]) -> Any:
    """`index` in a form by which NumPy reads and writes in PyTorch's order: as it is, or naming each element."""
    mixed = ints_and_arrays(index)
    if mixed is None:
        return index
    places = np.arange(prod(shape)).reshape(shape)[mixed[0]][mixed[1]]
    return np.unravel_index(places, shape)


class Index(Function):
    """x[index]: a view when the index is basic, otherwise a copy."""

    def forward(self, x: np.ndarray, index: Any) -> np.ndarray:
        self.view = is_basic(index)
        self.shape, self.index = x.shape, (index if self.view or not self.needs(0) else own_copy(index),)
        out = x[index]
        if type(out) is not np.ndarray:  # NumPy answers a full index with a scalar, which is no view
            whole = index if isinstance(index, tuple) else (index,)
            whole = (*whole, ...)
            out = x[whole]
        return out

    def backward(self, g: Any) -> Any:
        return IndexAdd.on(g, self.shape, self.index[0])


def own_copy(index: Any) -> Any:
    """An index whose arrays no one else can write to."""
    if isinstance(index, tuple):
        return tuple(own_copy(part) for part in index)
    return index.copy() if isinstance(index, np.ndarray) else index


class IndexAdd(Function):
    """Zeros of `shape` to which g is added at `index`; an element named twice receives both."""

    def forward(self, g: np.ndarray, shape: tuple[int, ...], index: Any) -> np.ndarray:
        self.index = (index,)
        if is_basic(index) or _all_masks(index):  # which name no element twice
            out = empty(shape, g.dtype)
            out.fill(0)
            out[index] = g
            return out
        if g.dtype.kind != "f":
            out = np.zeros(shape, g.dtype)
            np.add.at(out, index, g)
            return out
        rows = _rows(index)
        if rows is not None and g.dtype in KERNEL_DTYPES and g.size:
            return _added_to_rows(g, rows, shape)
        places = np.arange(prod(shape)).reshape(shape)[index]
        sums = np.bincount(places.reshape(-1), np.broadcast_to(g, places.shape).reshape(-1), prod(shape))
        return sums.astype(g.dtype, copy=False).reshape(shape)

    def backward(self, g: Any) -> Any:
        return Index.on(g, self.index[0])


def _rows(index: Any) -> np.ndarray | None:
    """The integers of an index of the first axis alone."""
    rows = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    return rows if isinstance(rows, np.ndarray) and rows.dtype.kind in "iu" else None


def _added_to_rows(g: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of a table of rows, as that of an embedding."""
    rows = np.ascontiguousarray(np.where(rows < 0, rows + shape[0], rows), int64)
    out = empty(shape, g.dtype)
    head, after = empty((shape[0],), int64), empty((rows.size,), int64)
    table = (shape[0], prod(shape[1:]))
    g = contiguous(g).reshape(*rows.shape, table[1])
    kernels.embedding.embedding_backward(g, rows, -1, False, head, after, out.reshape(table))
    return out


def _all_masks(index: Any) -> bool:
    parts = [part for part in (index if isinstance(index, tuple) else (index,)) if isinstance(part, np.ndarray)]
    return len(parts) == 1 and parts[0].dtype == bool


class SetIndex(Function):
    """A copy of x in which x[index] is v."""

    def forward(self, x: np.ndarray, v: Any, index: Any) -> np.ndarray:
        self.index, self.shape = (index,), np.shape(v)
        out = empty(x.shape, x.dtype)
        np.copyto(out, x)
        out[index] = v
        return out

    def backward(self, g: Any) -> Any:
        index = self.index[0]
        gx = SetIndex.on(g, 0.0, index) if self.needs(0) else None
        return gx, (fit_view(Index.on(g, index), self.shape) if self.needs(1) else None)


def fit_view(g: Any, shape: tuple[int, ...]) -> Any:
    """`fit`, also where `shape` has leading ones that the target lacks."""
    extra = len(shape) - g.ndim
    return fit(g, shape[extra:]).reshape(shape) if extra > 0 else fit(g, shape)


@op(".__getitem__")
def getitem(input: Tensor, index: Any) -> Tensor:
    """input[index], by PyTorch's (and NumPy's) rules: a view for ints, slices, None and ..., otherwise a copy."""
    index = plain_index(index, input.ndim)
    mixed = ints_and_arrays(index)
    try:
        return Index.apply(input, index) if mixed is None else Index.apply(Index.apply(input, mixed[0]), mixed[1])
    except IndexError as error:
        raise IndexError(f"{error} (index {_shown(index)} of a tensor of shape {list(input.shape)})") from None


def _shown(index: Any) -> str:
    text = repr(index)
    return text if len(text) < 60 else text[:57] + "..."


class Where(Function):
    def forward(self, condition: np.ndarray, x: Any, y: Any) -> np.ndarray:
        self.condition = condition
        self.shapes = np.shape(x), np.shape(y)
        shape = common_shape("where", condition.shape, *self.shapes)
        return np.where(condition, x, y) if prod(shape) < 4096 else _by_bits(condition, x, y, shape)

    def backward(self, g: Any) -> Any:
        x, y = self.shapes
        zero = zero_slope(g)
        gx = fit(Where.on(self.condition, g, zero), x) if self.needs(1) else None
        return None, gx, (fit(Where.on(self.condition, zero, g), y) if self.needs(2) else None)


def _by_bits(condition: np.ndarray, x: Any, y: Any, shape: tuple[int, ...]) -> np.ndarray:
    """np.where without a branch for each element, which is many times faster where the condition is not regular."""
    out = empty(shape, np.result_type(x, y))
    bits = np.dtype(f"i{out.itemsize}")
    chosen, a, b = out.view(bits), *(np.asarray(part, out.dtype).view(bits) for part in (x, y))
    flags = condition.view(np.int8)
    if b.ndim == 0 and b == 0:
        np.bitwise_and(a, np.negative(flags, dtype=bits), out=chosen)
    elif a.ndim == 0 and a == 0:
        np.bitwise_and(b, np.subtract(flags, 1, dtype=bits), out=chosen)
    else:
        np.bitwise_xor(a, b, out=chosen)
        chosen &= np.negative(flags, dtype=bits)
        chosen ^= b
    return out


@op("where")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` (bool), elsewhere `other`, broadcast; with the condition alone, `nonzero(as_tuple=True)`.

    >>> x = minigrad.tensor([-1.0, 2.0, -3.0])
    >>> minigrad.where(x > 0, x, 0.0)
    tensor([0., 2., 0.])
    """
    condition = as_tensor(condition, "condition")
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition._value.dtype == np.uint8:
        warnings.warn(
            "where received a uint8 condition tensor, which is deprecated: use a boolean one, .bool()", stacklevel=2
        )
        condition = wrap(condition._value != 0)
    if condition._value.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = as_tensor(input)
    x, y = operands(input, other)
    dtype = x._value.dtype if isinstance(x, Tensor) else y._value.dtype
    x, y = (t if isinstance(t, Tensor) else wrap(np.asarray(t, dtype)) for t in (x, y))
    return Where.apply(condition, x, y)


@op(".where")
def where_method(input: Tensor, condition: Tensor, other: Any) -> Tensor:
    """`input` where `condition`, elsewhere `other`."""
    return where(condition, input, other)


@op("masked_fill", ".masked_fill")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value` where `mask` (bool) holds."""
    if mask._value.dtype.kind != "b":
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    number = cast(value, input.dtype) if isinstance(value, Tensor) else wrap(np.asarray(value).astype(input.dtype))
    if number.ndim:
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {number.ndim} dimension(s)."
        )
    return Where.apply(mask, number, input)


@op("masked_select", ".masked_select")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where `mask` holds, in order, 1-D."""
    shape = common_shape("masked_select", input.shape, mask.shape)
    return input.expand(shape)[mask.expand(shape)]


class TakeAlong(Function):
    """x at `indices` along an axis, as numpy.take_along_axis but with PyTorch's cropping of the other axes."""

    def forward(self, x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
        self.shape, self.indices, self.axis = x.shape, indices, axis
        return x[grid(indices, axis)]

    def backward(self, g: Any) -> Any:
        return IndexAdd.on(g, self.shape, grid(self.indices, self.axis))


def grid(indices: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """The full index that `indices` along `axis` stand for."""
    places = list(np.ogrid[tuple(slice(0, n) for n in indices.shape)]) if indices.ndim else []
    places[axis] = indices
    return tuple(places)


def checked_indices(name: str, index: Tensor, input: Tensor, axis: int) -> np.ndarray:
    value = index._value
    if value.dtype != int64 and value.dtype.kind not in "iu":
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {value.dtype}")
    if value.ndim != input.ndim:
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {value.ndim} and {input.ndim}"
        )
    size = input.shape[axis]
    if value.size and (value.min() < 0 or value.max() >= size):
        bad = value.min() if value.min() < 0 else value.max()
        raise RuntimeError(f"index {int(bad)} is out of bounds for dimension {axis} with size {size}")
    return value


@op("gather", ".gather")
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on; `index` (int64) gives the shape of the result.

    >>> scores = minigrad.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> labels = minigrad.tensor([2, 0])
    >>> scores.gather(1, labels.unsqueeze(1)).squeeze(1)  # of each row the score of its label
    tensor([3., 4.])
    """
    if sparse_grad:
        raise NotImplementedError("gather: sparse_grad=True is not available: gradients are dense")
    axis = axis_of(dim, input.ndim)
    checked_indices("gather", index, input, axis)
    for a, (n, m) in enumerate(zip(index.shape, input.shape, strict=True)):
        if a != axis and n > m:
            raise RuntimeError(
                f"Size does not match at dimension {a} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {axis}"
            )
    return TakeAlong.apply(input, index, axis)


@op("take_along_dim", ".take_along_dim")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Elements of `input` at `indices` along `dim`, the other axes broadcast."""
    if dim is None:
        return input.reshape(-1).gather(0, indices.reshape(-1))
    axis = axis_of(dim, input.ndim)
    sizes = list(np.broadcast_shapes(
        tuple(1 if a == axis else n for a, n in enumerate(input.shape)),
        tuple(1 if a == axis else n for a, n in enumerate(indices.shape)),
    ))  # fmt: skip
    wide, chosen = list(sizes), list(sizes)
    wide[axis], chosen[axis] = input.shape[axis], indices.shape[axis]
    return gather(input.expand(wide), axis, indices.expand(chosen))


def _vector(index: Any, size: int, name: str) -> np.ndarray:
    value = np.asarray(getattr(index, "_value", index))
    if value.dtype.kind not in "iu" and value.size:
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index, got {value.dtype}")
    value = value.reshape(-1).astype(int64)
    if value.size and (value.min() < 0 or value.max() >= size):
        raise IndexError(f"{name}(): index {int(value.max())} out of range for a dimension of size {size}")
    return value


@op("index_select", ".index_select")
def index_select(input: Tensor, dim: int, index: Any) -> Tensor:
    """The slices of `input` at `index` (1-D integers) along `dim`."""
    axis = axis_of(dim, input.ndim)
    return Index.apply(input, (slice(None),) * axis + (_vector(index, input.shape[axis], "index_select"),))


@op("index_add", ".index_add")
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """A copy of `input` with alpha * source[i] added to the slice index[i] along `dim`."""
    axis = axis_of(dim, input.ndim)
    places = _vector(index, input.shape[axis], "index_add")
    place = (slice(None),) * axis + (places,)
    if source.ndim != input.ndim or source.shape[axis] != places.size:
        raise RuntimeError(
            f"index_add(): Number of indices ({places.size}) should be equal to source.size(dim): {list(source.shape)} along {axis}"
        )
    return input + IndexAdd.apply(source * alpha if alpha != 1 else source, input.shape, place)


@op("index_fill", ".index_fill")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy of `input` with `value` in the slices at `index` along `dim`."""
    axis = axis_of(dim, input.ndim)
    place = (slice(None),) * axis + (_vector(index, input.shape[axis], "index_fill"),)
    return SetIndex.apply(input, value, place)


@op("index_copy", ".index_copy")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` in which the slices at `index` along `dim` are those of `source`."""
    axis = axis_of(dim, input.ndim)
    places = _vector(index, input.shape[axis], "index_copy")
    expected = tuple(places.size if a == axis else n for a, n in enumerate(input.shape))
    if source.shape != expected:
        raise IndexError(f"index_copy_(): source must have shape {list(expected)}, got {list(source.shape)}")
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype, but got {input.dtype} and {source.dtype}"
        )
    return SetIndex.apply(input, source, (slice(None),) * axis + (places,))


@op("index_put", ".index_put")
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of `input` in which input[indices] is `values`, or with `accumulate` has them added; `indices` is a tuple of Tensors."""
    if not isinstance(indices, tuple | list):
        raise TypeError(f"index_put(): argument 'indices' must be tuple of Tensors, not {type(indices).__name__}")
    place = one_by_one(plain_index(tuple(indices), input.ndim), input.shape)
    values = cast(values, input.dtype)
    if not accumulate:
        return SetIndex.apply(input, values, place)
    target = input._value[place].shape
    return input + IndexAdd.apply(values.expand(target), input.shape, place)


@op("masked_scatter", ".masked_scatter")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` in which the elements where `mask` (bool) holds are the first ones of `source`, in order."""
    if mask._value.dtype.kind != "b":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype} and {source.dtype}"
        )
    shape = common_shape("masked_scatter", input.shape, mask.shape)
    wide = np.broadcast_to(mask._value, shape)
    count = int(wide.sum())
    if count > source.numel():
        raise RuntimeError(f"Number of elements of source < number of ones in mask: {source.numel()} < {count}")
    return SetIndex.apply(input.expand(shape), source.reshape(-1)[:count], wide)


@op("take", ".take")
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at `index` (int64) in the flattened `input`, in the shape of `index`."""
    if index._value.dtype != int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    return input.reshape(-1)[index]


@op("argwhere", ".argwhere")
def argwhere(input: Tensor) -> Tensor:
    """The indices of nonzero elements, (count, ndim) int64."""
    return nonzero(input)


@op("isin")
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each of `elements` is among `test_elements`, or with `invert` is not."""
    x, y = as_tensor(elements, "elements")._value, as_tensor(test_elements, "test_elements")._value
    return wrap(np.isin(x, y, assume_unique, invert).copy())


@op("nonzero", ".nonzero")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of nonzero elements, (count, ndim) int64; `as_tuple` gives one vector for each axis, to index with."""
    found = np.nonzero(np.atleast_1d(as_tensor(input)._value))
    if as_tuple:
        return tuple(wrap(part) for part in found)
    return wrap(aligned(np.stack(found, 1))[:, : input.ndim])


@op("bucketize")
def bucketize(input: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """For each element the index of its bucket among ascending `boundaries`."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@op("searchsorted")
def searchsorted(
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None
) -> Tensor:
    """Where each value of `input` would be inserted in ascending numbers: a vector, or rows with one row of values each.

    Before equal ones, or with `right` (or side='right') after them.
    """
    if side not in (None, "left", "right") or (side == "left" and right):
        raise RuntimeError(f"searchsorted: side must be 'left' or 'right' and agree with right={right}, got {side!r}")
    rows, x = as_tensor(sorted_sequence, "sorted_sequence")._value, np.asarray(getattr(input, "_value", input))
    where_equal: Any = "right" if right or side == "right" else "left"
    kind = np.int32 if out_int32 else int64
    if rows.ndim == 1:
        return wrap(np.asarray(np.searchsorted(rows, x, where_equal), kind))
    if rows.shape[:-1] != x.shape[:-1]:
        raise RuntimeError(
            f"searchsorted: boundaries of {list(rows.shape)} should be 1 dimension, or agree with the values {list(x.shape)} in all axes "
            "but the last"
        )
    pairs = zip(rows.reshape(-1, rows.shape[-1]), x.reshape(-1, x.shape[-1]), strict=True)
    return wrap(np.array([np.searchsorted(*pair, where_equal) for pair in pairs], kind).reshape(x.shape).copy())
