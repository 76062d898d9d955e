"""Embeddings: rows of a table, looked up by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..dtypes import int32, int64
from ..engine import mark_written
from ..tensor import Function, Tensor, wrap
from .border import as_tensor, contiguous, empty, same_dtype
from .declare import op


class Embedding(Function):
    """weight[indices]; `skip` is the row that gets no gradient (-1: none), `by_frequency` whether a row's gradient is a mean."""

    def forward(self, weight: np.ndarray, indices: np.ndarray, skip: int, by_frequency: bool) -> np.ndarray:
        self.indices, self.rows, self.skip, self.by_frequency = indices, len(weight), skip, by_frequency
        out = empty((*indices.shape, weight.shape[1]), weight.dtype)
        bad = kernels.embedding.embedding_forward(contiguous(weight), as_index(indices), out)
        if bad >= 0:
            raise IndexError(
                f"embedding: index {indices.reshape(-1)[bad]} is out of range for a table of {len(weight)} rows"
            )
        return out

    def backward(self, g: Any) -> Any:
        return EmbeddingGradient.on(g, self.indices, self.rows, self.skip, self.by_frequency)


class EmbeddingGradient(Function):
    """The gradient of a table of `rows` rows: in each the sum of g where its index stands."""

    def forward(self, g: np.ndarray, indices: np.ndarray, rows: int, skip: int, by_frequency: bool) -> np.ndarray:
        self.indices, self.rows, self.skip, self.by_frequency = indices, rows, skip, by_frequency
        out = empty((rows, g.shape[-1]), g.dtype)
        if g.size and out.size:
            head, after = empty((rows,), int64), empty((indices.size,), int64)
            kernels.embedding.embedding_backward(contiguous(g), as_index(indices), skip, by_frequency, head, after, out)
        else:
            out.fill(0)
        return out

    def backward(self, h: Any) -> Any:
        out = Embedding.on(h, self.indices, -1, False)
        if self.skip < 0 and not self.by_frequency:
            return out
        share = (self.indices != self.skip).astype(out.dtype)
        if self.by_frequency:
            share /= np.bincount(self.indices.reshape(-1), minlength=self.rows).astype(out.dtype)[self.indices]
        return out * share[..., None]


def as_index(indices: np.ndarray) -> np.ndarray:
    """Indices as the kernels take them: contiguous int64."""
    return contiguous(indices if indices.dtype is int64 else indices.astype(int64, copy=False))


def limit_norms(weight: Tensor, indices: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale, in place, those of the rows used whose p-norm is larger than `max_norm` down to it."""
    used = np.unique(indices)
    rows = weight._value[used].astype(np.float64)
    size = np.abs(rows)
    norms = size.max(1, initial=0) if np.isinf(norm_type) else (size**norm_type).sum(1) ** (1 / norm_type)
    large = norms > max_norm
    if large.any():
        weight._value[used[large]] = rows[large] * (max_norm / (norms[large] + 1e-7))[:, None]
        mark_written(weight)


@op("F.embedding")
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` (rows, n) that `input`, int64 or int32 of any shape, names: shape (*input.shape, n).

    Row `padding_idx` (negative: from the end) gets no gradient. With `max_norm` rows in use whose `norm_type`-norm is larger
    are first scaled down to it, in place. `scale_grad_by_freq` divides a row's gradient by how often it is used.
    The gradient is a dense table, summed in double precision in the order of the indices.
    IndexError for an index out of range, RuntimeError for other dtypes, ValueError for a `padding_idx` out of range,
    NotImplementedError for `sparse`.

    >>> weight = minigrad.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], requires_grad=True)
    >>> F.embedding(minigrad.tensor([2, 0, 2]), weight).sum().backward()
    >>> weight.grad
    tensor([[1., 1.],
            [0., 0.],
            [2., 2.]])
    """
    input = as_tensor(input)
    same_dtype("embedding", weight=weight)
    if sparse:
        raise NotImplementedError("embedding: sparse=True is not available: gradients are dense")
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got shape {list(weight.shape)}")
    indices = input._value
    if indices.dtype not in (int64, int32):
        raise RuntimeError(
            f"embedding: expected indices of int64 or int32, but got {indices.dtype}; convert with .long()"
        )
    skip = -1 if padding_idx is None else padding_row(padding_idx, len(weight._value))
    if max_norm is not None and indices.size and indices.min() >= 0 and indices.max() < len(weight._value):
        limit_norms(weight, indices, max_norm, norm_type)
    return Embedding.apply(weight, input, skip, bool(scale_grad_by_freq))


def padding_row(padding_idx: int, rows: int) -> int:
    """`padding_idx` counted from the front. ValueError if it is out of range."""
    if not -rows <= padding_idx < rows:
        raise ValueError(f"Padding_idx must be within num_embeddings: {padding_idx} of {rows} rows")
    return padding_idx % rows


@op("F.one_hot")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """For each class index (int64, any shape) a row of zeros with a 1 at the index: int64, (*, num_classes).

    `num_classes` is one more than the largest index unless given; RuntimeError for an index outside [0, num_classes).

    >>> F.one_hot(minigrad.tensor([2, 0]), num_classes=3)
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    index = as_tensor(tensor, "tensor")._value
    if index.dtype != int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type int64, not {index.dtype}: use .long()")
    if index.size == 0 and num_classes < 1:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if num_classes == 0 or num_classes < -1:
        raise RuntimeError(f"num_classes should be positive, got {num_classes}")
    if index.size and index.min() < 0:
        raise RuntimeError(f"Class values must be non-negative, got {index.min()}")
    classes = int(index.max()) + 1 if num_classes == -1 else num_classes
    if index.size and index.max() >= classes:
        raise RuntimeError(f"Class values must be smaller than num_classes ({classes}), got {index.max()}")
    return wrap((index[..., None] == np.arange(classes)).astype(int64))
