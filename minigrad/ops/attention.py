"""Scaled dot-product attention: one node of the graph, whose memory grows with the lengths and not with their product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..random import Generator
from ..tensor import Fused, Tensor, wrap
from .activation import softmax
from .border import as_tensor, check_number, check_tensors, common_shape, contiguous, empty, same_dtype
from .broadcast import broadcast_to, fit
from .declare import op
from .dropout import Dropout, dropout, keep_threshold, next_place
from .indexing import where
from .matmul import matmul
from .shape import repeat_interleave

NAME = "scaled_dot_product_attention"


def _rows(x: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    """`x` (..., rows, columns) with three axes before those, which hold `batch`; a view where that can be."""
    if x.shape[:-2] != batch:
        x = np.broadcast_to(x, batch + x.shape[-2:])
    if len(batch) < 3:
        return x[(None,) * (3 - len(batch))]
    return x if len(batch) == 3 else x.reshape(-1, *x.shape[len(batch) - 2 :])


def _adjacent(x: np.ndarray) -> np.ndarray:
    """`x`, copied unless the elements of each row lie side by side."""
    size = x.itemsize
    if (x.strides[-1] == size or x.shape[-1] == 1) and not any(step % size for step in x.strides):
        return x
    return contiguous(x)


def _empty_rows(like: np.ndarray, columns: int) -> np.ndarray:
    """Memory for rows of `columns` elements, in the order of the rows of `like`, which may hold heads inside of the length."""
    order = sorted(range(4), key=lambda axis: -(like.strides[axis] or math.inf))
    out = empty((*(like.shape[axis] for axis in order), columns), like.dtype)
    return out if order == [0, 1, 2, 3] else out.transpose(*(order.index(axis) for axis in range(4)), 4)


class Attention(Fused):
    """dropout(softmax(query key' scale + mask)) value. `draw` is (seed, call, offset, threshold) of the dropout, or None."""

    def forward(
        self,
        query: np.ndarray,
        key: np.ndarray,
        value: np.ndarray,
        mask: np.ndarray | None,
        draw: tuple[int, ...] | None,
        is_causal: bool,
        scale: float,
    ) -> np.ndarray:
        self.query, self.key, self.value, self.mask = query, key, value, mask
        self.draw, self.is_causal, self.scale = draw, is_causal, scale
        self.batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        q, k, v, masks = self._kernel_arrays()
        out = _empty_rows(q, v.shape[-1])
        self.lse = empty(q.shape[:-1], q.dtype)
        kernels.attention.attention_forward(q, k, v, masks, out, self.lse, is_causal, scale, draw)
        self.out = out.reshape(*self.batch, *out.shape[-2:]) if len(self.batch) != 3 else out
        return self.out

    def _kernel_arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        q, k, v = (_adjacent(_rows(x, self.batch)) for x in (self.query, self.key, self.value))
        if self.mask is None:
            return q, k, v, None
        shape = (*self.batch, q.shape[-2], k.shape[-2])
        return q, k, v, _rows(np.broadcast_to(self.mask, shape), self.batch)

    def backward(self, g: np.ndarray) -> Any:
        q, k, v, masks = self._kernel_arrays()
        dq, dk, dv = (_empty_rows(x, x.shape[-1]) if self.needs(i) else None for i, x in enumerate((q, k, v)))
        dmask = None
        if self.needs(3):
            dmask = empty((*q.shape[:-1], k.shape[-2]), q.dtype)
            dmask.fill(0)
        kernels.attention.attention_backward(
            _adjacent(_rows(g, self.batch)), q, k, v, masks, _rows(self.out, self.batch), self.lse, self.is_causal, self.scale,
            self.draw, dq, dk, dv, dmask,
        )  # fmt: skip
        pairs = (dq, self.query), (dk, self.key), (dv, self.value), (dmask, self.mask)
        return tuple(
            None if d is None or x is None else fit(d.reshape(*self.batch, *d.shape[-2:]), x.shape) for d, x in pairs
        )

    @staticmethod
    def definition(
        query: Tensor, key: Tensor, value: Tensor, mask: Any, draw: Any, is_causal: bool, scale: float
    ) -> Tensor:
        batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        scores = matmul(broadcast_to(query, (*batch, *query.shape[-2:])) * scale, key.swapaxes(-2, -1))
        hidden = wrap(np.array(-math.inf, scores.dtype))
        if mask is not None:
            scores = where(mask, scores, hidden) if mask.dtype.kind == "b" else scores + mask
        if is_causal:
            scores = where(wrap(np.tri(*scores.shape[-2:], dtype=bool)), scores, hidden)
        sees_any = wrap((scores._value != -math.inf).any(-1, keepdims=True))
        nothing = wrap(np.zeros((), scores.dtype))
        weights = where(sees_any, softmax(where(sees_any, scores, nothing), -1), nothing)
        return matmul(weights if draw is None else Dropout.apply(weights, (1, *draw)), value)


@op("F.scaled_dot_product_attention")
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """dropout(softmax(query key' scale + attn_mask)) value (Vaswani et al. 2017), `scale` being 1 / sqrt(E) unless given.

    query (..., L, E), key (..., S, E) and value (..., S, V), float32 or float64, give (..., L, V); leading axes are broadcast.
    The weights, (..., L, S), are never stored: memory is linear in L and S (Rabe and Staats 2021, Dao et al. 2022).

    `attn_mask` is broadcast to (..., L, S): bools, True where a query sees a key, or numbers of the query's dtype, which are
    added to the scores (their gradient, where one is asked for, does take L S elements). With `is_causal` query i sees no
    key after i; both may be given. A query that sees no key gives 0, and so does its gradient. `enable_gqa`: axis -3 of key
    and value is shorter, and each of their heads serves several of the query's, side by side.

    `dropout_p` acts whenever it is not 0: pass 0 in evaluation. The mask is that of `F.dropout` on the weights, in their
    logical order: it takes the next call number of `generator` (the default one unless given), and backward draws it again.
    RuntimeError for shapes and dtypes that do not fit and for `dropout_p` outside 0 to 1.

    >>> query, key, value = (minigrad.randn(2, 4, 10, 8) for _ in range(3))
    >>> F.scaled_dot_product_attention(query, key, value, is_causal=True, dropout_p=0.1).shape
    (2, 4, 10, 8)
    """
    check_tensors(NAME, query=query, key=key, value=value, attn_mask=attn_mask)
    same_dtype(NAME, query=query, key=key, value=value)
    query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"{NAME}: query {list(query.shape)}, key {list(key.shape)} and value {list(value.shape)} do not fit: query and "
            "key need the same last size, key and value the same last but one"
        )
    if enable_gqa:
        key, value = (_for_each_query_head(query, x) for x in (key, value))
    batch = common_shape(NAME, query.shape[:-2], key.shape[:-2], value.shape[:-2])
    shape = (*batch, query.shape[-2], key.shape[-2])
    if attn_mask is not None:
        _check_mask(attn_mask, query.dtype, shape)
    p = check_number(dropout_p, f"{NAME}: dropout_p")
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    threshold = keep_threshold(p)
    if scale is not None:
        scale = check_number(scale, f"{NAME}: scale")
    elif query.shape[-1]:
        scale = 1 / math.sqrt(query.shape[-1])
    else:
        scale = 1.0
    draw = None
    if p > 0 and threshold and math.prod(shape):
        draw = (*next_place(generator, NAME), threshold)
    compute = Attention.apply if math.prod(shape) * query.shape[-1] * value.shape[-1] else Attention.definition
    result = compute(query, key, value, attn_mask, draw, bool(is_causal), scale)
    return result if threshold else dropout(result, 1.0)


def _check_mask(mask: Tensor, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if mask.dtype.kind != "b" and mask.dtype != dtype:
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{mask.dtype} and query.dtype: {dtype} instead."
        )
    if common_shape(f"{NAME}: attn_mask and scores", mask.shape, shape) != shape:
        raise RuntimeError(
            f"{NAME}: attn_mask of shape {list(mask.shape)} does not broadcast to the scores' {list(shape)}"
        )


def _for_each_query_head(query: Tensor, x: Tensor) -> Tensor:
    """Key or value with its heads repeated, so that there are as many as the query's."""
    if query.ndim < 3 or x.ndim < 3:
        raise IndexError(
            f"{NAME}: enable_gqa needs an axis of heads, (..., heads, length, features), but got {list(query.shape)} and "
            f"{list(x.shape)}"
        )
    heads, own = query.shape[-3], x.shape[-3]
    if own == 0 or heads % own:
        raise RuntimeError(
            f"{NAME}: Number of heads in key and value must divide the number of heads in query, but {own} does not divide {heads}"
        )
    return x if heads == own else repeat_interleave(x, heads // own, -3)
