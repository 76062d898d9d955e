"""Norms of vectors and matrices under the names of `torch.linalg`.

What takes a decomposition (inv, svd, eig, solve and the rest) is absent; NumPy has it: `minigrad.from_numpy(np.linalg.inv(x.numpy()))`.
"""

from __future__ import annotations

import math
from typing import Any

from .dtypes import as_dtype
from .ops.border import cast
from .ops.matmul import cross, matmul
from .ops.reduce import amax, amin
from .ops.reduce import norm as vector_norm_
from .ops.shape import diagonal
from .tensor import Tensor

__all__ = ["cross", "diagonal", "matmul", "matrix_norm", "norm", "vector_norm"]


def _real(name: str, x: Tensor, dtype: Any) -> Tensor:
    if not x.is_floating_point():
        raise RuntimeError(f"linalg.{name}: Expected a floating point tensor as input. Got {x.dtype}")
    return x if dtype is None else cast(x, as_dtype(dtype))


def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(sum |x|^ord)^(1 / ord) over `dim` (an int, several, or all); ord may be inf, -inf or 0, which counts.

    >>> minigrad.linalg.vector_norm(minigrad.tensor([[3.0, 4.0]]), dim=1)
    tensor([5.])
    """
    if isinstance(ord, str) or ord is None:
        raise TypeError(f"linalg.vector_norm: ord must be a number, not {ord!r}")
    return vector_norm_(_real("vector_norm", x, dtype), ord, dim, keepdim)


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Norms of matrices in two axes: 'fro' (the root of all squares), 1 and -1 (the largest and smallest column sum of absolute
    values), inf and -inf (of rows). 2, -2 and 'nuc', which take singular values, raise NotImplementedError."""
    A = _real("matrix_norm", A, dtype)
    if A.ndim < 2:
        raise RuntimeError(f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions, got {A.ndim}")
    rows, columns = (d % A.ndim for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm_(A, 2, (rows, columns), keepdim)
    if ord in (2, -2, "nuc"):
        raise NotImplementedError(
            f"linalg.matrix_norm: ord={ord!r} takes singular values, which minigrad does not compute"
        )
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    summed, other = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = A.abs().sum(summed, True)
    out = (amax if ord > 0 else amin)(sums, other, True)
    return out if keepdim else out.squeeze((rows, columns))


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """`matrix_norm` where `ord` is given and `dim` names two axes, or A has two; otherwise `vector_norm` over `dim`, or of all."""
    pair = isinstance(dim, tuple | list) and len(dim) == 2
    if ord is not None and (pair or (dim is None and A.ndim == 2) or isinstance(ord, str)):
        return matrix_norm(A, ord, tuple(dim) if pair else (-2, -1), keepdim, dtype=dtype)
    if ord is not None and dim is None and A.ndim > 2:
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
