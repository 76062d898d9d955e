"""In-place writes through views: the base gets the graph of its new contents, and views of it follow.

What a view shows of its base is a `region`, which can be read from an array of the base's shape, put among zeros, or
written over. Each of the three is the other two's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from .._kernels import empty_like
from ..custom_function import made_by_user
from ..grad_mode import mode
from ..tensor import Function, Tensor
from .declare import op
from .indexing import IndexAdd


def region_of(base: np.ndarray, view: np.ndarray) -> tuple:
    """Where the elements of `view` are in a contiguous array of the shape of `base`: (shape, strides, offset, indices).

    Strides and offset count elements; they serve if `base` is contiguous, otherwise the indices do.
    """
    low, high = byte_bounds(base)
    if view.size and not (low <= byte_bounds(view)[0] and byte_bounds(view)[1] <= high):
        raise RuntimeError(
            "this view no longer shares memory with its base, whose data has been replaced: take the view anew"
        )
    width = base.itemsize
    steps = tuple(step // width for step in view.strides)
    offset = (view.ctypes.data - base.ctypes.data) // width if view.size else 0
    if base.flags.c_contiguous:
        return view.shape, steps, offset, None
    places = np.zeros((high - low) // width, np.int64)
    start = (base.ctypes.data - low) // width
    _strided(places, base.shape, tuple(step // width for step in base.strides), start)[...] = np.arange(
        base.size
    ).reshape(base.shape)
    return view.shape, steps, offset, _strided(places, view.shape, steps, start + offset).copy()


def _strided(array: np.ndarray, shape: tuple[int, ...], steps: tuple[int, ...], offset: int) -> np.ndarray:
    """The elements of a contiguous array at `offset` and in `steps` from there."""
    width = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * width, tuple(step * width for step in steps))


def _read(array: np.ndarray, region: tuple) -> np.ndarray:
    shape, steps, offset, indices = region
    array = np.ascontiguousarray(array)
    return _strided(array, shape, steps, offset) if indices is None else array.reshape(-1)[indices]


def _overwrite(array: np.ndarray, part: Any, region: tuple) -> np.ndarray:
    shape, steps, offset, indices = region
    if indices is None:
        _strided(array, shape, steps, offset)[...] = part
    else:
        array.reshape(-1)[indices] = part
    return array


def _overlaps(shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    """Whether a region shows an element more than once."""
    reach = 0  # of the axes with smaller steps: a step within it would come to an element again
    for step, n in sorted(zip(steps, shape, strict=True)):
        if n > 1 and step <= reach:
            return True
        reach += (n - 1) * step
    return False


class Region(Function):
    """A region of x."""

    def forward(self, x: np.ndarray, shape: tuple[int, ...], region: tuple) -> np.ndarray:
        self.shape, self.region = shape, region
        return _read(x, region)

    def backward(self, g: Any) -> Any:
        return Placed.on(g, self.shape, self.region)


class Placed(Function):
    """Zeros of a shape, with x in a region; what a region shows more than once is added up."""

    def forward(self, x: np.ndarray, shape: tuple[int, ...], region: tuple) -> np.ndarray:
        self.shape, self.region = shape, region
        if not _overlaps(*region[:2]):
            return _overwrite(np.zeros(shape, x.dtype), x, region)
        size = math.prod(shape)
        return IndexAdd.on(x, (size,), (_read(np.arange(size), region),)).reshape(shape)

    def backward(self, g: Any) -> Any:
        return Region.on(g, self.shape, self.region)


class Overwritten(Function):
    """x with `part` in a region; x itself if that is `part` already."""

    def forward(self, x: np.ndarray, part: Any, shape: tuple[int, ...], region: tuple) -> np.ndarray:
        self.shape, self.region = shape, region
        if np.may_share_memory(x, part):
            return x[...]
        out = empty_like(x)
        out[...] = x
        return _overwrite(out, part, region)

    def backward(self, g: Any) -> Any:
        return (
            Overwritten.on(g, 0.0, self.shape, self.region) if self.needs(0) else None,
            Region.on(g, self.shape, self.region) if self.needs(1) else None,
        )


class AsStrided(Function):
    """What lies in memory from an offset on at given steps; elements may be seen more than once."""

    view = True

    def forward(self, x: np.ndarray, shape: tuple[int, ...], region: tuple) -> np.ndarray:
        self.shape, self.region = x.shape, region
        out = _strided(x, *region[:3])
        if _overlaps(shape, region[1]):
            out.flags.writeable = False
        return out

    def backward(self, g: Any) -> Any:
        places = _strided(np.arange(math.prod(self.shape)), *self.region[:3])
        return IndexAdd.on(g, (math.prod(self.shape),), (places,)).reshape(self.shape)


@op("as_strided", ".as_strided")
def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """A view of the memory of `input` (contiguous) with any size, steps and offset, counted in elements.

    RuntimeError for steps that leave that memory, or are negative. NotImplementedError if `input` is not contiguous.

    >>> minigrad.arange(5).as_strided((3, 3), (1, 1))  # the windows of length 3
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    shape, steps, offset = tuple(size), tuple(stride), storage_offset or 0
    if len(shape) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if min((*steps, offset, *shape), default=0) < 0:
        raise RuntimeError(
            f"as_strided: negative sizes, strides and offsets are not supported, got {size}, {stride}, {offset}"
        )
    if not input.is_contiguous():
        raise NotImplementedError("as_strided: the input has to be contiguous; call .contiguous() first")
    if storage_offset is not None and input.storage_offset():
        raise NotImplementedError(
            "as_strided: storage_offset counts from the beginning of the memory, of which this is a view; clone() it"
        )
    last = offset + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    if 0 in shape:
        offset = 0
    elif last >= input.numel():
        raise RuntimeError(
            f"as_strided: size {list(shape)} and strides {list(steps)} from {offset} reach element {last} of {input.numel()}"
        )
    return AsStrided.apply(input, shape, (shape, steps, offset, None))


def write_through(view: Tensor, result: Tensor) -> None:
    """Give the base of `view`, into whose memory the values of `result` have been written, its place in the graph."""
    base: Any = view._base
    if result._tracked or base._tracked:
        result._value = view._value
        region = region_of(base._value, view._value)
        base._rebase(Overwritten.apply(base, result, base.shape, region))
        view._refresh()


def refresh(view: Tensor) -> None:
    """If the base of `view` has been written to in place since, make `view` the output of a Function of what it is now."""
    base: Any = view._base
    if base is not None and base.grad_fn is not view._base_fn and mode.recording:
        if made_by_user(view.grad_fn):
            raise RuntimeError(
                "this tensor is a view that a custom Function or a hook of a module returned, and its base has been modified inplace "
                "since: clone() it"
            )
        view._rebase(Region.apply(base, base.shape, region_of(base._value, view._value)))
        view._base_fn = base.grad_fn


Tensor._refresh = refresh  # type: ignore[method-assign, assignment]
