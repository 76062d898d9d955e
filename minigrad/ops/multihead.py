"""Attention of several heads between projections, as `nn.MultiheadAttention` computes it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor, wrap
from . import attention, dropout
from .activation import softmax
from .border import check_tensors
from .creation import zeros
from .declare import op
from .indexing import where
from .joining import cat
from .matmul import linear, matmul

NAME = "multi_head_attention_forward"


class Projections(NamedTuple):
    """What is learned: one weight for query, key and value, or three; their biases; a row added to keys and values."""

    weight: Tensor | None
    separate: tuple[Tensor, Tensor, Tensor] | None
    bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None
    out_weight: Tensor
    out_bias: Tensor | None


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None) -> None:
    """AssertionError or RuntimeError, as PyTorch's, unless the numbers of axes and the dtypes of the masks fit together."""
    axes = query.ndim
    _check(
        axes in (2, 3), f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
    )
    kind = f"For {'batched' if axes == 3 else 'unbatched'} ({axes}-D) `query`, expected"
    _check(
        key.ndim == value.ndim == axes,
        f"{kind} `key` and `value` to be {axes}-D but found {key.ndim}-D and {value.ndim}-D tensors respectively",
    )
    if padding is not None:
        _check(
            padding.ndim == axes - 1,
            f"{kind} `key_padding_mask` to be `None` or {axes - 1}-D but found {padding.ndim}-D tensor instead",
        )
    if mask is not None:
        _check(
            mask.ndim in (2, 3), f"{kind} `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    for name, given in (("key_padding_mask", padding), ("attn_mask", mask)):
        if given is not None:
            _check(given.dtype.kind in "bf", f"only bool and floating types of {name} are supported")
            if given.dtype.kind == "f" and given.dtype != query.dtype:
                raise RuntimeError(
                    f"Expected {name} dtype to be bool or to match query dtype, but got {name}.dtype: {given.dtype} and "
                    f"query.dtype: {query.dtype} instead."
                )


def _project(query: Tensor, key: Tensor, value: Tensor, how: Projections) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value times their weights, in one product where they are the same."""
    if how.separate is not None:
        biases = (None, None, None) if how.bias is None else how.bias.chunk(3)
        q, k, v = (linear(*each) for each in zip((query, key, value), how.separate, biases, strict=True))
        return q, k, v
    weight, bias = how.weight, how.bias
    assert weight is not None
    size = query.shape[-1]
    if key is value:
        if query is key:
            q, k, v = linear(query, weight, bias).split(size, -1)
            return q, k, v
        k, v = linear(key, weight[size:], None if bias is None else bias[size:]).split(size, -1)
        return linear(query, weight[:size], None if bias is None else bias[:size]), k, v
    parts = [slice(place * size, (place + 1) * size) for place in range(3)]
    q, k, v = (
        linear(x, weight[part], None if bias is None else bias[part])
        for x, part in zip((query, key, value), parts, strict=True)
    )
    return q, k, v


def _more_keys(mask: Tensor | None, count: int) -> Tensor | None:
    """A mask with `count` more keys at its end, which are seen."""
    if mask is None or not count:
        return mask
    return cat([mask, zeros((*mask.shape[:-1], count), dtype=mask.dtype)], -1)


def _seen(attn_mask: Tensor | None, padding: Tensor | None, dtype: Any) -> Tensor | None:
    """Both masks as one for `scaled_dot_product_attention`: where True hides a key here, it shows one there."""
    given = [mask for mask in (attn_mask, padding) if mask is not None]
    if not given:
        return None
    if all(mask.dtype.kind == "b" for mask in given):
        return ~(given[0] if len(given) == 1 else given[0] | given[1])
    hidden, seen = (wrap(np.array(number, dtype)) for number in (-math.inf, 0.0))
    added = [where(mask, hidden, seen) if mask.dtype.kind == "b" else mask for mask in given]
    return added[0] if len(added) == 1 else added[0] + added[1]


def _weights(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """The weights themselves, all at once."""
    scores = matmul(q * math.sqrt(1.0 / q.shape[-1]), k.transpose(-2, -1))
    if mask is not None:
        hidden = wrap(np.array(-math.inf, scores.dtype))
        scores = where(mask, scores, hidden) if mask.dtype.kind == "b" else scores + mask
    return softmax(scores, -1)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    num_heads: int,
    how: Projections,
    add_zero_attn: bool,
    dropout_p: float,
    key_padding_mask: Tensor | None,
    need_weights: bool,
    attn_mask: Tensor | None,
    average_attn_weights: bool,
    is_causal: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor | None]:
    """What `F.multi_head_attention_forward` says, its inputs (N, L, E) if `batch_first`; `dropout_p` is 0 in evaluation."""
    _check_shapes(query, key, value, key_padding_mask, attn_mask)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. Please use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    embed_dim = query.shape[-1]
    _check(embed_dim % num_heads == 0, f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if how.separate is None:
        _check(key.shape == value.shape, f"key shape {list(key.shape)} does not match value shape {list(value.shape)}")
    else:
        _check(
            key.shape[:-1] == value.shape[:-1],
            f"key's sequence and batch dims {list(key.shape[:-1])} do not match value's {list(value.shape[:-1])}",
        )
    batched = query.ndim == 3
    q, k, v = _project(query, key, value, how)
    if not batched:
        q, k, v = (x.unsqueeze(0 if batch_first else 1) for x in (q, k, v))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    order = (0, 2, 1, 3) if batch_first else (1, 2, 0, 3)
    q, k, v = (x.reshape(*x.shape[:2], num_heads, embed_dim // num_heads).permute(*order) for x in (q, k, v))
    batch, _, length, size = q.shape
    keys = k.shape[2]
    if attn_mask is not None:
        expected = (length, keys) if attn_mask.ndim == 2 else (batch * num_heads, length, keys)
        if attn_mask.shape != expected:
            raise RuntimeError(
                f"The shape of the {attn_mask.ndim}D attn_mask is {attn_mask.shape}, but should be {expected}."
            )
        if attn_mask.ndim == 3:
            attn_mask = attn_mask.reshape(batch, num_heads, length, keys)
    if key_padding_mask is not None:
        _check(
            key_padding_mask.shape == (batch, keys),
            f"expected key_padding_mask of shape {(batch, keys)}, but got {key_padding_mask.shape}",
        )
        key_padding_mask = key_padding_mask.reshape(batch, 1, 1, keys)
    added = 0
    if how.bias_k is not None and how.bias_v is not None:
        row = (1, num_heads, 1, size)
        k = cat([k, how.bias_k.reshape(row).expand(batch, -1, -1, -1)], 2)
        v = cat([v, how.bias_v.reshape(row).expand(batch, -1, -1, -1)], 2)
        added += 1
    if add_zero_attn:
        k, v = (cat([x, zeros((batch, num_heads, 1, size), dtype=x.dtype)], 2) for x in (k, v))
        added += 1
    is_causal = is_causal and key_padding_mask is None and not need_weights
    if is_causal:
        attn_mask = None
    mask = _seen(_more_keys(attn_mask, added), _more_keys(key_padding_mask, added), q.dtype)
    weights = None
    if need_weights:
        weights = _weights(q, k, mask)
        if dropout_p:
            whole = weights.shape
            weights = dropout.dropout(weights.reshape(-1, *whole[2:]), dropout_p).reshape(
                whole
            )  # PyTorch's shape there
        out = matmul(weights, v)
        weights = weights.mean(1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    else:
        out = attention.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
    out = out.permute(*order) if batch_first else out.permute(2, 0, 1, 3)
    out = linear(out.reshape(*out.shape[:2], embed_dim), how.out_weight, how.out_bias)
    return (out if batched else out.squeeze(0 if batch_first else 1)), weights


@op("F.multi_head_attention_forward")
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of `num_heads` heads (Vaswani et al. 2017, section 3.2.2); returns the output and, if asked for, the weights.

    query (L, N, E), key (S, N, K), value (S, N, V), or the same without N; E is `embed_dim_to_check`, and so are K and V
    unless `use_separate_proj_weight`. in_proj_weight (3 E, E) holds the rows for query, key and value; its three alternatives
    are (E, E), (E, K), (E, V). The output is (L, N, E), the weights (N, L, S), or (N, heads, L, S) not averaged.

    `key_padding_mask` (N, S) and `attn_mask`, (L, S) or (N heads, L, S), hide where they are True, or are added to the scores.
    `is_causal` says that `attn_mask` is causal: it is then not looked at where no weights are needed. `bias_k`, `bias_v`
    (1, 1, E) and, with `add_zero_attn`, zeros are added behind the keys and values. `dropout_p` acts on the weights
    while `training`. Without `need_weights` their matrix is never stored. AssertionError and RuntimeError as PyTorch's;
    `static_k` and `static_v` raise NotImplementedError.
    """
    check_tensors(NAME, query=query, key=key, value=value, key_padding_mask=key_padding_mask, attn_mask=attn_mask)
    if static_k is not None or static_v is not None:
        raise NotImplementedError(f"{NAME}: static_k and static_v are not available: call scaled_dot_product_attention")
    _check(
        query.shape[-1] == embed_dim_to_check,
        f"was expecting embedding dimension of {embed_dim_to_check}, but got {query.shape[-1]}",
    )
    separate: Any = None
    if use_separate_proj_weight:
        _check(q_proj_weight is not None, "use_separate_proj_weight is True but q_proj_weight is None")
        _check(k_proj_weight is not None, "use_separate_proj_weight is True but k_proj_weight is None")
        _check(v_proj_weight is not None, "use_separate_proj_weight is True but v_proj_weight is None")
        separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    else:
        _check(in_proj_weight is not None, "use_separate_proj_weight is False but in_proj_weight is None")
    _check((bias_k is None) == (bias_v is None), "one of bias_k and bias_v is set but the other is None")
    how = Projections(in_proj_weight, separate, in_proj_bias, bias_k, bias_v, out_proj_weight, out_proj_bias)
    return attend(
        query, key, value, num_heads, how, add_zero_attn, dropout_p if training else 0.0, key_padding_mask, need_weights,
        attn_mask, average_attn_weights, is_causal, False,
    )  # fmt: skip
