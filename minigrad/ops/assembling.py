"""Stacking, cutting and turning: what shape.py and joining.py leave to be composed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations as chosen
from itertools import combinations_with_replacement, pairwise
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .border import as_tensor, axis_of
from .declare import op
from .indexing import index_select
from .joining import cat, split, stack
from .pad import pad
from .shape import DiagonalScatter, diagonal, flip, meshgrid, transpose


def _at_least(rank: int, tensors: tuple[Any, ...]) -> Any:
    """Each Tensor with at least `rank` axes; one, or a tuple, as it was given."""
    many = len(tensors) != 1 or isinstance(tensors[0], tuple | list)
    parts = tensors[0] if len(tensors) == 1 and many else tensors
    found = []
    for part in parts:
        x = as_tensor(part, "tensors")
        while x.ndim < rank:  # a vector is a row; of a matrix the new axis is the last
            x = x.unsqueeze(-1 if x.ndim == 2 else 0)
        found.append(x)
    return tuple(found) if many else found[0]


@op("atleast_1d")
def atleast_1d(*tensors: Any) -> Any:
    """The Tensor, or each of several, with at least 1 axis."""
    return _at_least(1, tensors)


@op("atleast_2d")
def atleast_2d(*tensors: Any) -> Any:
    """The Tensor, or each of several, with at least 2 axes: a vector becomes a row."""
    return _at_least(2, tensors)


@op("atleast_3d")
def atleast_3d(*tensors: Any) -> Any:
    """The Tensor, or each of several, with at least 3 axes: (n,) becomes (1, n, 1), and (n, m) (n, m, 1)."""
    return _at_least(3, tensors)


@op("hstack")
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the second axis, vectors along their only one."""
    parts = _at_least(1, (tuple(tensors),))
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


@op("vstack", "row_stack")
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the first axis, vectors as rows."""
    return cat(_at_least(2, (tuple(tensors),)), 0)


@op("dstack")
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the third axis."""
    return cat(_at_least(3, (tuple(tensors),)), 2)


@op("column_stack")
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the second axis, vectors as columns."""
    return cat([x.reshape(-1, 1) if x.ndim < 2 else x for x in map(as_tensor, tensors)], 1)


@op("tensor_split", ".tensor_split")
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of so many pieces along `dim`, the first ones longer by 1 if need be; or of the pieces before, between and after indices."""
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, int):
        if given < 1:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        return split(input, [size // given + (i < size % given) for i in range(given)], axis)
    edges = [0, *given, size]
    before = (slice(None),) * axis
    places = [(*before, slice(start, end)) for start, end in pairwise(edges)]
    return tuple(input[place] for place in places)


def _split_at(name: str, input: Tensor, given: Any, dim: int, rank: int) -> tuple[Tensor, ...]:
    if input.ndim < rank:
        raise RuntimeError(f"{name} requires a tensor with at least {rank} dimension, but got {input.ndim} dimensions")
    if isinstance(given, int) and (given < 1 or input.shape[dim] % given):
        raise RuntimeError(
            f"{name} attempted to split along dimension {dim}, but the size of the dimension {input.shape[dim]} is not divisible by the "
            f"split_size {given}!"
        )
    return tensor_split(input, given, dim)


@op("hsplit", ".hsplit")
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the second axis (of a vector the only one) into equal pieces, or at indices."""
    return _split_at("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


@op("vsplit", ".vsplit")
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the first axis into equal pieces, or at indices."""
    return _split_at("vsplit", input, indices_or_sections, 0, 2)


@op("dsplit", ".dsplit")
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the third axis into equal pieces, or at indices."""
    return _split_at("dsplit", input, indices_or_sections, 2, 3)


@op("fliplr", ".fliplr")
def fliplr(input: Tensor) -> Tensor:
    """The second axis reversed."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@op("flipud", ".flipud")
def flipud(input: Tensor) -> Tensor:
    """The first axis reversed."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@op("rot90", ".rot90")
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned k times by 90 degrees in the plane of two axes, from the first towards the second."""
    if len(dims) != 2 or input.ndim < 2:
        raise RuntimeError(
            f"expected total rotation dims == 2 and total dims >= 2, but got {len(dims)} and {input.ndim}"
        )
    a, b = (axis_of(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    if k % 4 == 2:
        return flip(input, a, b)
    if k % 2 == 0:
        return input.clone()
    return transpose(flip(input, b if k % 4 == 1 else a), a, b).clone()


@op("diag_embed", ".diag_embed")
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices, in axes dim1 and dim2 of the result, with the last axis of `input` on a diagonal and zeros elsewhere."""
    first, second = axis_of(dim1, input.ndim + 1), axis_of(dim2, input.ndim + 1)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    side = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for axis in sorted((first, second)):
        shape.insert(axis, side)
    return DiagonalScatter.apply(input, tuple(shape), (offset, first, second))


@op("trace", ".trace")
def trace(input: Tensor) -> Tensor:
    """The sum of the main diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return diagonal(input).sum()


@op("block_diag")
def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices (numbers, vectors as rows) along the diagonal of a larger one, zeros elsewhere."""
    blocks = [as_tensor(x).reshape(1, -1) if as_tensor(x).ndim < 2 else x for x in tensors]
    for place, block in enumerate(blocks):
        if block.ndim > 2:
            raise RuntimeError(
                f"block_diag: Input tensors must have 2 or fewer dimensions. Input {place} has {block.ndim} dimensions"
            )
    if not blocks:
        return wrap(np.zeros((1, 0), np.float32))
    width = sum(block.shape[1] for block in blocks)
    rows, start = [], 0
    for block in blocks:
        rows.append(pad(block, (start, width - start - block.shape[1])))
        start += block.shape[1]
    return cat(rows)


@op("cartesian_prod")
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of one element of each vector, as rows in the order of nested loops."""
    for tensor in tensors:
        if tensor.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(tensor.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*tensors)], 1)


@op("combinations")
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, as rows."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    ways = (combinations_with_replacement if with_replacement else chosen)(range(input.shape[0]), r)
    places = np.array(list(ways), np.int64).reshape(-1, r)
    return index_select(input, 0, places.reshape(-1)).reshape(places.shape) if r else input[:0]
