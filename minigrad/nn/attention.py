"""Attention with several heads and its projections."""

from __future__ import annotations

from typing import Any

from ..ops.creation import empty
from ..ops.multihead import Projections, attend
from ..tensor import Tensor
from . import init
from .linear import Linear
from .module import Module
from .parameter import Parameter


class MultiheadAttention(Module):
    """Queries look keys up, in `num_heads` heads, and get sums of values (Vaswani et al. 2017, section 3.2.2).

    query (L, N, embed_dim), key (S, N, kdim) and value (S, N, vdim), with N in front if `batch_first`, or without N; kdim and
    vdim are `embed_dim` unless given. Returns the output, of the query's shape, and with `need_weights` the weights (N, L, S),
    averaged over heads or, without `average_attn_weights`, (N, num_heads, L, S); without it None, and their matrix is never
    stored. Masks: see `F.multi_head_attention_forward`. `dropout` acts on the weights in training.

    Parameters are PyTorch's: in_proj_weight (3 embed_dim, embed_dim), or q_proj_weight, k_proj_weight and v_proj_weight where
    kdim or vdim differ, Xavier-uniform; in_proj_bias and out_proj.bias zero; bias_k and bias_v (1, 1, embed_dim) Xavier-normal.
    AssertionError unless num_heads divides embed_dim.

    >>> layer = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=True)
    >>> x = minigrad.randn(3, 5, 8)
    >>> out, weights = layer(x, x, x)
    >>> out.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    >>> list(layer.state_dict())
    ['in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias']
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, got embed_dim={embed_dim} and num_heads={num_heads}"
            )
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        shapes: dict[str, tuple[int, ...] | None] = {
            "q_proj_weight": (embed_dim, embed_dim),
            "k_proj_weight": (embed_dim, self.kdim),
            "v_proj_weight": (embed_dim, self.vdim),
            "in_proj_weight": None,
        }
        if self._qkv_same_embed_dim:
            shapes = {**dict.fromkeys(shapes), "in_proj_weight": (3 * embed_dim, embed_dim)}
        shapes["in_proj_bias"] = (3 * embed_dim,) if bias else None
        shapes["bias_k"] = shapes["bias_v"] = (1, 1, embed_dim) if add_bias_kv else None
        for name, shape in shapes.items():
            parameter = None if shape is None else Parameter(empty(shape, device=device, dtype=dtype))
            self.register_parameter(name, parameter)
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for row in (self.bias_k, self.bias_v):
            if row is not None:
                init.xavier_normal_(row)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        if query.shape[-1] != self.embed_dim:
            raise AssertionError(f"was expecting embedding dimension of {self.embed_dim}, but got {query.shape[-1]}")
        separate = None
        if not self._qkv_same_embed_dim:
            separate = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        projections = Projections(
            self.in_proj_weight, separate, self.in_proj_bias, self.bias_k, self.bias_v, self.out_proj.weight,
            self.out_proj.bias,
        )  # fmt: skip
        return attend(
            query, key, value, self.num_heads, projections, self.add_zero_attn, self.dropout if self.training else 0.0,
            key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal, self.batch_first,
        )  # fmt: skip
