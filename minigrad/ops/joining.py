"""Joining Tensors along an axis, and cutting one into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._kernels import empty
from ..dtypes import result_type
from ..tensor import Function, Tensor
from .border import as_tensor, axis_of, cast
from .declare import op
from .indexing import IndexAdd
from .shape import select, unsqueeze


class Cat(Function):
    def forward(self, axis: int, *parts: np.ndarray) -> np.ndarray:
        self.axis, self.sizes = axis, tuple(part.shape[axis] for part in parts)
        shape = list(parts[0].shape)
        shape[axis] = sum(self.sizes)
        return np.concatenate(parts, axis, out=empty(tuple(shape), parts[0].dtype))

    def backward(self, g: Any) -> Any:
        start, grads = 0, []
        for size in self.sizes:
            index = (slice(None),) * self.axis + (slice(start, start + size),)
            grads.append(g[index])
            start += size
        return None, *grads


@op("cat", "concat", "concatenate")
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors joined along an existing axis; the other sizes must agree."""
    parts = [as_tensor(tensor, "tensors") for tensor in tensors]
    if not parts:
        raise RuntimeError("cat(): expected a non-empty list of Tensors")
    if any(part.ndim == 0 for part in parts):
        raise RuntimeError("zero-dimensional tensor cannot be concatenated; use stack")
    parts = [part for part in parts if part.shape != (0,)] or parts[:1]
    axis = axis_of(dim, parts[0].ndim)
    for i, part in enumerate(parts):
        if part.ndim != parts[0].ndim or any(
            n != m for a, (n, m) in enumerate(zip(part.shape, parts[0].shape, strict=True)) if a != axis
        ):
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {axis}. Got {list(parts[0].shape)} for tensor number 0 and "
                f"{list(part.shape)} for tensor number {i} in the list"
            )
    dtype = result_type(*(part._value for part in parts))
    return Cat.apply(axis, *(cast(part, dtype) for part in parts))


@op("stack")
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis `dim`."""
    parts = [as_tensor(tensor, "tensors") for tensor in tensors]
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, part in enumerate(parts):
        if part.shape != parts[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} at entry 0 and {list(part.shape)} at "
                f"entry {i}"
            )
    return cat([unsqueeze(part, dim) for part in parts], dim)


class Pieces:
    """Gradients of pieces of an array along an axis, whose sum waits until all have arrived: then it is one copy of each."""

    def __init__(self, axis: int, shape: tuple[int, ...], parts: list[tuple[int, np.ndarray]]) -> None:
        self.axis, self.shape, self.parts = axis, shape, parts

    def __add__(self, other: Pieces) -> Pieces:
        return Pieces(self.axis, self.shape, self.parts + other.parts)

    def joined(self) -> np.ndarray:
        """The gradient of the whole, 0 in pieces that have none."""
        out = empty(self.shape, self.parts[0][1].dtype)
        if sum(part.shape[self.axis] for _, part in self.parts) < self.shape[self.axis]:
            out.fill(0)
        for start, part in self.parts:
            out[(slice(None),) * self.axis + (slice(start, start + part.shape[self.axis]),)] = part
        return out


class Whole(Function):
    """x itself, of which pieces are taken: its gradient comes in `Pieces`, or as a Tensor where it is recorded."""

    view = True

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x[...]

    def backward(self, g: Any) -> Any:
        return g.joined() if isinstance(g, Pieces) else g


class Split(Function):
    """The piece of a `Whole` from `start` on."""

    view = True

    def forward(self, x: np.ndarray, axis: int, start: int, size: int) -> np.ndarray:
        self.place, self.shape = (axis, start), x.shape
        return x[(slice(None),) * axis + (slice(start, start + size),)]

    def backward(self, g: Any) -> Any:
        axis, start = self.place
        if type(g) is np.ndarray:
            return Pieces(axis, self.shape, [(start, g)])
        return IndexAdd.on(g, self.shape, (slice(None),) * axis + (slice(start, start + g.shape[axis]),))


@op("split", ".split")
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces along `dim`: all of one size (the last may be smaller), or of the sizes listed."""
    axis = axis_of(dim, tensor.ndim)
    length = tensor.shape[axis]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and length):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        sizes = [min(size, length - start) for start in range(0, length, size)] if length else [0]
    else:
        sizes = list(split_size_or_sections)
        if sum(sizes) != length or any(size < 0 for size in sizes):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at dimension {axis}), but got "
                f"split_sizes={sizes}"
            )
    starts = np.cumsum([0, *sizes]).tolist()
    whole = Whole.apply(tensor)
    return tuple(Split.apply(whole, axis, start, size) for start, size in zip(starts, sizes, strict=False))


@op("chunk", ".chunk")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along `dim` (the last may be smaller)."""
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[axis_of(dim, input.ndim)]
    return split(input, max(1, -(-length // chunks)), dim)


@op("unbind", ".unbind")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the slices along `dim`, which disappears."""
    return tuple(select(input, dim, i) for i in range(input.shape[axis_of(dim, input.ndim)]))
